"""Named optimization settings; `slsc.search.sls.settings` has the search's of the same names."""

from __future__ import annotations

from dataclasses import dataclass

from slsc.errors import UsageError
from slsc.trainer.schedule import Schedule


@dataclass(frozen=True)
class Preset:
    """Choices that go together.

    Attributes:
        batch: patches a step.
        patch: side of the input patches in pixels.
        schedule: of the learning rate.
        epoch: steps of an epoch.
        epochs: length of the run; None where it must be given.
    """

    batch: int
    patch: int
    schedule: Schedule
    epoch: int = 1000
    epochs: int | None = None


SHORT = Preset(16, 32, Schedule(1e-3))
PAPER = Preset(16, 48, Schedule(1e-4, "multistep", 0, (2 / 3,), 0.5), 1000, 300)
"""SLS, CVPR 2022, and its published code: 1000 steps are 20 patches of each of 800 images."""

PAPER_DEBLUR = Preset(16, 256, Schedule(1e-4, "multistep", 0, (0.5, 0.75, 0.9), 0.5), 131, 2000)
"""131 steps are GOPRO once. The paper does not tell when the rate falls; these are DeepDeblur's milestones."""

PRESETS = {
    "fast": SHORT,
    "thorough": SHORT,
    "paper": PAPER,
    "paper-deblur": PAPER_DEBLUR,
    "official": PAPER,
    "official-defaults": PAPER,
}


def preset(name: str) -> Preset:
    """The preset called `name`.

    Raises:
        UsageError: there is none.
    """
    if name not in PRESETS:
        raise UsageError(f"unknown preset {name!r}", hint=f"use one of {', '.join(PRESETS)}")
    return PRESETS[name]
