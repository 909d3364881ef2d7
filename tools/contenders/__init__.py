"""Inference engines that can be measured side by side on one ONNX network; `contender` finds them by name.

Every one lives in a module of its own that offers `CONTENDER`, and needs packages of its own that slsc does not.
"""

from __future__ import annotations

from importlib import import_module

from slsc.errors import BackendError
from slsc.tools.contenders.base import Contender, Image, Restore, Subject

__all__ = ["CONTENDERS", "Contender", "Image", "Restore", "Subject", "contender"]

CONTENDERS = {
    "native": ("slsc.tools.contenders.slsc_native", "slsc"),
    "onnxruntime": ("slsc.tools.contenders.onnx_runtime", "onnxruntime"),
    "openvino": ("slsc.tools.contenders.open_vino", "openvino"),
    "ncnn": ("slsc.tools.contenders.ncnn_pnnx", "ncnn pnnx"),
    "mnn": ("slsc.tools.contenders.mnn", "MNN"),
    "mnn-sparse": ("slsc.tools.contenders.mnn_sparse", "MNN"),
}
"""Contender -> the module that offers it, and what to `pip install` for it."""


def contender(name: str) -> Contender:
    """A contender of `CONTENDERS`, its packages importable.

    Raises:
        BackendError: a package it needs is not installed or does not load.
    """
    module, packages = CONTENDERS[name]
    try:
        found: Contender = import_module(module).CONTENDER
    except ImportError as error:
        raise BackendError(f"{name} cannot be loaded", why=str(error), hint=f"pip install {packages}") from error
    return found
