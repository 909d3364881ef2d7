"""Which of several plan files the native engine takes least time for, on this machine."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from slsc.runtime.backends.native_backend import NativeBackend
from slsc.runtime.bundle.manifest import ImageIO
from slsc.runtime.tiles.tiling import round_up

SIDE = 128
"""Of the image, pixels, where the networks take any."""

ROUNDS, SECONDS = 7, 2.0
"""At most so many runs of each, and about so long altogether; two rounds at least, the first of which warms up."""


def fastest(plans: Sequence[bytes], io: ImageIO) -> list[float]:
    """Milliseconds that one image of noise takes with each plan file, on one thread: the least of runs taken in turn.

    Args:
        plans: of networks of one interface.
        io: how pixels enter them.
    """
    noise = np.random.default_rng(0).random((1, io.channels, *raced_size(io)))
    image = io.input_range.from_unit(noise).astype(np.float32)
    backend = NativeBackend(1)
    try:
        runners = [backend.load(plan) for plan in plans]
        begun = time.perf_counter()
        taken: list[list[float]] = [[] for _ in plans]
        while len(taken[0]) < 2 or (len(taken[0]) < ROUNDS and time.perf_counter() - begun < SECONDS):
            for runner, times in zip(runners, taken, strict=True):
                start = time.perf_counter()
                runner.run(image)
                times.append(time.perf_counter() - start)
    finally:
        backend.close()
    return [1000 * min(times[1:]) for times in taken]


def raced_size(io: ImageIO) -> tuple[int, int]:
    """Height and width of that image."""
    height, width = io.fixed_hw or [round_up(SIDE, multiple) for multiple in io.multiple_of]
    return height, width
