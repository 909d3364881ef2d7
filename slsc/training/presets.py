"""Named optimization settings."""

from __future__ import annotations

from dataclasses import dataclass

from slsc.errors import UsageError
from slsc.train.schedule import Schedule


@dataclass(frozen=True)
class Preset:
    """Choices that go together.

    Attributes:
        batch: patches a step.
        patch: side of the input patches in pixels.
        schedule: of the learning rate.
        steps: length of the run; None where it must be given.
    """

    batch: int
    patch: int
    schedule: Schedule
    steps: int | None


EPOCH = 1000
"""Steps of an epoch in the paper's super-resolution runs: 800 images, 20 patches of each, 16 a step."""

PRESETS = {
    "fast": Preset(16, 32, Schedule(1e-3), None),
    # SLS, CVPR 2022, and its published code for super-resolution.
    "paper": Preset(16, 48, Schedule(1e-4, "multistep", 0, (2 / 3,), 0.5), 300 * EPOCH),
}


def preset(name: str) -> Preset:
    """The preset called `name`.

    Raises:
        UsageError: there is none.
    """
    if name not in PRESETS:
        raise UsageError(f"unknown preset {name!r}", hint=f"use one of {', '.join(PRESETS)}")
    return PRESETS[name]
