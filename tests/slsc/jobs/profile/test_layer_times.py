"""What each layer takes by N: which layer an operation is, what is timed together, and the line through it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("polygraphy")

from slsc.jobs.profile.layer_times import fitted, measure_layers, needed_macs, shared_out, uniform_plans
from slsc.jobs.profile.targets import network_target
from slsc.networks.loading import import_network
from slsc.passes.analysis.layers import prunable_layers
from slsc.passes.artefacts import FORMS
from slsc.passes.lowering.lower import layers_of_operations
from slsc.runtime.backends import Timed, load_backend
from slsc.runtime.backends.library import library_path
from slsc.zoo import zoo_model
from slsc.zoo.export import export_onnx

native = pytest.mark.skipif(library_path() is None, reason="the native engine is not built")


def test_a_line_that_one_bad_point_does_not_move() -> None:
    points = {1: 3.0, 2: 4.0, 4: 6.0, 8: 99.0, 12: 14.0, 14: 16.0, 16: 15.0}
    found = fitted(points, 16)
    assert found == {1: pytest.approx(3), 14: pytest.approx(16), 16: 15.0}


def test_times_never_fall_below_zero_or_with_n() -> None:
    assert fitted({1: 2.0, 2: 1.5, 4: 1.0, 8: 5.0}, 8) == {1: pytest.approx(1.5), 4: pytest.approx(1.5), 8: 5.0}
    assert fitted({1: 0.1, 2: 2.0, 4: 6.0, 8: 5.0}, 8)[1] >= 0


def test_what_is_timed_together_is_shared_out_by_weights() -> None:
    seconds = [(1.0, 0.1, 8.9, 2.0), (1.0, 0.0, 3.0, 4.0)]
    found = shared_out(seconds, [5, 0, 7, 0], [None, "small", "large", "small"], {"small": 1, "large": 8, "unused": 3})
    assert found["large"] == pytest.approx(np.array([8.0, 8 / 3]))
    assert found["small"] == pytest.approx(np.array([1.0 + 2.0, 1 / 3 + 4.0]))
    assert not found["unused"].any()


def test_what_is_done_within_another_operation_is_of_its_own_layer() -> None:
    needs = {"host": 6, "plain": 5, "guest": 8}
    found = shared_out([(3.0, 1.0, 2.0)], [8, 5, 6], ["host", "plain", "guest"], needs)
    assert found["plain"] == pytest.approx(1)
    assert found["host"] == pytest.approx(3 * 6 / 8)
    assert found["guest"] == pytest.approx(2 + 3 * 2 / 8)


def test_a_layer_of_several_operations_has_the_times_of_all() -> None:
    found = shared_out([(1.0, 5.0, 2.0)], [3, 7, 5], ["parts", "plain", "parts"], {"parts": 8, "plain": 7})
    assert (found["parts"], found["plain"]) == (pytest.approx(3), pytest.approx(5))


def test_every_layer_has_operations(tmp_path: Path) -> None:
    path = tmp_path / "network.onnx"
    export_onnx(zoo_model("rfdn_x4").build(), path)
    model = import_network(path).model
    assert {layer.name for layer in prunable_layers(model)} <= {*layers_of_operations(model, None)}


@native
@pytest.mark.parametrize("n", [4, 32])
def test_every_layer_is_charged_what_is_its_own(tmp_path: Path, n: int) -> None:
    path = tmp_path / "network.onnx"
    export_onnx(zoo_model("rfdn_x4").build(), path)
    model = import_network(path).model
    plan, needs = uniform_plans(model, 32)[n], needed_macs(model, (36, 40), n, 32)
    runner = load_backend("native", 1).load(FORMS["native"].build(model, plan))
    runner.run(np.zeros((1, 3, 36, 40), np.float32))
    assert isinstance(runner, Timed)
    macs = runner.op_macs()
    found = shared_out([macs], macs, layers_of_operations(model, plan), needs)
    assert {name: float(each[0]) for name, each in found.items()} == pytest.approx(needs), "seconds as MACs are"


@native
def test_measured(tmp_path: Path) -> None:
    path = tmp_path / "network.onnx"
    export_onnx(zoo_model("compact_x4").build(), path)
    model, rounds = import_network(path).model, []
    found = measure_layers(model, network_target(path), load_backend("native", 1), 1, (8, 9), 8, 2, rounds.append)
    assert list(found.layers) == [layer.name for layer in prunable_layers(model)]
    assert all(sorted(points) == [1, 6, 8] for points in found.layers.values())
    assert (found.input_hw, found.m, found.threads, found.precision) == ((8, 9), 8, 1, "float32")
    assert 0 < found.least() <= found.predict({})
    found.require_of(model, 8, path)
    assert rounds == [1, 2, 3, 4]
