"""Devices, precision and the averaging of gradients, from Lightning Fabric."""

from __future__ import annotations

import logging
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.precision import MixedPrecision
from lightning_fabric.strategies import DDPStrategy, Strategy

from slsc.trainer.settings import TrainSettings

# Here, so that it also holds in spawned processes, which come by this module before Fabric greets.
logging.getLogger("lightning_fabric").setLevel(logging.WARNING)


class KeepInputs(MixedPrecision):
    """Mixed precision that leaves inputs and targets in float32.

    Autocast narrows what is convolved; skip connections and the loss keep their precision.
    """

    def convert_input(self, data: Any) -> Any:
        """The inputs as they are."""
        return data


def make_fabric(settings: TrainSettings) -> Fabric:
    """The engine for one run, not launched yet."""
    gpu = settings.accelerator == "gpu" or (settings.accelerator == "auto" and torch.cuda.is_available())
    plugins: list[Any] = []
    if settings.precision != "32-true":
        plugins.append(KeepInputs(settings.precision, "cuda" if gpu else "cpu"))  # type: ignore[arg-type]
    return Fabric(
        accelerator="gpu" if gpu else "cpu", devices=settings.devices, strategy=_strategy(settings), plugins=plugins
    )


def _strategy(settings: TrainSettings) -> Strategy | str:
    if settings.devices == 1:
        return "auto"
    # Recipes freeze parameters on the way. Buffers follow from steps that all processes take alike.
    return DDPStrategy(start_method="spawn", find_unused_parameters=True, forward_sync_buffers=False)
