"""How far two backends' outputs of one network lie apart."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from slsc.metrics.psnr import psnr_to
from slsc.runtime.backends import Runner
from slsc.runtime.backends.base import Batch
from slsc.runtime.bundle.manifest import ImageIO
from slsc.runtime.tiles.tiling import round_up

LEAST_DB: Mapping[str, float] = {
    "float32": 90.0,
    "fp16": 45.0,
    "bf16": 35.0,
    "bf16-rounded": 35.0,
    "int8": 40.0,
    "auto": 35.0,
}
"""Least PSNR between both backends' outputs, by precision; float rounding alone leaves 120 dB and more.

In fewer bits backends may round at other places, and compute in more bits than they were asked to.
"""

SIZES = ((64, 80), (71, 53))
"""Sizes compared where the network takes any: one that strides divide, and an odd one."""


def decibels(reference: Runner, other: Runner, io: ImageIO) -> float:
    """PSNR in dB between the outputs of two runners of one network, on noise; the lowest of several sizes.

    The peak is the range of the reference's output. Minus infinity where an output is not finite.
    """
    return min(psnr_to(reference.run(batch), other.run(batch)) for batch in _batches(io))


def _batches(io: ImageIO) -> list[Batch]:
    random = np.random.default_rng(0)
    fitted = {(round_up(rows, io.multiple_of[0]), round_up(columns, io.multiple_of[1])) for rows, columns in SIZES}
    sizes = [io.fixed_hw] if io.fixed_hw else sorted(fitted)
    noise = (random.random((1, io.channels, *size)) for size in sizes)
    return [io.input_range.from_unit(values).astype(np.float32) for values in noise]
