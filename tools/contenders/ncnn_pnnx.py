"""ncnn on the CPU in float32, the network converted by pnnx."""

from __future__ import annotations

import subprocess
from pathlib import Path

import ncnn
import numpy as np
import pnnx

from slsc.errors import BackendError
from slsc.tools.contenders.base import Image, Restore, Subject


class Ncnn:
    """ncnn with its own choice of convolution algorithms (Winograd, packed SGEMM)."""

    version = ncnn.__version__
    dense, pruned = True, False

    def convert(self, subject: Subject, folder: Path, hw: tuple[int, int]) -> Path:
        """Run pnnx for a three-channel image of `hw`; see `Contender.convert`."""
        folder = folder.resolve()
        param = folder / "ncnn.param"
        files = {
            "pnnxparam": folder / "pnnx.param",
            "pnnxbin": folder / "pnnx.bin",
            "pnnxpy": folder / "pnnx.py",
            "pnnxonnx": folder / "pnnx.onnx",
            "ncnnparam": param,
            "ncnnbin": param.with_suffix(".bin"),
            "ncnnpy": folder / "ncnn.py",
        }
        height, width = hw
        command = [pnnx.EXEC_PATH, str(subject.file.resolve()), f"inputshape=[1,3,{height},{width}]", "fp16=0"]
        command += [f"{key}={path}" for key, path in files.items()]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
        if done.returncode or not param.exists():
            raise BackendError("pnnx cannot convert the network", where=str(subject.file), why=done.stderr[-500:])
        return param

    def load(self, file: Path, hw: tuple[int, int], threads: int) -> Restore:
        """See `Contender.load`."""
        net = ncnn.Net()
        net.opt.num_threads = threads
        net.opt.use_vulkan_compute = False
        net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
        net.opt.use_bf16_packed = net.opt.use_bf16_storage = False
        if net.load_param(str(file)) or net.load_model(str(file.with_suffix(".bin"))):
            raise BackendError("ncnn cannot load the network", where=str(file))
        source, target = net.input_names()[0], net.output_names()[0]

        def restore(image: Image) -> Image:
            extractor = net.create_extractor()
            extractor.input(source, ncnn.Mat(image[0]).clone())
            _, output = extractor.extract(target)
            return np.array(output)[None]

        return restore


CONTENDER = Ncnn()
