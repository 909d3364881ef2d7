"""What speaks against 8 bits, where they are only to be tried."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import numpy_helper

from slsc.jobs.compile.hardware import HardwareRequest
from slsc.jobs.compile.types import settled
from slsc.jobs.type.wanted import WHERE_IT_PAYS, Precision
from slsc.search.base import Rules

INNER = "a = Conv <pads=[1,1,1,1]> (x, head) b = Conv <pads=[1,1,1,1]> (a, body) y = Conv <pads=[1,1,1,1]> (b, tail)"
ENDS = "a = Conv <pads=[1,1,1,1]> (x, head) y = Conv <pads=[1,1,1,1]> (a, tail)"
FOREIGN = INNER.replace("y = Conv", "c = Celu (b) y = Conv").replace("(b, tail)", "(c, tail)")
SHAPES = {"head": (32, 3, 3, 3), "body": (32, 32, 3, 3), "tail": (3, 32, 3, 3)}


@dataclass(frozen=True)
class Request:
    precision: Precision = WHERE_IT_PAYS
    adaptive: bool = False
    classes: object = None
    classifies: bool = False
    plans: tuple[str, ...] = ()
    timing: object = None
    hardware: HardwareRequest = field(default_factory=HardwareRequest)
    rules: Rules = field(default_factory=Rules)


def network(nodes: str = INNER) -> onnx.ModelProto:
    graph = f"net (float[n,3,h,w] x) => (float[n,3,h,w] y) {{ {nodes} }}"
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]> {graph}')
    for name, shape in SHAPES.items():
        if name in nodes:
            values = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
            model.graph.initializer.append(numpy_helper.from_array(values, name))
    return model


@pytest.fixture(autouse=True)
def able(monkeypatch):
    monkeypatch.setattr("slsc.jobs.compile.types.has", lambda feature: feature == "int8")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"adaptive": True}, "regions"),
        ({"classes": "c"}, "regions"),
        ({"classifies": True}, "regions"),
        ({"plans": ("p",)}, "plan"),
        ({"timing": SimpleNamespace()}, "profile"),
        ({"hardware": HardwareRequest("auto")}, "2:4"),
        ({"rules": Rules(32, "magnitude+2:4")}, "2:4"),
    ],
)
def test_a_request_that_does_not_go_with_8_bits(changed, why):
    found = settled(Request(**changed), network(), truth=True)
    assert found.precision == Precision("float32") and why in found.reason
    asked = Precision("int8")
    assert settled(Request(**{**changed, "precision": asked}), network(), truth=True).precision is asked


@pytest.mark.parametrize("rules", [Rules(), Rules(16)])
def test_nothing_speaks_against_them(rules):
    found = settled(Request(rules=rules), network(), truth=True)
    assert (found.precision, found.reason) == (WHERE_IT_PAYS, "")


@pytest.mark.parametrize(
    ("nodes", "truth", "why"),
    [(INNER, False, "cannot be measured"), (ENDS, True, "read or make the image"), (FOREIGN, True, "Celu")],
)
def test_a_network_that_does_not(nodes, truth, why):
    found = settled(Request(), network(nodes), truth)
    assert found.precision == Precision("float32") and why in found.reason


def test_a_processor_that_does_not(monkeypatch):
    monkeypatch.setattr("slsc.jobs.compile.types.has", lambda feature: False)
    assert "processor" in settled(Request(), network(), truth=True).reason
