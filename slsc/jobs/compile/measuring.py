"""What a compilation did to the network, measured on held-out photos in ONNX Runtime."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import onnx

from slsc.data.images import mirrored
from slsc.data.patches import Pair
from slsc.errors import VerificationError
from slsc.metrics.protocol import protocol_for
from slsc.metrics.psnr import psnr
from slsc.networks.tile_geometry import (
    Batch,
    RestoreBatch,
    far_influence,
    least_align,
    smallest_fixed_halo,
    smallest_halo,
)
from slsc.passes import verify
from slsc.passes.analysis.receptive_field import receptive_field
from slsc.runtime.bundle.manifest import ImageIO, TileGeometry
from slsc.runtime.bundle.value_range import UNIT, ValueRange
from slsc.runtime.image.photo import Photo
from slsc.runtime.image.pixels import compose, to_batch
from slsc.runtime.image.resample import imresize

SIDE = 256
"""Held-out inputs are cut to at most this side, pixels."""

EQUAL = 100.0
"""PSNR in dB of equal images where a mean or JSON needs a number."""

TILED_SIDE, TILED_IMAGES = 192, 2
"""Size and number of the images that the halo is measured on."""


@dataclass(frozen=True)
class Quality:
    """How well a network does on the held-out photos.

    Attributes:
        psnr_to_dense: PSNR in dB of its output against the dense network's, all channels, peak = the range; None for
            the dense network itself.
        max_abs_to_dense: largest difference to the dense network's output, as a share of the range; None likewise.
        psnr: PSNR in dB against the wanted images, by the protocol of the network's task; None without truth.
        psnr_name: what kind of PSNR that is, see `Protocol.psnr_name`.
    """

    psnr_to_dense: float | None
    max_abs_to_dense: float | None
    psnr: float | None
    psnr_name: str

    def to_dict(self) -> dict[str, float]:
        """The figures there are, as the manifest keeps them."""
        to_dense = {"psnr_to_dense": self.psnr_to_dense, "max_abs_to_dense": self.max_abs_to_dense}
        return {**_known(to_dense), **self.against_truth()}

    def against_truth(self) -> dict[str, float]:
        """The figures there are against the wanted images."""
        return _known({self.psnr_name: self.psnr})


def _known(figures: Mapping[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in figures.items() if value is not None and math.isfinite(value)}


class HeldOut:
    """Held-out photos, and the dense network's output on them.

    Args:
        dense: the network before the search.
        io: how pixels enter and leave it.
        pairs: (input, wanted output), HxWx3 uint8 RGB.
        truth: whether the wanted outputs say what is better.
    """

    def __init__(self, dense: onnx.ModelProto, io: ImageIO, pairs: Sequence[Pair], truth: bool) -> None:
        self.io = io
        self._protocol = protocol_for(io)
        self._pairs = [fitted(pair, io) for pair in pairs]
        self._truth = truth
        self._dense = self._outputs(dense)

    def inputs(self) -> list[Batch]:
        """One of the photos as the network takes it, to prove on that a pass changes nothing."""
        return [to_batch(given, self.io) for given, _ in self._pairs[:1]]

    def dense_quality(self) -> Quality:
        """The dense network against the truth."""
        return Quality(None, None, self._psnr(self._dense), self._protocol.psnr_name)

    def plain_psnr(self) -> float | None:
        """PSNR in dB without any network: of the inputs, or of their bicubic enlargements; None without truth."""
        if not self._truth:
            return None
        scores = []
        for given, wanted in self._pairs:
            low, high = self._protocol.seen(given), self._protocol.seen(wanted)
            plain = low if self.io.scale == 1 else imresize(low, high.shape[:2], round_passes=True)
            scores.append(min(EQUAL, self._protocol.psnr(plain, high)))
        return float(np.mean(scores))

    def quality(self, model: onnx.ModelProto) -> Quality:
        """A network of the same interface against the dense one and the truth.

        Raises:
            VerificationError: its images are of another size.
        """
        outputs = self._outputs(model)
        scores, worst = [], 0.0
        for output, expected in zip(outputs, self._dense, strict=True):
            if output.shape != expected.shape:
                raise VerificationError("the networks' outputs differ in size", why=f"{output.shape}, {expected.shape}")
            error = np.abs(output - expected)
            scores.append(psnr(float(np.mean(np.square(error, dtype=np.float64))), 1.0))
            worst = max(worst, float(error.max()))
        return Quality(float(np.mean(scores)), worst, self._psnr(outputs), self._protocol.psnr_name)

    def _outputs(self, model: onnx.ModelProto) -> list[Batch]:
        """Restored (C, H, W) images, black 0 and white 1, clipped, colour order as the network's."""
        network = runner(model)
        outputs = (network(to_batch(given, self.io))[0] for given, _ in self._pairs)
        return [self.io.output_range.to_unit(output).clip(0, 1) for output in outputs]

    def _psnr(self, outputs: Sequence[Batch]) -> float | None:
        """The mean over the photos."""
        if not self._truth:
            return None
        unit = replace(self.io, output_range=UNIT)
        scores = []
        for output, (given, wanted) in zip(outputs, self._pairs, strict=True):
            height, width = output.shape[1:]
            photo = Photo(self._protocol.seen(given), None)
            restored = compose(output, photo, unit, (0, height), (0, width))
            scores.append(self._protocol.psnr(restored, self._protocol.seen(wanted)))
        return float(np.mean(scores))


