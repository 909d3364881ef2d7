"""Named sets of choices: how a network is trained, and how `sls` searches meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from slsc.errors import UsageError
from slsc.search.sls.settings import (
    FAST,
    OFFICIAL,
    OFFICIAL_DEFAULTS,
    PAPER,
    PAPER_DEBLUR,
    THOROUGH,
    SlsSettings,
)
from slsc.trainer.schedule import Schedule


@dataclass(frozen=True)
class Preset:
    """Choices that go together.

    Attributes:
        batch: patches a step.
        patch: side of the input patches in pixels.
        schedule: of the learning rate.
        sls: how `sls` learns N.
        epoch: steps of an epoch.
        epochs: length of the run; None where it must be given.
    """

    batch: int
    patch: int
    schedule: Schedule
    sls: SlsSettings
    epoch: int = 1000
    epochs: int | None = None


_SHORT = Preset(16, 32, Schedule(1e-3), FAST)
_PUBLISHED = Preset(16, 48, Schedule(1e-4, "multistep", 0, (2 / 3,), 0.5), PAPER, 1000, 300)
"""SLS, CVPR 2022, and its published code: 1000 steps are 20 patches of each of 800 images."""

_DEBLUR = Preset(16, 256, Schedule(1e-4, "multistep", 0, (0.5, 0.75, 0.9), 0.5), PAPER_DEBLUR, 131, 2000)
"""131 steps are GOPRO once. The paper does not tell when the rate falls; these are DeepDeblur's milestones."""

PRESETS: Mapping[str, Preset] = {
    "fast": _SHORT,
    "thorough": replace(_SHORT, sls=THOROUGH),
    "paper": _PUBLISHED,
    "paper-deblur": _DEBLUR,
    "official": replace(_PUBLISHED, sls=OFFICIAL),
    "official-defaults": replace(_PUBLISHED, sls=OFFICIAL_DEFAULTS),
}


def preset(name: str) -> Preset:
    """The preset called `name`.

    Raises:
        UsageError: there is none.
    """
    if name not in PRESETS:
        raise UsageError(f"unknown preset {name!r}", hint=f"use one of {', '.join(PRESETS)}")
    return PRESETS[name]
