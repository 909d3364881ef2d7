"""What can be evaluated: an ONNX network run on whole images, in tiles if it takes one size only, or a bundle run as
`slsc run` does.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import onnx

from slsc.data.calibration import calibration_photos
from slsc.data.images import mirrored
from slsc.errors import ModelError, UsageError
from slsc.networks.loading import import_network, known_of
from slsc.networks.tile_geometry import smallest_fixed_halo
from slsc.passes.analysis.receptive_field import ReceptiveField, receptive_field
from slsc.passes.graph import declared_shape, fixed_hw, image_input
from slsc.passes.importing.binding import NOTHING_BOUND, Binding
from slsc.passes.precision.emulate import emulated
from slsc.probe import Known, ProbeResult, probe_io
from slsc.runtime.backends import Backend, load_backend
from slsc.runtime.backends.base import Batch
from slsc.runtime.backends.onnxruntime import OnnxRuntimeBackend
from slsc.runtime.bundle.manifest import ImageIO, TileGeometry
from slsc.runtime.image.photo import Photo
from slsc.runtime.image.pixels import compose, to_batch
from slsc.runtime.session import Session
from slsc.runtime.tiles.restoration import Restoration
from slsc.runtime.tiles.tile_grid import ImageShape, Limits, tile_grid
from slsc.runtime.tiles.tile_runner import OneNetwork
from slsc.runtime.tiles.tiling import round_up

Pixels = npt.NDArray[np.uint8]
Values = npt.NDArray[np.float32]

PROBE_PHOTOS = 4

MEASURED_PHOTOS, MEASURED_WINDOWS = 2, 1.5
"""Photos that the overlap of tiles is measured on, and their sides in sides of a tile."""

BOUNDLESS = Limits(memory=1 << 62, resident=0, run=lambda *_: 0, tile=None, exact=False)
"""Tiles of one size are what memory is, and the images to evaluate on are in memory whole."""


class Restorer(Protocol):
    """Restores images of any size."""

    io: ImageIO
    """The network's image interface."""

    doubts: Sequence[str]
    """What of it is assumed, in words."""

    @property
    def cost(self) -> float | None:
        """What the last image's average pixel cost, a share of the dense network's; None where it did not choose."""
        ...

    def restore(self, image: Pixels) -> Pixels:
        """HxWx3 RGB or HxWx1 grey uint8 to the same, `io.scale` times larger."""
        ...

    def restore_values(self, image: Values) -> Values:
        """As `restore`, black 0 and white 1; the input may lie outside, as noisy images do, the output does not."""
        ...

    def close(self) -> None:
        """Give back what it holds; it cannot restore any more. Closing twice does no harm."""
        ...


