"""How long, and how, networks are trained by `slsc compile`."""

from __future__ import annotations

from collections.abc import Mapping

from slsc.errors import UsageError
from slsc.search.effort import Effort
from slsc.search.sls.settings import FAST, THOROUGH
from slsc.trainer.schedule import Horizon, Schedule
from slsc.trainer.settings import TrainSettings

EFFORTS: Mapping[str, Effort | None] = {
    "none": None,
    "brief": Effort(
        TrainSettings(Horizon(steps=600, seconds=60.0), batch=8, schedule=Schedule(1.5e-3, warmup=0)), FAST
    ),
    "fast": Effort(TrainSettings(Horizon(steps=4800, seconds=480.0), batch=8, schedule=Schedule(1e-3, warmup=0)), FAST),
    "thorough": Effort(
        TrainSettings(Horizon(steps=60_000, seconds=6300.0), batch=8, schedule=Schedule(1e-3, warmup=0)), THOROUGH
    ),
}
"""No training; a minute of it; training within ten minutes, and within two hours, on two cores, the search included.

That is for each network. Where types of 8 bits follow, a quarter of it is training through roundings, and the search
has the rest; of `auto`, two trainings share the quarter."""


def effort_of(name: str) -> Effort | None:
    """The effort called `name`.

    Raises:
        UsageError: there is none.
    """
    if name not in EFFORTS:
        raise UsageError(f"unknown effort {name!r}", hint=f"use one of {', '.join(EFFORTS)}")
    return EFFORTS[name]
