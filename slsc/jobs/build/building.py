"""Building a bundle's engines for GPUs, ahead of time or on the device. It needs neither torch nor onnx."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from slsc.errors import BackendError
from slsc.runtime.backends.tensorrt.backend import TIMING_CACHE, engine_key, refused_types, require_device
from slsc.runtime.backends.tensorrt.build import BuiltEngine, Shapes, build_engine
from slsc.runtime.backends.tensorrt.engine_cache import EngineCache
from slsc.runtime.backends.tensorrt.flavour import RTX, TENSORRT, Flavour
from slsc.runtime.bundle.reader import open_bundle

FLAVOURS = {flavour.name: flavour for flavour in (TENSORRT, RTX)}


@dataclass(frozen=True)
class BuildRequest:
    """What to build.

    Attributes:
        bundle: the bundle.
        flavour: the library.
        archs: architectures to build for; none builds for the GPU that is there.
        engine: its name; None takes all of the bundle.
        shapes: sizes to build for.
        output: the folder of engines.
    """

    bundle: Path
    flavour: Flavour
    archs: tuple[str, ...]
    engine: str | None
    shapes: Shapes
    output: Path


@dataclass(frozen=True)
class Built:
    """One engine that was built: of which engine of the bundle, for what, into which file."""

    engine: str
    device: str
    path: Path
    result: BuiltEngine


def build_engines(request: BuildRequest, progress: Callable[[int, int], None]) -> list[Built]:
    """Build every engine asked for, for every device asked for; each is kept as soon as it is there.

    Args:
        request: what to build.
        progress: told after each engine how many are done, and how many there are.

    Raises:
        BundleError: the bundle cannot be opened.
        UsageError: it has no such engine, or the library builds for no such architecture.
        BackendError: the library or the device is missing, or it refuses a network.
    """
    bundle = open_bundle(request.bundle)
    engines = bundle.select(request.engine)
    for engine in engines:
        if why := refused_types(engine):
            raise BackendError(f"engine {engine.name} is not to be built", why=why)
    flavour = request.flavour
    flavour.load()
    archs: Sequence[str | None] = [flavour.require_arch(arch) for arch in request.archs] or [None]
    device = None if request.archs else require_device(flavour)
    cache = EngineCache(request.output)
    built: list[Built] = []
    for engine in engines:
        model = bundle.read(engine.onnx)
        for arch in archs:
            timing = None if flavour.ahead else cache.folder / TIMING_CACHE
            result = build_engine(flavour, model, request.shapes, arch, timing)
            key = engine_key(flavour, model, request.shapes, arch or device or "")
            built.append(Built(engine.name, key.device, cache.store(key, result.data), result))
            progress(len(built), len(engines) * len(archs))
    return built
