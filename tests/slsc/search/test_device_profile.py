"""Prices of layers: read back as they were written, refused where they are of something else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import numpy_helper

import slsc
from slsc.errors import BudgetError, DataError
from slsc.passes.analysis.structure import structure_digest
from slsc.search.base import SearchNetwork
from slsc.search.device_profile import DeviceProfile, read_profile, require_reachable

M = 16


@pytest.fixture
def profile(network: SearchNetwork) -> DeviceProfile:
    layers = {layer.name: {1: 1.0, 12: 12.0, M: 10.0} for layer in network.layers}
    digest = structure_digest(network.model)
    return DeviceProfile(digest, "native", slsc.__version__, "a CPU", 2, "float32", (90, 120), M, layers, 0.5)


def test_prices(profile: DeviceProfile, network: SearchNetwork) -> None:
    first, second, third = (layer.name for layer in network.layers)
    assert [profile.layer_ms(first, n) for n in (1, 2, 12, 14, M)] == pytest.approx([1, 2, 12, 11, 10])
    assert profile.predict({first: 2, second: M, third: 1}) == pytest.approx(0.5 + 2 + 10 + 1)
    assert profile.predict({}) == pytest.approx(30.5)
    assert profile.least() == pytest.approx(3.5)
    assert profile.most() == pytest.approx(36.5), "at 12:16, the largest N that is chosen from"


def test_it_is_read_as_it_was_written(profile: DeviceProfile, tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    path.write_text(profile.to_json())
    assert read_profile(path) == profile


def test_the_same_network_with_other_weights_is_the_same(network: SearchNetwork, profile: DeviceProfile) -> None:
    trained = onnx.ModelProto()
    trained.CopyFrom(network.model)
    held = trained.graph.initializer[0]
    held.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(held) + 1, held.name))
    profile.require_of(trained, M, Path("p.json"))


def test_what_a_profile_says_nothing_of(network: SearchNetwork, profile: DeviceProfile) -> None:
    path = Path("p.json")
    other = onnx.ModelProto()
    other.CopyFrom(network.model)
    other.graph.node[0].name = "renamed"
    with pytest.raises(DataError, match=r"another network.*slsc profile MODEL.onnx -o p.json"):
        profile.require_of(other, M, path)
    with pytest.raises(DataError, match=r"another engine: it was measured with slsc 0\.0\.0"):
        replace(profile, version="0.0.0").require_of(network.model, M, path)
    with pytest.raises(DataError, match="not of groups of 32"):
        profile.require_of(network.model, 32, path)


def test_a_latency_out_of_reach_names_the_least(profile: DeviceProfile) -> None:
    with pytest.raises(BudgetError, match=r"use --latency 3\.5ms or more") as caught:
        require_reachable(3.4, profile)
    assert caught.value.exit_code == 3
    require_reachable(3.5, profile)


BROKEN: dict[str, Any] = {
    "schema": 2,
    "layers": {},
    "m": "16",
    "rest": -1,
    "threads": 0,
    "input_hw": [90],
    "network": "",
    "device": "x" * 201,
}


@pytest.mark.parametrize("field", BROKEN)
def test_a_field_out_of_range(profile: DeviceProfile, tmp_path: Path, field: str) -> None:
    path = tmp_path / "profile.json"
    path.write_text(json.dumps({**json.loads(profile.to_json()), field: BROKEN[field]}))
    with pytest.raises(DataError, match="no profile of a device"):
        read_profile(path)


@pytest.mark.parametrize(
    "points",
    [
        {},
        {"1": 1.0},
        {"1": 1.0, "17": 1.0},
        {"1": "1", "16": 1},
        {"1": 1e300, "16": 1},
        {"x": 1, "16": 1},
        [1, 2],
        None,
    ],
)
def test_times_that_are_none(profile: DeviceProfile, tmp_path: Path, points: object) -> None:
    data = json.loads(profile.to_json())
    data["layers"][next(iter(data["layers"]))] = points
    path = tmp_path / "profile.json"
    path.write_text(json.dumps(data))
    with pytest.raises(DataError, match="no profile of a device"):
        read_profile(path)


@pytest.mark.parametrize("text", ["", "[]", "null", '{"schema": 1}', "[" * 100_000, '{"schema": NaN}', "{"])
def test_what_is_no_profile(tmp_path: Path, text: str) -> None:
    path = tmp_path / "profile.json"
    path.write_text(text)
    with pytest.raises(DataError, match="no profile of a device"):
        read_profile(path)


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_profile(tmp_path / "none.json")
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="no profile of a device"):
        read_profile(tmp_path / "binary.json")
