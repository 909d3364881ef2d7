"""What `slsc check` looks at: the bundle's integrity, its engines' sparsity, and what they compute."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from slsc.errors import ResourceError, SlscError, VerificationError
from slsc.networks.agreement import LEAST_DB, decibels
from slsc.runtime.backends import BACKENDS, AllocationFailed, Backend, Runner, load_backend
from slsc.runtime.backends.native import NativeRunner
from slsc.runtime.backends.onnxruntime import OnnxRuntimeBackend
from slsc.runtime.bundle.engines import Engine
from slsc.runtime.bundle.reader import Bundle, open_bundle
from slsc.runtime.session import Session

REFERENCE = OnnxRuntimeBackend
"""What the other backends are compared with: it runs the ONNX model, which is the truth."""

SIDE = 48
"""Side of the image that shows whether an engine runs, pixels."""

SLACK_DB = 3.0
"""PSNR of an engine to a network that is not the file it was compiled from may be this far below what compilation
measured. Of the very file it is no fault: photos differ more than that, and compilation may have seen others."""


@dataclass(frozen=True)
class Check:
    """One check and how it went.

    Attributes:
        name: what was looked at.
        passed: None when the check cannot be made on this machine.
        detail: figures, or why not.
    """

    name: str
    passed: bool | None
    detail: str


class _NotApplicableError(Exception):
    """A check has nothing to look at; says why."""


def check_bundle(path: Path, asked: Sequence[str] = ()) -> Iterator[Check]:
    """The checks that need nothing but the bundle.

    Args:
        path: the bundle.
        asked: backends that are to be checked beside those of `BACKENDS`, as `load_backend` takes them.

    Raises:
        BundleError: the file cannot be opened at all.
        BackendError: a backend that was asked for is not available.
    """
    bundle = open_bundle(path)
    more = [load_backend(name) for name in asked]
    for entry in bundle.manifest.entries:
        yield _check(f"SHA-256 of {entry}", partial(_unchanged, bundle, entry))
    for engine in bundle.manifest.engines:
        patterns = _check(f"engine {engine.name} keeps its N:M", partial(_patterns, bundle, engine))
        yield patterns
        if patterns.passed is False:
            continue  # slsc did not write it, and what else it asks for is not known
        yield _check(f"engine {engine.name} runs", partial(_runs, path, engine))
        others = [make(0) for make in BACKENDS.values() if make is not REFERENCE]
        for backend in (*others, *(each for each in more if each.name != REFERENCE.name)):
            yield _check(f"engine {engine.name} is the same on {backend.name}", partial(_same, bundle, engine, backend))


def check_against(path: Path, network: Path, data: Path | None = None) -> Iterator[Check]:
    """Every engine of a bundle against the dense network it was compiled from.

    Args:
        path: the bundle.
        network: the ONNX file; by its SHA-256 it is the bundle's source, or it must compute much the same.
        data: folder of photos, such as compilation saw; scikit-image's own for None.

    The network's other inputs hold what they held when the bundle was compiled.

    Raises:
        BundleError: the bundle cannot be opened.
        ModelError: the network cannot be read.
    """
    from slsc.jobs.compile.measuring import HeldOut
    from slsc.jobs.compile.photos import from_photos, photos, probe_photos
    from slsc.jobs.inspect.inspection import parse_engine
    from slsc.networks.loading import import_network
    from slsc.passes.base import PassContext
    from slsc.passes.importing.binding import Binding
    from slsc.passes.importing.residual import residual_written
    from slsc.passes.importing.turn_colours import TurnColours, turns_colours
    from slsc.passes.pipeline import Pipeline
    from slsc.passes.precision.emulate import emulated
    from slsc.probe import Known, probe_io

    bundle = open_bundle(path)
    io = bundle.manifest.io
    same = hashlib.sha256(network.read_bytes()).hexdigest() == bundle.manifest.source.sha256
    binding = Binding.from_options(bundle.manifest.source.options)
    model, images = import_network(network, binding).model, photos(data, seed=0)
    compiled = parse_engine(bundle.read(bundle.manifest.engines[0].onnx), bundle.manifest.engines[0])
    residual, turning = residual_written(compiled), [TurnColours()] if turns_colours(compiled) else []
    model = Pipeline([*turning, *([residual] if residual else [])]).run(model, PassContext()).model
    known = Known(input=io.input_range, output=io.output_range, order=io.order)
    undone = probe_io(model, probe_photos(images), known).undone
    dense = HeldOut(model, io, from_photos(images, io.scale, undone).held_out, truth=False)

    def compared(engine: Engine) -> str:
        quality = dense.quality(emulated(parse_engine(bundle.read(engine.onnx), engine)))
        measured, expected = quality.to_dict(), engine.quality.get("psnr_to_dense")
        psnr = measured.get("psnr_to_dense", math.inf)
        figures = f"{psnr:.2f} dB, largest difference {measured['max_abs_to_dense']:.4f} of the range"
        if not same and expected is not None and not psnr >= expected - SLACK_DB:
            raise VerificationError(figures, why=f"{expected:.2f} dB when it was compiled", hint="is it that network?")
        return figures

    for engine in bundle.manifest.engines:
        yield _check(f"engine {engine.name} against {network.name}", partial(compared, engine))


def _check(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, True, look())
    except _NotApplicableError as error:
        return Check(name, None, str(error))
    except SlscError as error:
        return Check(name, False, str(error))
    except ModuleNotFoundError as error:
        return Check(name, None, f"needs the package {error.name}: pip install 'slsc[compile]'")


def _unchanged(bundle: Bundle, entry: str) -> str:
    return f"{len(bundle.read(entry)):,} bytes"


def _patterns(bundle: Bundle, engine: Engine) -> str:
    from slsc.jobs.inspect.inspection import parse_engine
    from slsc.passes.bake import require_pattern
    from slsc.passes.weights import weight_values

    model = parse_engine(bundle.read(engine.onnx), engine)
    if engine.plan is None:
        return "it has no plan, nothing was pruned"
    require_pattern(engine.plan, weight_values(model))
    return f"{len(engine.plan.layers)} layers"


def _runs(path: Path, engine: Engine) -> str:
    if why := REFERENCE(0).accepts(engine):
        raise _NotApplicableError(why)
    with Session(path, engine=engine.name, backend=REFERENCE.name) as session:
        restored = session.restore(_ramp())
    if np.ptp(restored) == 0:
        raise VerificationError("the output is one flat colour", why="the input is not")
    return f"{restored.shape[1]}x{restored.shape[0]} from {SIDE}x{SIDE}"


def _same(bundle: Bundle, engine: Engine, backend: Backend) -> str:
    if why := backend.accepts(engine) or backend.available():
        raise _NotApplicableError(why)
    reference = _reference(bundle, engine)
    try:
        other = backend.load(bundle.read(engine.artefacts[backend.kind].entry))
        found = decibels(reference, other, bundle.manifest.io)
    except AllocationFailed as error:
        raise ResourceError("out of memory", why=str(error)) from error
    figures = f"{found:.1f} dB from ONNX Runtime"
    figures += _unpacked(engine, other)
    least = LEAST_DB[engine.precision]
    if not found >= least:
        raise VerificationError(figures, why=f"{least:g} dB are the least", hint="compile it again")
    return figures


def _unpacked(engine: Engine, runner: Runner) -> str:
    """What of a typed network the native engine computes in float32, for want of instructions."""
    if not isinstance(runner, NativeRunner):
        return ""
    computed = {"int8": runner.integers, "bf16": runner.halves, "bf16-rounded": runner.halves}
    slow = [kind for kind in computed if kind in _types(engine) and not computed[kind]]
    return f"; in float32, since this processor is no faster in {' and '.join(slow)}" if slow else ""


def _reference(bundle: Bundle, engine: Engine) -> Runner:
    """ONNX Runtime with the engine's ONNX file, where it lacks a type in the arithmetic of that type."""
    data = bundle.read(engine.onnx)
    if "bf16" in _types(engine):
        from slsc.jobs.inspect.inspection import parse_engine
        from slsc.passes.precision.emulate import emulated

        data = emulated(parse_engine(data, engine)).SerializeToString()
    return REFERENCE(0).load(data)


def _types(engine: Engine) -> Collection[str]:
    """Of its layers; none of a float32 engine."""
    return engine.types.layers.values() if engine.types else ()


def _ramp() -> npt.NDArray[np.uint8]:
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    image: npt.NDArray[np.uint8] = (np.stack([rows, columns, rows + columns], 2) * (255 / (2 * SIDE))).astype(np.uint8)
    return image
