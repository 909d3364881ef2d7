"""The least time a GPU could need for each convolution: a roofline over fp16 tensor cores, dense and 2:4.

Each convolution counts alone: its input, weights and output go through memory once, in fp16, and whole vectors of
channels are moved and multiplied. What really limits a kernel besides (launches, caches, fusion, tactics that are not
there) is left out, so times are bounds and speed-ups are the most there could be.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import onnx

from slsc.passes.analysis.shapes import Shapes
from slsc.passes.graph import CONVOLUTIONS, attribute
from slsc.passes.weights import Weights

BYTES = 2
"""Of an fp16 number."""

DENSE_VECTOR, SPARSE_VECTOR = 8, 16
"""Channels that fp16 tensor cores work on together: dense and 2:4."""


@dataclass(frozen=True)
class Device:
    """What a GPU does at most.

    Attributes:
        title: its name.
        dense: fp16 tensor-core FLOP/s.
        sparse: the same with 2:4 weights, zeros counted.
        bandwidth: bytes/s of its memory.
    """

    title: str
    dense: float
    sparse: float
    bandwidth: float


DEVICES: Mapping[str, Device] = {
    "orin-nano": Device("Jetson Orin Nano Super", 17e12, 34e12, 102e9),
    "a100": Device("A100 40GB", 312e12, 624e12, 1555e9),
}
"""Dense peaks and bandwidths as published; with 2:4 weights twice the dense peak."""

DEFAULT_DEVICE = "orin-nano"


@dataclass(frozen=True)
class Bound:
    """Least time of one convolution weight, all uses together, in seconds.

    Attributes:
        math: multiplying, dense.
        sparse_math: multiplying, 2:4.
        memory: moving input, weights and output.
    """

    math: float
    sparse_math: float
    memory: float

    @property
    def by(self) -> str:
        """What bounds the dense convolution: "math" or "memory"."""
        return "math" if self.math > self.memory else "memory"

    @property
    def dense(self) -> float:
        """Least time, dense."""
        return max(self.math, self.memory)

    @property
    def sparse(self) -> float:
        """Least time with 2:4 weights."""
        return max(self.sparse_math, self.memory)

    @property
    def at_best(self) -> float:
        """How many times faster 2:4 could be at most."""
        return self.dense / self.sparse if self.sparse else 1.0


def bounds(
    model: onnx.ModelProto, shapes: Shapes, device: Device, counts: Mapping[str, int] | None = None
) -> dict[str, Bound]:
    """The bound of every convolution weight by name.

    Args:
        model: as the import passes leave it.
        shapes: of its tensors at the size asked about.
        device: where it would run.
        counts: channels of values that shall have others than in `shapes`.
    """
    weights = Weights(model)
    found: dict[str, Bound] = {}
    for node in model.graph.node:
        if node.op_type in CONVOLUTIONS:
            name = weights.source_of(node.input[1]) or node.input[1]
            found[name] = _sum(found.get(name, Bound(0, 0, 0)), _bound(node, shapes, device, counts or {}))
    return found


def _bound(node: onnx.NodeProto, shapes: Shapes, device: Device, counts: Mapping[str, int]) -> Bound:
    source, made = (_Plane.of(name, shapes, counts) for name in (node.input[0], node.output[0]))
    groups, kernel = int(attribute(node, "group", 1)), math.prod(shapes.of[node.input[1]][2:])
    if groups == shapes.of[node.input[0]][1]:  # depthwise, or one channel
        groups = source.channels
    inputs, outputs = source.channels // groups, made.channels // groups
    taps = kernel * (source.pixels if node.op_type == "ConvTranspose" else made.pixels)

    def flops(vector: int) -> float:
        return 2.0 * taps * groups * _whole(inputs, vector) * _whole(outputs, vector)

    elements = sum(_whole(plane.channels, DENSE_VECTOR) * plane.pixels for plane in (source, made))
    moved = BYTES * (elements + kernel * inputs * outputs * groups)
    return Bound(flops(DENSE_VECTOR) / device.dense, flops(SPARSE_VECTOR) / device.sparse, moved / device.bandwidth)


@dataclass(frozen=True)
class _Plane:
    channels: int
    pixels: int

    @classmethod
    def of(cls, name: str, shapes: Shapes, counts: Mapping[str, int]) -> _Plane:
        _, channels, *hw = shapes.of[name]
        return cls(counts.get(name, channels), math.prod(hw))


def _sum(one: Bound, other: Bound) -> Bound:
    return Bound(one.math + other.math, one.sparse_math + other.sparse_math, one.memory + other.memory)


def _whole(channels: int, vector: int) -> int:
    return -(-channels // vector) * vector
