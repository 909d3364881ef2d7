"""The choices of a training run."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from slsc.errors import UsageError
from slsc.trainer.schedule import Horizon, Schedule

PRECISIONS = ("32-true", "bf16-mixed", "16-mixed")
"""Lightning Fabric's words. Mixed: convolutions in the narrow type; weights, loss and optimizer stay float32."""

OPTIMIZERS = ("adam", "muon")


@dataclass(frozen=True)
class TrainSettings:
    """How a network is trained.

    Attributes:
        horizon: when the run ends.
        batch: samples a step, over all processes.
        schedule: the learning rate along the way.
        seed: of the samples drawn; the initial weights are the caller's.
        precision: one of `PRECISIONS`.
        optimizer: one of `OPTIMIZERS`, of dense networks; pruned ones have Adam.
        ema: decay a step of the running mean of the weights, which the run then ends with; None for the last weights.
        value_range: white minus black in the network's output; the loss is over it.
        save_every: seconds between checkpoints.
        log_every: steps a row of the log stands for.
        validate_every: steps between validations.
        devices: processes, each with its own device; `batch` is shared out among them.
        accelerator: "auto", "cpu" or "gpu".

    Raises:
        UsageError: a value that cannot be.
    """

    horizon: Horizon
    batch: int = 16
    schedule: Schedule = field(default_factory=Schedule)
    seed: int = 0
    precision: str = PRECISIONS[0]
    optimizer: str = OPTIMIZERS[0]
    ema: float | None = None
    value_range: float = 1.0
    save_every: float = 120.0
    log_every: int = 100
    validate_every: int = 1000
    devices: int = 1
    accelerator: str = "auto"

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise UsageError(f"unknown precision {self.precision!r}", hint=f"use one of {', '.join(PRECISIONS)}")
        if self.ema is not None and not 0 < self.ema < 1:
            raise UsageError(f"the decay of the weights' mean is {self.ema}", hint="use --ema 0.999")
        if not 0 < self.save_every < math.inf:
            raise UsageError(
                f"the time between checkpoints is {self.save_every / 60:g} minutes", hint="use --save-every 10"
            )
        if self.devices < 1 or self.batch < 1 or self.batch % self.devices:
            raise UsageError(
                f"a batch of {self.batch} cannot be shared out evenly among {self.devices} processes",
                hint="use a --batch that --devices divides",
            )
