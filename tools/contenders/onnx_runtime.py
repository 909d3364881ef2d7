"""ONNX Runtime on the CPU, its defaults but for the number of threads."""

from __future__ import annotations

from pathlib import Path

import onnxruntime as ort

from slsc.tools.contenders.base import Image, Restore, Subject


class OnnxRuntime:
    """Takes the ONNX file as it is."""

    version = ort.__version__
    dense, pruned = True, False

    def convert(self, subject: Subject, folder: Path, hw: tuple[int, int]) -> Path:
        """Nothing to do; see `Contender.convert`."""
        return subject.file

    def load(self, file: Path, hw: tuple[int, int], threads: int) -> Restore:
        """See `Contender.load`."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        session = ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name

        def restore(image: Image) -> Image:
            output: Image = session.run(None, {name: image})[0]
            return output

        return restore


CONTENDER = OnnxRuntime()
