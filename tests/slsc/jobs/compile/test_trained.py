"""Sparse networks that come with a plan."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from slsc.errors import PlanError
from slsc.jobs.compile.trained import found_in_weights, read_plan
from slsc.passes.bake import BakeMasks
from slsc.passes.base import PassContext
from slsc.passes.graph import initializers, set_initializer
from slsc.passes.importing.import_model import import_model
from slsc.passes.pipeline import Pipeline
from slsc.plan import Plan
from slsc.search.base import Rules, SearchNetwork, SearchResult
from slsc.search.uniform import prune_uniform
from slsc.zoo.compact import Compact
from slsc.zoo.export import to_onnx


def _baked(model: onnx.ModelProto, found: SearchResult) -> onnx.ModelProto:
    return Pipeline([BakeMasks(found.plan, found.weights, found.masks)]).run(model, PassContext()).model


@pytest.fixture(scope="module")
def sparse() -> tuple[onnx.ModelProto, Plan]:
    torch.manual_seed(0)
    model = import_model(to_onnx(Compact(2, 16, 1))).model
    network = SearchNetwork.of(model, (64, 64))
    found = prune_uniform(network, Fraction(1, 4), Rules(8))
    return _baked(model, found), found.plan


def test_masks_and_share_come_from_the_weights(sparse) -> None:
    model, plan = sparse
    found = found_in_weights(model, plan)
    assert found.plan == plan
    assert all(np.array_equal(mask, initializers(model)[name] != 0) for name, mask in found.masks.items())
    assert _baked(model, found).SerializeToString() == model.SerializeToString()


def test_a_kept_weight_that_became_zero_is_no_fault(sparse) -> None:
    model, plan = onnx.ModelProto(), sparse[1]
    model.CopyFrom(sparse[0])
    name = plan.layers[0].name
    weight = initializers(model)[name].copy()
    weight[tuple(np.argwhere(weight)[0])] = 0
    set_initializer(model, name, weight)
    found = found_in_weights(model, plan)
    assert found.plan.layers[0].mask_sha256 != plan.layers[0].mask_sha256
    assert np.array_equal(initializers(_baked(model, found))[name], weight)


def test_weights_that_break_the_plan_are_refused(sparse) -> None:
    model, plan = sparse
    tighter = replace(plan, layers=(*plan.layers[:-1], replace(plan.layers[-1], n=1)))
    with pytest.raises(PlanError, match=rf"{plan.layers[-1].name}: the weights break the plan: more than 1:8"):
        found_in_weights(model, tighter)
    ruled = replace(plan, layers=tuple(replace(layer, rule="magnitude+2:4", n=4) for layer in plan.layers))
    dense = onnx.ModelProto()
    dense.CopyFrom(model)
    crowded = np.zeros_like(initializers(model)[plan.layers[0].name])
    crowded[:, :3] = 1
    set_initializer(dense, plan.layers[0].name, crowded)
    with pytest.raises(PlanError, match="more than 2:4"):
        found_in_weights(dense, ruled)


def test_the_plan_of_another_network_is_refused(sparse) -> None:
    model, plan = sparse
    first, *rest = plan.layers
    for layers, why in (
        ((replace(first, name="conv.9"), *rest), "no such layer|leaves this layer out"),
        (tuple(rest), f"{first.name}.*leaves this layer out"),
        ((replace(first, m=16), *rest), "different M"),
    ):
        with pytest.raises(PlanError, match=why):
            found_in_weights(model, replace(plan, layers=layers))


def test_a_plan_goes_through_its_file(sparse, tmp_path: Path) -> None:
    path = tmp_path / "net.plan.json"
    path.write_text(json.dumps(sparse[1].to_dict()))
    assert read_plan(path) == sparse[1]


@pytest.mark.parametrize("content", [None, b"", b"[]", b"{}", b"\xff", b'{"layers": [{}]}'])
def test_an_unusable_plan_file_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "net.plan.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PlanError, match="plan"):
        read_plan(path)
