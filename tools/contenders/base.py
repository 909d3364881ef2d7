"""What an engine must offer to be measured."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from slsc.plan import Plan

Image = npt.NDArray[np.float32]
"""One image, 1xCxHxW float32, rows contiguous."""

Restore = Callable[[Image], Image]
"""Runs the network once, from planar float32 in memory to planar float32 in memory."""


def processor_seconds(run: Restore, image: Image) -> float:
    """What one run takes of the processor, whatever else the machine does then."""
    begun = time.process_time()
    run(image)
    return time.process_time() - begun


@dataclass(frozen=True)
class Subject:
    """A network to be measured.

    Attributes:
        network: its name in the zoo.
        budget: kept / dense MACs over the prunable layers that was asked for, 1 when dense.
        file: the ONNX file, input and output NCHW with free height and width, masks baked in.
        plan: N:M of its layers, None when dense.
        gmacs: kept weight MACs of one image of the benchmark's size, / 10^9.
    """

    network: str
    budget: Fraction
    file: Path
    plan: Plan | None
    gmacs: float


class Contender(Protocol):
    """One engine in one configuration, computing in float32."""

    version: str
    dense: bool
    """Measured on the dense network."""
    pruned: bool
    """Measured on the pruned networks, whose zeros it makes use of."""

    def convert(self, subject: Subject, folder: Path, hw: tuple[int, int]) -> Path:
        """Bring a network into the engine's own form; done once, never timed.

        Args:
            subject: the network.
            folder: where to write; of this contender and subject alone.
            hw: size of the images that will be run.

        Raises:
            BackendError: the engine does not take this network.
        """
        ...

    def load(self, file: Path, hw: tuple[int, int], threads: int) -> Restore:
        """Prepare what `convert` wrote to be run on images of `hw` with `threads` threads."""
        ...
