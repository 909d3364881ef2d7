"""Building a TensorRT engine of an ONNX network: typed as the file is typed, sparse tactics allowed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slsc.errors import BackendError
from slsc.runtime.backends.engine_scan import reason_to_refuse
from slsc.runtime.backends.tensorrt.build_log import BuildLog, read_log
from slsc.runtime.backends.tensorrt.flavour import Flavour, polygraphy_as_errors


@dataclass(frozen=True)
class Shapes:
    """Sizes an engine takes, (height, width) in input pixels; TensorRT times its tactics at `best`."""

    least: tuple[int, int] = (16, 16)
    best: tuple[int, int] = (256, 256)
    most: tuple[int, int] = (512, 512)

    def __str__(self) -> str:
        return "-".join(f"{height}x{width}" for height, width in (self.least, self.best, self.most))


@dataclass(frozen=True)
class Layer:
    """A layer of the network as TensorRT read it, before it fuses any.

    Attributes:
        name: of the ONNX node it comes from, where that has one.
        kind: as TensorRT calls it, such as "CONVOLUTION".
        type: of its first output, such as "HALF".
    """

    name: str
    kind: str
    type: str


@dataclass(frozen=True)
class BuiltEngine:
    """An engine and what is known of it.

    Attributes:
        data: the engine.
        layers: of the network.
        log: of the build.
        seconds: it took.
    """

    data: bytes
    layers: tuple[Layer, ...]
    log: BuildLog
    seconds: float

    def types(self) -> Mapping[str, int]:
        """Convolutions by the type of their output."""
        return Counter(layer.type for layer in self.layers if layer.kind == "CONVOLUTION")


def build_engine(
    flavour: Flavour, model: bytes, shapes: Shapes, arch: str | None = None, timing_cache: Path | None = None
) -> BuiltEngine:
    """Build an engine.

    Precisions are those of the ONNX file: the network is strongly typed, and float32 is not rounded to TF32.

    Args:
        flavour: the library.
        model: an ONNX file of one image input.
        shapes: sizes to build for; a network of one size takes that one.
        arch: one of `Flavour.archs`; None builds for the device that is there.
        timing_cache: file of measured tactics, read and written; TensorRT-RTX has none.

    Raises:
        BackendError: the library is missing, the device is, or it refuses the network.
    """
    if why := reason_to_refuse(model):
        raise BackendError("the engine is not to be built", why=why, hint="do not trust this file; compile it again")
    trt = flavour.load()
    begun = time.monotonic()
    lines: list[tuple[bool, str]] = []
    with polygraphy_as_errors(f"{flavour.name} cannot build the engine", "use --backend native or onnxruntime"):
        builder, network, _ = _parse(trt, model, _logger(trt, lines))
        config = _config(flavour, trt, builder, network, shapes, arch, timing_cache)
        data = _serialize(builder, network, config, timing_cache)
    log = read_log(lines)
    if data is None:
        raise BackendError(
            f"{flavour.name} {trt.__version__} built no engine",
            why="; ".join(log.errors[:2] or log.dropped[:2]) or "it does not say why",
            hint="free memory, or use --backend native or onnxruntime",
        )
    layers = tuple(_layer(network.get_layer(index)) for index in range(network.num_layers))
    return BuiltEngine(bytes(data), layers, log, time.monotonic() - begun)


def _logger(trt: Any, lines: list[tuple[bool, str]]) -> Any:
    serious = (trt.ILogger.Severity.INTERNAL_ERROR, trt.ILogger.Severity.ERROR)

    class Listener(trt.ILogger):  # type: ignore[misc]  # known at run time only
        def log(self, severity: Any, text: str) -> None:
            lines.append((severity in serious, text))

    return Listener()


def _parse(trt: Any, model: bytes, logger: Any) -> tuple[Any, Any, Any]:
    builder = trt.Builder(logger)
    # Typing is strict by itself from TensorRT 11 on and in TensorRT-RTX, where the flag may be gone.
    strict = getattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
    network = builder.create_network(0 if strict is None else 1 << int(strict))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(model):
        error = parser.get_error(0) if parser.num_errors else None
        raise BackendError(
            "TensorRT cannot read the network",
            where=f"{error.node_operator()} {error.node_name()!r}" if error and error.node_name() else None,
            why=error.desc() if error else "it does not say why",
            hint="use --backend native or onnxruntime",
        )
    return builder, network, parser


def _config(
    flavour: Flavour, trt: Any, builder: Any, network: Any, shapes: Shapes, arch: str | None, timing_cache: Path | None
) -> Any:
    from polygraphy.backend.trt import CreateConfig

    options: dict[str, Any] = {
        "profiles": [_profile(network, shapes)],
        "sparse_weights": True,
        "profiling_verbosity": trt.ProfilingVerbosity.DETAILED,
    }
    if flavour.ahead:
        from polygraphy.backend.tensorrt_rtx import CreateConfigRTX

        target = {"use_gpu": True} if arch is None else {"compute_capabilities": [(int(arch[2:-1]), int(arch[-1]))]}
        config = CreateConfigRTX(**options, **target)(builder, network)
    else:
        known = timing_cache is not None and timing_cache.is_file()
        config = CreateConfig(**options, load_timing_cache=str(timing_cache) if known else None)(builder, network)
    config.clear_flag(trt.BuilderFlag.TF32)
    return config


def _profile(network: Any, shapes: Shapes) -> Any:
    from polygraphy.backend.trt import Profile

    image = network.get_input(0)
    batch, channels, height, width = image.shape
    sizes = [(1 if batch < 0 else batch, channels, *size) for size in (shapes.least, shapes.best, shapes.most)]
    if height > 0 and width > 0:
        sizes = [tuple(image.shape)] * 3
    return Profile().add(image.name, *sizes)


def _serialize(builder: Any, network: Any, config: Any, timing_cache: Path | None) -> Any:
    data = builder.build_serialized_network(network, config)
    if data is not None and timing_cache is not None and (cache := config.get_timing_cache()) is not None:
        from slsc.runtime.atomic import staged

        with staged(timing_cache) as (stream, _):
            stream.write(bytes(cache.serialize()))
    return data


def _layer(layer: Any) -> Layer:
    kind = "" if not layer.num_outputs else layer.get_output(0).dtype.name
    return Layer(layer.name, layer.type.name, kind)
