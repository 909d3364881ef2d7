"""A network under probe: run in ONNX Runtime, with the sizes it takes and the scale it gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx

from slsc.data.degradations import Pixels
from slsc.errors import ModelError
from slsc.passes import verify
from slsc.passes.analysis.shapes import MULTIPLES
from slsc.passes.graph import declared_shape, fixed_hw, image_channels, image_input
from slsc.probe.convention import Convention

SIDES = (48, 160)
"""Least sides of the trial images: small ones first, larger ones for networks with wide windows."""


@dataclass(frozen=True)
class Geometry:
    """Sizes: the scale, the only input size there is (or None), and what height and width must be multiples of."""

    scale: int
    fixed_hw: tuple[int, int] | None
    multiple_of: tuple[int, int]


class ProbedNetwork:
    """A model ready to restore images under any convention.

    Raises:
        ModelError: the model has no single image input and output, or ONNX Runtime refuses it.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self.input, self.output = image_input(model)
        self.channels = image_channels(model)
        self.batch, _, height, width = declared_shape(model, self.input)
        if (height is None) != (width is None):
            raise ModelError(
                f"height {height or 'free'} and width {width or 'free'}",
                where=f"input {self.input!r}",
                why="either both or none must be fixed",
                hint="export with dynamic height and width",
            )
        self.fixed_hw = fixed_hw(model)
        self._session = verify.session(model)

    def values(self, image: Pixels, convention: Convention) -> Pixels:
        """What the network makes of an image: CxHxW, in its own range and order of channels."""
        step = -1 if convention.order == "BGR" else 1
        unit = image[:, :, ::step].transpose(2, 0, 1) / 255
        values = np.asarray(convention.input.from_unit(unit), np.float64)
        return self._run(values.transpose(1, 2, 0)).transpose(2, 0, 1)

    def scale_at(self, hw: tuple[int, int]) -> int:
        """Output pixels per input pixel of an image of size `hw`.

        Raises:
            ModelError: the network does not run on this size, or its output is no whole multiple of it.
        """
        height, width = self._run(np.full((*hw, self.channels), 0.5)).shape[:2]
        scale = height // hw[0]
        if scale < 1 or (height, width) != (hw[0] * scale, hw[1] * scale):
            given, taken = f"{width}x{height}", f"{hw[1]}x{hw[0]}"
            raise ModelError("the output is not the image at a whole scale", why=f"{given} from an input of {taken}")
        return scale

    def _run(self, values: Pixels) -> Pixels:
        batch = np.repeat(values.transpose(2, 0, 1)[None], self.batch or 1, axis=0)
        result = verify.run(self._session, batch)
        if result.ndim != 4 or result.shape[1] != self.channels:
            raise ModelError(
                "the output is not an image",
                where=f"output {self.output!r}",
                why=f"shape {list(result.shape)} from an input of shape {list(batch.shape)}",
                hint="slsc compiles networks that take an image and give an image",
            )
        return result[0].transpose(1, 2, 0).astype(np.float64)


def find_geometry(network: ProbedNetwork) -> Geometry:
    """Find the scale, and the sizes the network takes, by running it on plain grey of several sizes.

    Raises:
        ModelError: no size tried works; says why the last one did not.
    """
    if network.fixed_hw is not None:
        return Geometry(network.scale_at(network.fixed_hw), network.fixed_hw, (1, 1))
    failure: ModelError | None = None
    for side in SIDES:
        for multiple in MULTIPLES:
            try:
                scale = _scale_at_multiples(network, (multiple, multiple), side)
            except ModelError as error:
                failure = error
                continue
            return Geometry(scale, None, _per_axis(network, multiple, side))
    assert failure is not None
    raise failure


def _per_axis(network: ProbedNetwork, multiple: int, side: int) -> tuple[int, int]:
    """The least multiples of height and of width when the other one is a multiple of `multiple`."""
    height = next(m for m in MULTIPLES if m == multiple or _works(network, (m, multiple), side))
    return height, next(m for m in MULTIPLES if m == multiple or _works(network, (height, m), side))


def _works(network: ProbedNetwork, multiples: tuple[int, int], side: int) -> bool:
    try:
        _scale_at_multiples(network, multiples, side)
    except ModelError:
        return False
    return True


def _scale_at_multiples(network: ProbedNetwork, multiples: tuple[int, int], side: int) -> int:
    """The scale at two sizes whose sides have these multiples, and no larger ones, in common: neighbouring odd numbers
    of them share no factor."""
    counts = [-(-side // multiple) | 1 for multiple in multiples]
    first, second = (
        network.scale_at(((counts[0] + more) * multiples[0], (counts[1] + 2 + more) * multiples[1])) for more in (0, 2)
    )
    if first != second:
        raise ModelError("the scale depends on the input's size", why=f"{first} and {second}")
    return first
