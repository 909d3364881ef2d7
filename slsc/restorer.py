"""What can be evaluated: an ONNX network run on whole images, or a bundle run in tiles as `slsc run` does."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from slsc.compiler.importing import import_network
from slsc.data.calibration import calibration_photos
from slsc.errors import ModelError, UsageError
from slsc.probe import probe_io
from slsc.runtime.backends.onnxruntime import OnnxRuntimeRunner
from slsc.runtime.manifest import ImageIO
from slsc.runtime.photo import Photo
from slsc.runtime.pixels import compose, to_batch
from slsc.runtime.session import Session

Pixels = npt.NDArray[np.uint8]

PROBE_PHOTOS = 4


class Restorer(Protocol):
    """Restores images of any size."""

    scale: int
    """Output pixels per input pixel along each axis; 1 for same-size restoration."""

    def restore(self, image: Pixels) -> Pixels:
        """HxWx3 uint8 RGB to the same, `scale` times larger."""
        ...


class WholeImage:
    """An ONNX network, run once over each whole image.

    Args:
        path: the ONNX file; its value range and colour order are found by running it.
        value_range: network values of black and white, where the user knows them.
        threads: of ONNX Runtime; 0 takes all cores.

    Raises:
        ModelError: the file is unusable, or the network takes images of one size only.
    """

    def __init__(self, path: Path, value_range: tuple[float, float] | None, threads: int) -> None:
        model = import_network(path).model
        self.io: ImageIO = probe_io(model, calibration_photos(None, PROBE_PHOTOS, 0), value_range=value_range).io
        if self.io.fixed_hw:
            height, width = self.io.fixed_hw
            raise ModelError(
                f"the network takes images of {width}x{height} only",
                where=str(path),
                hint="compile it, with --budget 1 to keep it dense, and evaluate the bundle, which is run in tiles",
            )
        self.scale = self.io.scale
        self._runner = OnnxRuntimeRunner(model.SerializeToString(), threads)

    def restore(self, image: Pixels) -> Pixels:
        """See `Restorer.restore`; sizes that the network's strides do not divide are continued by mirroring."""
        height, width = image.shape[:2]
        missing = [-side % multiple for side, multiple in zip((height, width), self.io.multiple_of, strict=True)]
        padded = np.pad(image, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="symmetric")
        rows, columns = height * self.scale, width * self.scale
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
        self.scale = self._session.manifest.io.scale

    def restore(self, image: Pixels) -> Pixels:
        """See `Restorer.restore`."""
        restored: Pixels = self._session.restore(image)
        return restored


def open_restorer(
    path: Path, *, engine: str | None = None, value_range: tuple[float, float] | None = None, threads: int = 0
) -> Restorer:
    """An ONNX file (by its suffix) or a bundle, ready to restore.

    Raises:
        UsageError: an option that does not go with the kind of file.
        ModelError: the ONNX file is unusable.
        BundleError: the bundle is.
    """
    if path.suffix == ".onnx":
        if engine is not None:
            raise UsageError("only bundles have engines", where=str(path), hint="leave out --engine")
        return WholeImage(path, value_range, threads)
    if value_range is not None:
        raise UsageError("a bundle knows its value range", where=str(path), hint="leave out --range")
    return BundleImage(path, engine, threads)
