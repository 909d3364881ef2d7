"""What can be evaluated: an ONNX network run on whole images, or a bundle run in tiles as `slsc run` does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from slsc.data.calibration import calibration_photos
from slsc.data.images import mirrored
from slsc.errors import ModelError, UsageError
from slsc.networks.loading import import_network, known_of
from slsc.passes.importing.binding import NOTHING_BOUND, Binding
from slsc.probe import Known, probe_io
from slsc.runtime.backends.onnxruntime import OnnxRuntimeRunner
from slsc.runtime.bundle.manifest import ImageIO
from slsc.runtime.image.photo import Photo
from slsc.runtime.image.pixels import compose, to_batch
from slsc.runtime.session import Session
from slsc.runtime.tiles.tiling import round_up

Pixels = npt.NDArray[np.uint8]
Values = npt.NDArray[np.float32]

PROBE_PHOTOS = 4


class Restorer(Protocol):
    """Restores images of any size."""

    io: ImageIO
    """The network's image interface."""

    doubts: Sequence[str]
    """What of it is assumed, in words."""

    def restore(self, image: Pixels) -> Pixels:
        """HxWx3 RGB or HxWx1 grey uint8 to the same, `io.scale` times larger."""
        ...

    def restore_values(self, image: Values) -> Values:
        """As `restore`, black 0 and white 1; the input may lie outside, as noisy images do, the output does not."""
        ...

    def close(self) -> None:
        """Give back what it holds; it cannot restore any more. Closing twice does no harm."""
        ...


class WholeImage:
    """An ONNX network, run once over each whole image.

    Args:
        path: the ONNX file; its interface is found by running it.
        known: what the user says of that.
        threads: of ONNX Runtime; 0 takes all cores.
        binding: what its inputs beside the image hold, and which output is wanted.

    Raises:
        ModelError: the file is unusable, or the network takes images of one size only.
    """

    def __init__(self, path: Path, known: Known, threads: int, binding: Binding = NOTHING_BOUND) -> None:
        imported = import_network(path, binding)
        model = imported.model
        probe = probe_io(model, calibration_photos(None, PROBE_PHOTOS, 0), known_of(imported, known))
        self.io: ImageIO = probe.io
        self.doubts: Sequence[str] = probe.doubts()
        if self.io.fixed_hw:
            height, width = self.io.fixed_hw
            raise ModelError(
                f"the network takes images of {width}x{height} only",
                where=str(path),
                hint="compile it, with --budget 1 to keep it dense, and evaluate the bundle, which is run in tiles",
            )
        self._runner = OnnxRuntimeRunner(probe.restorer(model).SerializeToString(), threads)

    def restore(self, image: Pixels) -> Pixels:
        """See `Restorer.restore`; sizes that the network's strides do not divide are continued by mirroring."""
        return self._restored(image)

    def restore_values(self, image: Values) -> Values:
        """See `Restorer.restore_values`; sizes as in `restore`."""
        return self._restored(image)

    def close(self) -> None:
        """See `Restorer.close`."""
        self._runner.close()

    def _restored(self, image: npt.NDArray[Any]) -> npt.NDArray[Any]:
        height, width = image.shape[:2]
        size = [round_up(side, multiple) for side, multiple in zip((height, width), self.io.multiple_of, strict=True)]
        padded = mirrored(image, size)
        rows, columns = height * self.io.scale, width * self.io.scale
        restored = self._runner.run(to_batch(padded, self.io))[0, :, :rows, :columns]
        return compose(restored, Photo(image), self.io, (0, rows), (0, columns))


class BundleImage:
    """A bundle's engine, run in tiles.

    Args:
        path: the bundle.
        engine: its name; None takes the bundle's default.
        threads: of the backend; 0 takes all cores.
    """

    def __init__(self, path: Path, engine: str | None, threads: int) -> None:
        self._session = Session(path, engine=engine, threads=threads)
        self.io: ImageIO = self._session.manifest.io
        self.doubts: Sequence[str] = ()

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
) -> Restorer:
    """An ONNX file (by its suffix) or a bundle, ready to restore; to be closed.

    Raises:
        UsageError: an option that does not go with the kind of file.
        ModelError: the ONNX file is unusable.
        BundleError: the bundle is.
    """
    if path.suffix == ".onnx":
        if engine is not None:
            raise UsageError("only bundles have engines", where=str(path), hint="leave out --engine")
        return WholeImage(path, known or Known(), threads, binding)
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
    return BundleImage(path, engine, threads)
