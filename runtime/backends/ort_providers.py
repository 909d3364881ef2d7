"""ONNX Runtime's execution providers by the names that users know: where each comes from, and how a session gets it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from slsc.errors import BackendError, UsageError
from slsc.runtime.backends.ort_reason import ort_reason


@dataclass(frozen=True)
class Provider:
    """An execution provider.

    Attributes:
        name: what users call it.
        ort: what ONNX Runtime calls it.
        install: what to type where it is not there.
        options: it is made with. float32 is not to be rounded to TF32.
        plugin: module that brings it as a library of its own, to be registered; None where ONNX Runtime holds it.
    """

    name: str
    ort: str
    install: str
    options: Mapping[str, str]
    plugin: str | None = None

    def missing(self) -> str | None:
        """None where ONNX Runtime knows it, or its library is installed; else why not. It may still not run."""
        try:
            ort = import_module("onnxruntime")
            if self.plugin:
                import_module(self.plugin)
                return None
        except (ImportError, OSError) as error:
            return str(error)
        there = ort.get_available_providers()
        return None if self.ort in there else f"this build of ONNX Runtime has {', '.join(there)}"


CPU = Provider("cpu", "CPUExecutionProvider", "pip install slsc", {})

GPU_BUILD = "pip uninstall onnxruntime; pip install 'slsc[gpu]', and CUDA and cuDNN as its release notes name them"

PROVIDERS: Mapping[str, Provider] = {
    provider.name: provider
    for provider in (
        CPU,
        Provider("cuda", "CUDAExecutionProvider", GPU_BUILD, {"use_tf32": "0"}),
        Provider("tensorrt", "TensorrtExecutionProvider", f"{GPU_BUILD}, and TensorRT", {"trt_sparsity_enable": "1"}),
        Provider(
            "nv-tensorrt-rtx",
            "NvTensorRTRTXExecutionProvider",
            "pip install onnxruntime-ep-nv-tensorrt-rtx-cu13",
            {},
            plugin="onnxruntime_ep_nv_tensorrt_rtx",
        ),
    )
}
"""By name."""


def parse_providers(text: str) -> tuple[Provider, ...]:
    """Names such as "cuda,cpu", in order of preference.

    Raises:
        UsageError: one is none, or is named twice.
    """
    names = text.split(",")
    for index, name in enumerate(names):
        if name not in PROVIDERS:
            raise UsageError(f"unknown provider {name!r}", hint=f"use some of {', '.join(PROVIDERS)}, such as cuda,cpu")
        if name in names[:index]:
            raise UsageError(f"the provider {name} is named twice", hint="name each once")
    return tuple(PROVIDERS[name] for name in names)


def make_session(ort: Any, model: bytes, options: Any, provider: Provider) -> Any:
    """A session of a provider. ONNX Runtime gives nodes that it does not take to the CPU.

    Raises:
        BackendError: the provider is not there, or ONNX Runtime has quietly left it out.
        Exception: ONNX Runtime refuses the model.
    """
    if provider.plugin:
        options.add_provider_for_devices(_plugin_devices(ort, provider, provider.plugin), dict(provider.options))
        session = ort.InferenceSession(model, options, enable_fallback=0)
    else:
        # Falling back to other providers prints to stdout, which belongs to the user's results.
        order = [(provider.ort, dict(provider.options)), *([] if provider is CPU else [CPU.ort])]
        session = ort.InferenceSession(model, options, providers=order, enable_fallback=0)
    if provider.ort not in session.get_providers():
        why = f"ONNX Runtime left it out without an error, and would run on {', '.join(session.get_providers())}"
        raise unavailable(provider, why)
    return session


def unavailable(provider: Provider, why: str) -> BackendError:
    """That a provider cannot be used."""
    return BackendError(f"the provider {provider.name} is not available", why=why, hint=provider.install)


def _plugin_devices(ort: Any, provider: Provider, plugin: str) -> list[Any]:
    """The devices of a provider that comes as a library, which is registered once a process.

    Raises:
        BackendError: the library cannot be loaded, or finds no device.
    """
    register = getattr(ort, "register_execution_provider_library", None)
    if register is None:
        why = f"ONNX Runtime {ort.__version__} takes no providers from libraries"
        raise BackendError(f"the provider {provider.name} is not available", why=why, hint="pip install -U onnxruntime")
    found = _devices(ort, provider)
    if not found:
        try:
            register(provider.ort, import_module(plugin).get_library_path())
        except Exception as error:  # ONNX Runtime's exceptions share no base class below Exception
            raise unavailable(provider, ort_reason(error)) from error
        found = _devices(ort, provider)
    if not found:
        raise unavailable(provider, "its library finds no GPU that it runs on")
    return found


def _devices(ort: Any, provider: Provider) -> list[Any]:
    return [device for device in ort.get_ep_devices() if device.ep_name == provider.ort]
