"""Engines against the dense network, by the clock."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import numpy_helper

from slsc.errors import BackendError, ModelError
from slsc.jobs.compile import paying
from slsc.jobs.compile.paying import Race, race
from slsc.passes.artefacts import FORMS
from slsc.runtime.bundle.manifest import ImageIO
from slsc.runtime.bundle.value_range import UNIT

IO = ImageIO(3, "RGB", UNIT, UNIT, "x", "y", 2, "sr")


@pytest.fixture
def dense() -> onnx.ModelProto:
    """Two convolutions without names."""
    nodes = "a = Conv <pads=[1,1,1,1]> (x, head) b = Relu (a) y = Conv <pads=[1,1,1,1]> (b, tail)"
    graph = f"net (float[n,3,h,w] x) => (float[n,3,h,w] y) {{ {nodes} }}"
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]> {graph}')
    for name, shape in (("head", (32, 3, 3, 3)), ("tail", (3, 32, 3, 3))):
        values = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
        model.graph.initializer.append(numpy_helper.from_array(values, name))
    return model


def engine(name="1-4", made=("onnx", "native")):
    return SimpleNamespace(name=name, artefacts=SimpleNamespace(made=dict.fromkeys(made, name.encode())))


@pytest.fixture
def clock(monkeypatch):
    """clock(milliseconds in turn, what the processor has): the plans that were raced."""

    def set_to(times, *features):
        raced = []
        monkeypatch.setattr(paying, "has", lambda feature: feature in features)
        monkeypatch.setattr(paying, "fastest", lambda plans, io: raced.extend(plans) or times[: len(plans)])
        return raced

    return set_to


@pytest.mark.parametrize(
    ("times", "dense_in", "dense_ms", "pruned_ms"),
    [([8.0, 4.0, 3.9], "bf16-rounded", 4.0, 3.9), ([8.0, 9.0, 3.9], "float32", 8.0, 3.9)],
)
def test_dense_is_given_its_fastest_type(clock, dense, times, dense_in, dense_ms, pruned_ms):
    raced = clock(times, "bf16")
    found = race(dense, [engine()], IO, only_float32=False)
    assert found == Race((128, 128), dense_in, {"dense": dense_ms, "1-4": pruned_ms})
    assert len(raced) == 3 and raced[0] != raced[1] and raced[2] == b"1-4"


@pytest.mark.parametrize(("features", "only_float32"), [((), False), (("bf16",), True)])
def test_float32_where_nothing_else_is_had_or_wanted(clock, dense, features, only_float32):
    clock([8.0, 4.0, 2.0], *features)
    found = race(dense, [engine("1-4"), engine("1-8")], IO, only_float32)
    assert found == Race((128, 128), "float32", {"dense": 8.0, "1-4": 4.0, "1-8": 2.0})


def test_it_really_runs(dense):
    pruned = SimpleNamespace(name="1", artefacts=SimpleNamespace(made={"native": FORMS["native"].build(dense, None)}))
    before = copy.deepcopy(dense)
    found = race(dense, [pruned], IO, only_float32=False)
    assert found is not None and min(found.ms.values()) > 0 and found.ms.keys() == {"dense", "1"}
    assert dense == before, "nameless nodes were named in place"


def test_nothing_is_said_where_the_native_engine_does_not_run_them(clock, dense, monkeypatch):
    clock([])
    assert race(dense, [engine(), engine("1-8", ("onnx",))], IO, only_float32=False) is None

    def fails(plans: list[bytes], io: ImageIO) -> list[float]:
        raise BackendError("no memory")

    monkeypatch.setattr(paying, "fastest", fails)
    assert race(dense, [engine()], IO, only_float32=False) is None

    def refuses(model: onnx.ModelProto, plan: object) -> bytes:
        raise ModelError("no")

    monkeypatch.setattr(paying, "FORMS", {"native": SimpleNamespace(build=refuses)})
    assert race(dense, [engine()], IO, only_float32=False) is None


def test_what_clocks_cannot_tell_is_no_gain():
    found = Race((128, 128), "float32", {"dense": 10.0, "1-2": 9.1, "1-4": 8.9})
    assert not found.gains("1-2") and found.gains("1-4")
