"""MNN on the CPU in float32."""

from __future__ import annotations

from pathlib import Path

# `MNN.tools` is never imported: it reports each conversion to its maker's server, and installs a package to do so.
# The converter below it, the extension module `_tools`, does neither.
import _tools
import MNN
import numpy as np

from slsc.errors import BackendError
from slsc.tools.contenders.base import Image, Restore, Subject


class Mnn:
    """MNN with its own choice of convolution algorithms, in the precision it calls high: float32 throughout.

    Args:
        pruned: measured on the pruned networks instead of the dense one.
        options: of the converter, beside the files.
    """

    version = MNN.version()

    def __init__(self, *, pruned: bool, options: tuple[str, ...] = ()) -> None:
        self.dense, self.pruned = not pruned, pruned
        self._options = options

    def convert(self, subject: Subject, folder: Path, hw: tuple[int, int]) -> Path:
        """See `Contender.convert`."""
        target = folder / "network.mnn"
        words = ["mnnconvert", "-f", "ONNX", "--modelFile", str(subject.file), "--MNNModel", str(target)]
        if not _tools.mnnconvert([*words, "--bizCode", "none", *self._options]) or not target.exists():
            raise BackendError("MNN's converter does not take the network", where=str(subject.file))
        return target

    def load(self, file: Path, hw: tuple[int, int], threads: int) -> Restore:
        """See `Contender.load`."""
        net = MNN.Interpreter(str(file))
        session = net.createSession({"backend": "CPU", "precision": "high", "numThread": threads})
        source = net.getSessionInput(session)
        channels = source.getShape()[1]
        net.resizeTensor(source, (1, channels, *hw))
        net.resizeSession(session)
        target = net.getSessionOutput(session)
        shape = target.getShape()
        planar = MNN.Tensor_DimensionType_Caffe
        output = MNN.Tensor(shape, MNN.Halide_Type_Float, np.zeros(shape, np.float32), planar)

        def restore(image: Image) -> Image:
            source.copyFrom(MNN.Tensor(image.shape, MNN.Halide_Type_Float, image, planar))
            net.runSession(session)
            target.copyToHostTensor(output)
            return np.array(output.getNumpyData()).reshape(shape)

        return restore


CONTENDER = Mnn(pruned=False)
