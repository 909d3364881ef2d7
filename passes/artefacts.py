"""From a network to each kind of artefact that a bundle holds of it.

A backend whose kind is not here loads what another makes, or makes its own where it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import onnx

from slsc.passes.importing.import_model import import_model
from slsc.passes.lowering import lower
from slsc.passes.lowering.refusal import LoweringRefusal
from slsc.passes.precision.emulate import widened
from slsc.passes.precision.int8 import is_quantizer
from slsc.plan import Plan
from slsc.runtime.bundle.engines import ONNX


@dataclass(frozen=True)
class Form:
    """How a kind of artefact is made.

    Attributes:
        suffix: of its entries' names in the bundle.
        build: from a network, its masks baked in, and its N:M by weight (None: dense) to the artefact; raises a
            `ModelError` that names the node where the network has no such form.
    """

    suffix: str
    build: Callable[[onnx.ModelProto, Plan | None], bytes]


def _serialized(model: onnx.ModelProto, plan: Plan | None) -> bytes:
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _lowered(model: onnx.ModelProto, plan: Plan | None) -> bytes:
    """In float32, if need be, what it has in integers of 8 bits."""
    try:
        return lower(model, plan)
    except LoweringRefusal:
        if not any(is_quantizer(node) for node in model.graph.node):
            raise
        return lower(import_model(widened(model)).model, plan)


FORMS: Mapping[str, Form] = {
    ONNX: Form("onnx", _serialized),
    "native": Form("nmp", _lowered),
}
"""The forms by kind."""
