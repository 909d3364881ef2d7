"""Searching an order, and mapping a network: nothing lost by permuting, what is lost by projecting said."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from slsc.passes import verify
from slsc.passes.bake import require_pattern
from slsc.passes.base import PassContext
from slsc.passes.graph import initializers, set_initializer
from slsc.passes.sparsity24.energy import kept_energy
from slsc.passes.sparsity24.mapping import map_sparse, mapped_by_search
from slsc.passes.sparsity24.permutation_search import Effort
from slsc.pattern import first_2to4_violation, first_violation, nm_mask, rank_groups
from slsc.plan import LayerPlan, Plan, mask_digest

TEXT = (
    "g (float[n,3,h,w] x) => (float[n,3,h,w] y) { a = Conv(x, wa, ba) c = Conv(a, wc) r = Relu(c) d = Conv(r, wd) "
    "e = Add(a, d) f = Concat<axis=1>(e, r) b = Conv(f, wf) y = Conv(b, wb) }"
)
SHAPES = {
    "wa": (32, 3, 1, 1),
    "ba": (32,),
    "wc": (16, 32, 3, 3),
    "wd": (32, 16, 1, 1),
    "wf": (8, 48, 1, 1),
    "wb": (3, 8, 1, 1),
}
EFFORT = Effort(sweeps=8, seconds=60.0)


def quiet(stage: str, done: int, total: int) -> None:
    assert done <= total


@pytest.fixture
def dense(build) -> onnx.ModelProto:
    text = TEXT.replace("Conv(a, wc)", "Conv<pads=[1,1,1,1]>(a, wc)")
    return build(text, **SHAPES)


def pruned(model: onnx.ModelProto, n: dict[str, int], m: int = 16, rule: str = "magnitude") -> Plan:
    """Prune in place by magnitude."""
    layers = []
    for name, kept in n.items():
        weight = initializers(model)[name]
        mask = nm_mask(rank_groups(np.abs(weight), m, rule), kept, m)
        set_initializer(model, name, weight * mask)
        layers.append(LayerPlan(name, kept, m, rule, mask_digest(mask)))
    return Plan(tuple(layers), "1/4", 0.25, "uniform")


def context(image) -> PassContext:
    return PassContext((image(12, 16),))


def test_an_order_keeps_more_and_is_the_same_every_time(dense, image):
    plan = pruned(dense, {"wc": 6, "wd": 8, "wf": 8})
    first = map_sparse(dense, plan, EFFORT, context(image), quiet)
    again = map_sparse(dense, plan, EFFORT, context(image), quiet)
    assert first.model == again.model and first.plan == again.plan
    search = first.ordered.search
    assert search is not None and search.exchanges > 0
    assert sum(after - before for before, after in search.kept.values()) > 0.01
    for name, (_, after) in search.kept.items():
        weight = initializers(first.ordered.model)[name]
        mask = nm_mask(rank_groups(np.abs(weight), 16, "magnitude+2:4"), plan.by_name()[name].n, 16)
        assert np.isclose(after, np.square(weight[mask]).sum() / np.square(weight).sum(), rtol=1e-4)


def test_no_time_means_no_exchanges(dense, image):
    plan = pruned(dense, {"wc": 6, "wd": 8, "wf": 8})
    found = map_sparse(dense, plan, Effort(seconds=-1.0), context(image), quiet).ordered
    assert found.search is not None and not found.search.exchanges and not found.search.finished
    assert found.model is dense


def test_a_sparse_network_is_permuted_then_projected(dense, image):
    plan = pruned(dense, {"wc": 4, "wd": 8, "wf": 12})
    mapped = map_sparse(dense, plan, EFFORT, context(image), quiet)
    states = {layer.name: layer for layer in mapped.layers}
    arrays, before = initializers(mapped.model), initializers(mapped.ordered.model)
    assert verify.compare(dense, mapped.ordered.model, [image(12, 16)]).relative < 1e-5
    for name in ("wc", "wd"):
        assert first_2to4_violation(arrays[name]) is None
        assert first_violation(arrays[name], mapped.plan.by_name()[name].n, 16) is None
        assert mapped.plan.by_name()[name].rule == "magnitude+2:4"
        assert mapped.plan.by_name()[name].mask_sha256 == mask_digest(arrays[name] != 0)
    projected = states["wd"]
    assert projected.state == "projected"
    assert projected.dropped == np.count_nonzero(before["wd"]) - np.count_nonzero(arrays["wd"]) > 0
    lost = 1 - np.square(arrays["wd"]).sum() / np.square(before["wd"]).sum()
    assert projected.energy_lost == pytest.approx(lost, abs=1e-6)
    assert (states["wf"].state, states["wf"].reason) == ("dense", "N>8")
    assert np.count_nonzero(arrays["wf"]) == np.count_nonzero(initializers(dense)["wf"])
    again = map_sparse(mapped.model, mapped.plan, EFFORT, context(image), quiet)
    assert again.model is mapped.model or again.model == mapped.model
    assert {layer.state for layer in again.layers} == {"eligible", "dense"}
    require_pattern(mapped.plan, arrays)


def test_layers_that_are_not_mapped_keep_their_groups(build, image):
    """What reads the concatenation has other groups than what reads its parts, and keeps too much to be mapped."""
    text = TEXT.replace("Concat<axis=1>(e, r)", "Concat<axis=1>(r, e)").replace(
        "Conv(a, wc)", "Conv<pads=[1,1,1,1]>(a, wc)"
    )
    shapes = {**SHAPES, "wc": (8, 32, 3, 3), "wd": (32, 8, 1, 1), "wf": (8, 40, 1, 1)}
    model = build(text, **shapes)
    plan = pruned(model, {"wc": 7, "wd": 8, "wf": 10})
    mapped = map_sparse(model, plan, EFFORT, context(image), quiet)
    assert mapped.ordered.search is not None and mapped.ordered.search.exchanges > 0
    require_pattern(mapped.plan, initializers(mapped.model))


def test_permuting_alone_saves_a_layer_it_can(dense, image):
    """The two channels of each pair that overfill a window are apart once one of them moves."""
    for name in ("wc", "wd", "wf"):
        weight = np.zeros_like(initializers(dense)[name])
        weight[:, ::4] = 1 + np.arange(weight.shape[1])[None, ::4, None, None] / 99
        set_initializer(dense, name, weight)
    crowded = np.zeros(SHAPES["wc"], np.float32)
    crowded[:, :3] = 1.0
    set_initializer(dense, "wc", crowded)
    layers = tuple(
        LayerPlan(name, 4, 16, "magnitude", mask_digest(initializers(dense)[name] != 0)) for name in ("wc", "wd", "wf")
    )
    mapped = map_sparse(dense, Plan(layers, "1/4", 0.25, "uniform"), EFFORT, context(image), quiet)
    assert {layer.name: layer.state for layer in mapped.layers} == {
        "wc": "permuted",
        "wd": "eligible",
        "wf": "eligible",
    }
    assert np.count_nonzero(initializers(mapped.model)["wc"]) == np.count_nonzero(crowded)


def test_what_the_rule_cost_is_said(dense):
    before = initializers(dense)
    plan = pruned(dense, {"wc": 4, "wd": 2, "wf": 12}, rule="magnitude+2:4")
    layers = {layer.name: layer for layer in mapped_by_search(dense, plan, before)}
    assert {name: layer.state for name, layer in layers.items()} == {"wc": "re-ranked", "wd": "eligible", "wf": "dense"}
    energy = np.square(np.moveaxis(before["wc"], 1, -1).reshape(-1, 2, 16)).astype(np.float32)
    with_rule, without = (
        sum(float(kept_energy(energy[:, group], 4, windowed)) for group in (0, 1)) for windowed in (True, False)
    )
    assert layers["wc"].energy_lost == pytest.approx(1 - with_rule / without, abs=1e-5)
    assert 0 < layers["wc"].energy_lost < 0.1