class NetworkImage(ABC):
    """An ONNX network on a backend.

    Args:
        model: as its import left it.
        probe: its interface.
        running: the backend.
    """

    cost: float | None = None
    """See `Restorer.cost`: one network has no choice."""

    def __init__(self, model: onnx.ModelProto, probe: ProbeResult, running: Backend) -> None:
        self.io: ImageIO = probe.io
        self.doubts: Sequence[str] = probe.doubts()
        self._runner = running.load(probe.restorer(model).SerializeToString())

    def restore(self, image: Pixels) -> Pixels:
        """See `Restorer.restore`."""
        return self._restored(image)

    def restore_values(self, image: Values) -> Values:
        """See `Restorer.restore_values`."""
        return self._restored(image)

    def close(self) -> None:
        """See `Restorer.close`."""
        self._runner.close()

    @abstractmethod
    def _restored(self, image: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """An image of either kind."""


class WholeImage(NetworkImage):
    """A network, run once over each whole image; sizes that its strides do not divide are continued by mirroring."""

    def _restored(self, image: npt.NDArray[Any]) -> npt.NDArray[Any]:
        height, width = image.shape[:2]
        size = [round_up(side, multiple) for side, multiple in zip((height, width), self.io.multiple_of, strict=True)]
        padded = mirrored(image, size)
        rows, columns = height * self.io.scale, width * self.io.scale
        restored = self._runner.run(to_batch(padded, self.io))[0, :, :rows, :columns]
        return compose(restored, Photo(image), self.io, (0, rows), (0, columns))


class TiledImage(NetworkImage):
    """A network of one size, run in tiles of that size as a bundle of it would be.

    Args:
        model, probe, running: as of `NetworkImage`.
        photos: how far tiles overlap is measured on these, HxWx3 uint8.
        field: what a pixel of the network's output depends on.
    """

    def __init__(
        self,
        model: onnx.ModelProto,
        probe: ProbeResult,
        running: Backend,
        photos: Sequence[npt.NDArray[np.uint8]],
        field: ReceptiveField,
    ) -> None:
        super().__init__(model, probe, running)
        self._geometry = self._measured(field, photos)
        self.doubts = (*self.doubts, self._overlap())

    def _restored(self, image: npt.NDArray[Any]) -> npt.NDArray[Any]:
        height, width, channels = image.shape
        shape = ImageShape(height, width, channels, image.itemsize)
        grid = tile_grid(self.io, self._geometry, shape, 0, BOUNDLESS)
        bands = Restoration(OneNetwork(self._runner), self.io, Photo(image), grid, None).bands()
        return np.concatenate(list(bands))

    def _measured(self, field: ReceptiveField, photos: Sequence[npt.NDArray[np.uint8]]) -> TileGeometry:
        hw = self.io.fixed_hw
        assert hw is not None
        windows = [math.ceil(MEASURED_WINDOWS * side) for side in hw]
        cuts = [mirrored(photo, windows)[: windows[0], : windows[1]] for photo in photos]
        halo, bound = smallest_fixed_halo([self._in_unit], [to_batch(cut, self.io) for cut in cuts], hw)
        align = math.lcm(field.align, *self.io.multiple_of)
        return TileGeometry(halo, bound, field.radius, align, field.exact, field.reason)

    def _in_unit(self, batch: Batch) -> Batch:
        return self.io.output_range.to_unit(self._runner.run(batch))

    def _overlap(self) -> str:
        height, width = self.io.fixed_hw or (0, 0)
        return (
            f"the network takes {width}x{height} only: images are restored in tiles of that size, "
            f"off by {255 * self._geometry.bound:.2g} of 255 at most where they meet, as measured"
        )


class BundleImage:
    """A bundle's engine, run in tiles.

    Args:
        path: the bundle.
        engine: its name; None takes the bundle's default.
        threads: of the backend; 0 takes all cores.
        backend: see `open_restorer`.
    """

    def __init__(self, path: Path, engine: str | None, threads: int, backend: str | None = None) -> None:
        self._session = Session(path, engine=engine, threads=threads, backend=backend)
        self.io: ImageIO = self._session.manifest.io
        self.doubts: Sequence[str] = ()

    @property
    def cost(self) -> float | None:
        """See `Restorer.cost`."""
        choice = self._session.choice
        return choice.run_cost if choice else None

    def restore(self, image: Pixels) -> Pixels:
        """See `Restorer.restore`."""
        restored: Pixels = self._session.restore(image)
        return restored

    def restore_values(self, image: Values) -> Values:
        """See `Restorer.restore_values`; run whole, since photos, which are run in tiles, end at black and white.

        Raises:
            UsageError: the bundle chooses by region, which it does for photos only.
        """
        if self._session.adaptive:
            raise UsageError("values beyond black and white go through one engine", hint="name it: --engine NAME")
        restored = self._session.restore_tensor(to_batch(image, self.io))[0]
        height, width = restored.shape[1:]
        return compose(restored, Photo(image), self.io, (0, height), (0, width))

    def close(self) -> None:
        """See `Restorer.close`."""
        self._session.close()


def open_restorer(
    path: Path,
    *,
    engine: str | None = None,
    known: Known | None = None,
    threads: int = 0,
    binding: Binding = NOTHING_BOUND,
    backend: str | None = None,
) -> Restorer:
    """An ONNX file (by its suffix) or a bundle, ready to restore; to be closed.

    Args:
        path: of either.
        engine: of a bundle; None takes its first.
        known: what is said of an ONNX file's interface.
        threads: of the backend; 0 takes all cores.
        binding: what an ONNX file's inputs beside the image hold, and which output is wanted.
        backend: as `Options.backend`; an ONNX file takes ONNX Runtime's alone.

    Raises:
        BackendError: the backend is not available, or refuses the network.
        UsageError: an option that does not go with the kind of file.
        ModelError: the ONNX file is unusable.
        ResourceError: its one size is too small for tiles, which is found when a larger image comes.
        BundleError: the bundle is.
    """
    if path.suffix == ".onnx":
        if engine is not None:
            raise UsageError("only bundles have engines", where=str(path), hint="leave out --engine")
        return _of_network(path, known or Known(), threads, binding, backend)
    if known not in (None, Known()):
        raise UsageError(
            "a bundle knows its interface", where=str(path), hint="leave out --range and the other options of a network"
        )
    if binding != NOTHING_BOUND:
        raise UsageError(
            "a bundle knows its inputs and outputs",
            where=str(path),
            hint="leave out --set, --extra-channel, --input and --output",
        )
    return BundleImage(path, engine, threads, backend)


def _of_network(path: Path, known: Known, threads: int, binding: Binding, backend: str | None) -> Restorer:
    running = load_backend(backend or OnnxRuntimeBackend.name, threads)
    imported, photos = import_network(path, binding), calibration_photos(None, PROBE_PHOTOS, 0)
    probe = probe_io(imported.model, photos, known_of(imported, known))
    if imported.quantized is not None:
        model, probe = _rounding_as_typed(imported.quantized, probe)
    else:
        model = imported.model
    if probe.io.fixed_hw is None:
        return WholeImage(model, probe, running)
    return TiledImage(model, probe, running, photos[:MEASURED_PHOTOS], receptive_field(imported.model))


def _rounding_as_typed(quantized: onnx.ModelProto, probe: ProbeResult) -> tuple[onnx.ModelProto, ProbeResult]:
    """The network with every rounding that its file has, which its import leaves out, and its interface.

    Raises:
        ModelError: it takes several images at once.
    """
    images = declared_shape(quantized, image_input(quantized)[0])[0]
    if images not in (None, 1):
        raise ModelError(
            "a quantized network is measured image by image", why=f"it takes {images} at once", hint="export it for one"
        )
    return emulated(quantized), replace(probe, io=replace(probe.io, fixed_hw=fixed_hw(quantized)))