def runner(model: onnx.ModelProto) -> RestoreBatch:
    """A model as a function, in ONNX Runtime."""
    session = verify.session(model)
    return lambda batch: verify.run(session, batch)


def _in_unit(network: RestoreBatch, values: ValueRange) -> RestoreBatch:
    """A network whose output has black 0 and white 1."""
    return lambda batch: values.to_unit(network(batch))


def measure_tiles(models: Sequence[onnx.ModelProto], io: ImageIO, pairs: Sequence[Pair]) -> TileGeometry:
    """Tile geometry that holds for every engine: the receptive field from the graph, the halo from photos."""
    field = receptive_field(models[0])
    networks = [_in_unit(runner(model), io.output_range) for model in models]
    align = math.lcm(field.align, *io.multiple_of)
    if io.fixed_hw:
        windows = [math.ceil(1.5 * side) for side in io.fixed_hw]
        images = [to_batch(_sized(given, windows), io) for given, _ in pairs[:TILED_IMAGES]]
        halo, bound = smallest_fixed_halo(networks, images, io.fixed_hw)
    else:
        side = -(-TILED_SIDE // align) * align
        images = [to_batch(_sized(given, [side, side]), io) for given, _ in pairs[:TILED_IMAGES]]
        if not field.exact:
            align = least_align(networks, images, align)
        halo, bound = smallest_halo(networks, images, align, field.radius)
        if field.radius is None:
            bound = max(bound, far_influence(networks, [_flat(image, io) for image in images], _ends(io)))
    return TileGeometry(halo, bound, field.radius, align, field.exact, field.reason)


def _flat(image: Batch, io: ImageIO) -> Batch:
    """An image of half the contrast, so that it holds neither black nor white itself."""
    return io.input_range.from_unit(0.25 + io.input_range.to_unit(image) / 2)


def _ends(io: ImageIO) -> tuple[Batch, Batch]:
    """A black and a white pixel as the network takes them."""
    black, white = (np.full((1, io.channels, 1, 1), level, np.float32) for level in (0, 1))
    return io.input_range.from_unit(black), io.input_range.from_unit(white)


def fitted(pair: Pair, io: ImageIO) -> Pair:
    """Cut so that the network takes the input: to its one size, or to multiples it asks for within `SIDE`."""
    given, wanted = pair
    size = io.fixed_hw or [
        max(min(extent, SIDE) // multiple, 1) * multiple
        for extent, multiple in zip(given.shape[:2], io.multiple_of, strict=True)
    ]
    return _sized(given, size), _sized(wanted, [side * io.scale for side in size])


def _sized(image: npt.NDArray[np.uint8], size: Sequence[int]) -> npt.NDArray[np.uint8]:
    """The top left part of `size`, mirrored on where the image is smaller."""
    return mirrored(image, size)[: size[0], : size[1]]
