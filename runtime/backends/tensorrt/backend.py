"""TensorRT and TensorRT-RTX behind the interface of all backends: engines are built on the device, once, and kept."""

from __future__ import annotations

import hashlib
import logging
from contextlib import closing
from typing import ClassVar

from slsc.errors import BackendError
from slsc.printable import printable
from slsc.runtime.backends.base import Batch, NodeTimes, Runner, missing_artefact
from slsc.runtime.backends.tensorrt.build import Shapes, build_engine
from slsc.runtime.backends.tensorrt.device import Device, find_device
from slsc.runtime.backends.tensorrt.engine_cache import EngineCache, EngineKey, default_folder
from slsc.runtime.backends.tensorrt.flavour import RTX, TENSORRT, Flavour
from slsc.runtime.backends.tensorrt.runner import TensorRtRunner
from slsc.runtime.bundle.engines import ONNX, Engine

TIMING_CACHE = "tactics.timing"

log = logging.getLogger(__name__)


def engine_key(flavour: Flavour, model: bytes, shapes: Shapes, device: Device | str) -> EngineKey:
    """The key of an engine: for the GPU that is there, or for an architecture that is not.

    TensorRT measures on the one GPU that it builds on; TensorRT-RTX builds for an architecture, and does what is left
    on the device whenever an engine is loaded.
    """
    if isinstance(device, Device):
        device = device.arch if flavour.ahead else f"{device.arch}-{device.name}"
    return EngineKey(hashlib.sha256(model).hexdigest(), flavour.name, flavour.version, device, str(shapes))


def require_device(flavour: Flavour) -> Device:
    """The GPU that is there.

    Raises:
        BackendError: there is none.
    """
    found = find_device()
    if isinstance(found, Device):
        return found
    hint = "name what to build for, such as --arch sm86" if flavour.ahead else "build on the device itself"
    raise BackendError("there is no GPU to build for", why=found, hint=hint)


class TensorRtBackend:
    """TensorRT on the GPU that is there. Threads of the CPU are of no use to it."""

    flavour: ClassVar[Flavour] = TENSORRT
    name = TENSORRT.name
    kind = ONNX
    install = TENSORRT.install
    runner: type[Runner] = TensorRtRunner

    def __init__(self, threads: int) -> None:
        self._shapes = Shapes()

    def available(self) -> str | None:
        """See `Backend.available`: where its package can be imported and a GPU is there."""
        if why := self.flavour.missing():
            return why
        device = find_device()
        return device if isinstance(device, str) else None

    def accepts(self, engine: Engine) -> str | None:
        """See `Backend.accepts`: types it takes; operations it lacks are found when it is built."""
        return refused_types(engine) or missing_artefact(engine, self.kind)

    def load(self, artefact: bytes) -> TensorRtRunner:
        """Prepare an engine, given as the bytes of its ONNX file; see `Backend.load`.

        What was built before for this device, library and release is taken; else it is built now, and kept.
        """
        key = engine_key(self.flavour, artefact, self._shapes, require_device(self.flavour))
        cache = EngineCache(default_folder())
        data = cache.load(key)
        if data is None:
            for other in cache.foreign(key):
                built = f"{other.library} {other.version} on {other.device}"
                log.warning(printable(f"an engine built by {built} is of no use to {key.library} {key.version}"))
            log.warning(printable(f"building the engine for {key.device}: this takes minutes, once"))
            timing = None if self.flavour.ahead else cache.folder / TIMING_CACHE
            data = build_engine(self.flavour, artefact, self._shapes, None, timing).data
            cache.store(key, data)
        return TensorRtRunner(self.flavour, data, self._shapes)

    def trace(self, artefact: bytes, image: Batch, warm_up: int, runs: int) -> list[NodeTimes]:
        """See `Traceable.trace`: by the library's profiler."""
        with closing(self.load(artefact)) as runner:
            return runner.layer_times(image, warm_up, runs)

    def close(self) -> None:
        """See `Backend.close`; its runners share nothing."""


class TensorRtRtxBackend(TensorRtBackend):
    """TensorRT-RTX on the GPU that is there."""

    flavour = RTX
    name = RTX.name
    install = RTX.install


def refused_types(engine: Engine) -> str | None:
    """Why TensorRT does not take the engine's integers; None where it does."""
    if engine.types and any(scale.zero for scale in engine.types.scales.values()):
        return "TensorRT takes 8-bit activations with zero point 0 only: compile it with --activations int8"
    return None
