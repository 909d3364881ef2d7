"""How long, and how, networks are trained by `slsc compile`."""

from __future__ import annotations

from slsc.trainer.schedule import Horizon, Schedule
from slsc.trainer.settings import TrainSettings

EFFORTS = ("none", "fast", "thorough")
"""No training; training within ten minutes; training within two hours on two cores, the search included."""

TRAINING = {
    "fast": TrainSettings(Horizon(steps=1200, seconds=480.0), batch=8, schedule=Schedule(1e-3, warmup=0)),
    "thorough": TrainSettings(Horizon(steps=15_000, seconds=6300.0), batch=8, schedule=Schedule(1e-3, warmup=0)),
}
"""Settings of the efforts that train; seed and value range are the search's."""
