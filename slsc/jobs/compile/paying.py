"""Whether pruning pays on this processor: engines against the dense network, by the native engine's clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import onnx

from slsc.errors import SlscError
from slsc.jobs.compile.baking import BakedEngine
from slsc.jobs.compile.racing import fastest, raced_size
from slsc.passes.artefacts import FORMS
from slsc.passes.base import PassContext
from slsc.passes.pipeline import Pipeline
from slsc.passes.precision.convolutions import convolutions, named
from slsc.passes.precision.rounded import RoundToBf16
from slsc.passes.precision.types import FLOAT32, ROUNDED
from slsc.runtime.backends.library import has
from slsc.runtime.backends.native_backend import NativeBackend
from slsc.runtime.bundle.manifest import ImageIO

LITTLE = 0.1
"""Share of the dense network's time that an engine must save, or pruning gains next to none: clocks are no finer."""

DENSE = "dense"


@dataclass(frozen=True)
class Race:
    """What the native engine takes for an image, on one thread of this processor.

    Attributes:
        hw: the image's height and width.
        dense_in: what the dense network is fastest in here: "float32" or "bf16-rounded".
        ms: milliseconds, of "dense" and by engine.
    """

    hw: tuple[int, int]
    dense_in: str
    ms: Mapping[str, float]

    def gains(self, engine: str) -> bool:
        """Whether an engine is faster than the dense network by more than clocks err."""
        return self.ms[engine] < (1 - LITTLE) * self.ms[DENSE]


def race(dense: onnx.ModelProto, engines: Sequence[BakedEngine], io: ImageIO, only_float32: bool) -> Race | None:
    """The engines against the dense network, this in the fastest of the types that cost next to nothing.

    Args:
        dense: before the search, in float32.
        engines: as they go into the bundle.
        io: how pixels enter them all.
        only_float32: other types are not wanted.

    Returns:
        None where the native engine does not run them, or not here: for want of memory, say.
    """
    kind = NativeBackend.kind
    if not all(kind in engine.artefacts.made for engine in engines):
        return None
    models = {FLOAT32.name: dense}
    if not only_float32 and has("bf16"):
        models[ROUNDED] = _rounded(dense)
    try:
        plans = [FORMS[kind].build(model, None) for model in models.values()]
        times = fastest([*plans, *(engine.artefacts.made[kind] for engine in engines)], io)
    except SlscError:
        return None
    best, dense_in = min(zip(times, models, strict=False))
    taken = zip((engine.name for engine in engines), times[len(models) :], strict=True)
    return Race(raced_size(io), dense_in, {DENSE: best, **dict(taken)})


def _rounded(model: onnx.ModelProto) -> onnx.ModelProto:
    """All convolutions in bfloat16."""
    model = named(model)
    nodes = {node for nodes in convolutions(model).values() for node in nodes}
    return Pipeline([RoundToBf16(nodes)]).run(model, PassContext()).model
