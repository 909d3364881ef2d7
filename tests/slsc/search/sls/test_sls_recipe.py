"""A search as the training loop runs it, small enough for tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor

from slsc.errors import BudgetError, SlscError
from slsc.onnx_torch import OnnxModule
from slsc.passes.bake import BakeMasks
from slsc.passes.base import PassContext
from slsc.passes.pipeline import Pipeline
from slsc.search.base import Rules, SearchNetwork
from slsc.search.inputs import PatchSource
from slsc.search.sls.network import GatedNetwork
from slsc.search.sls.recipe import SlsRecipe
from slsc.search.sls.settings import FAST, PAPER, Pace, SlsSettings
from slsc.trainer.loop import Batches, fit
from slsc.trainer.progress import LogRow, RunProgress
from slsc.trainer.schedule import Horizon, Schedule
from slsc.trainer.settings import TrainSettings

RULES = Rules(8)
SIDE = 16
PRESSED = replace(PAPER, strength=1e-3, epoch=5, refresh_every=7)
"""So much weight on the cost that a budget is met within a few steps of 0.05."""


class Notes:
    """Keeps what a run tells."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.reports: list[Mapping[str, float]] = []

    def begin(self, start: RunProgress, horizon: Horizon) -> None:
        pass

    def show(self, at: RunProgress, fraction: float, loss: float, report: Mapping[str, float]) -> None:
        self.losses.append(loss)
        self.reports.append(dict(report))

    def record(self, row: LogRow) -> None:
        pass


@pytest.fixture
def batches(pairs, io) -> Batches:
    return PatchSource(pairs, io).batches(SIDE, (0,))


def make(
    network: SearchNetwork, settings: SlsSettings, budget: Fraction = Fraction(1, 4), rules: Rules = RULES
) -> SlsRecipe:
    module = GatedNetwork(network, OnnxModule(network.model), rules, settings)
    return SlsRecipe(network, module, budget, rules, settings, SIDE * SIDE)


def run(recipe: SlsRecipe, batches: Batches, steps: int, checkpoint: Path | None = None, **more: bool) -> Notes:
    settings = TrainSettings(Horizon(steps=steps), batch=2, schedule=Schedule(0.05, "constant", 0), log_every=1)
    notes = Notes()
    fit(recipe, batches, settings, checkpoint=checkpoint, log=notes, **more)
    return notes


@pytest.mark.parametrize("rule", ["magnitude", "magnitude+2:4"])
@pytest.mark.parametrize("m", [4, 8, 16, 32])
def test_a_search_meets_its_budget_and_bakes(network: SearchNetwork, batches: Batches, m: int, rule: str) -> None:
    rules = Rules(m, rule)
    budget = max(Fraction(1, 4), network.lowest_share(m))
    found = make(network, replace(FAST, refresh_every=1), budget, rules)
    run(found, batches, 12)
    result = found.result()
    assert result.plan.kept_share == float(found.module.exact_share()) <= budget
    assert result.plan.method == "sls" and {layer.m for layer in result.plan.layers} == {m}
    for name, mask in result.masks.items():
        assert not np.any(result.weights[name][~mask])
    baked = Pipeline([BakeMasks(result.plan, result.weights, result.masks)]).run(network.model, PassContext()).model
    x = torch.rand(1, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(OnnxModule(baked)(x), found.module(x))


def test_n_is_settled_once_the_budget_is_met(network: SearchNetwork, batches: Batches) -> None:
    recipe = make(network, PRESSED)
    notes = run(recipe, batches, 30)
    shares = [report["share"] for report in notes.reports]
    met = next(index for index, share in enumerate(shares) if share <= 0.25)
    assert 0 < met < 25
    assert all(share == 1.0 or share > 0.25 for share in shares[:met])
    assert len(set(shares[met:])) == 1
    assert all(report["lambda"] == 0 for report in notes.reports[met:])
    assert recipe.penalty() is None and not recipe.module.k.requires_grad


def test_units_go_on_being_formed_after_n_is_settled(network: SearchNetwork, batches: Batches) -> None:
    moving, still = make(network, PRESSED), make(network, replace(PRESSED, refresh_every=None))
    for recipe in (moving, still):
        first = recipe.module.get_buffer("slots_0").clone()
        run(recipe, batches, 30)
        assert torch.equal(recipe.module.get_buffer("slots_0"), first) == (recipe is still)


def test_the_cost_is_counted_for_a_training_sample_in_grey_levels(network: SearchNetwork) -> None:
    recipe = make(network, PAPER)
    penalty = recipe.penalty()
    pixels = network.cost.input_hw[0] * network.cost.input_hw[1]
    macs = network.cost.prunable_macs * SIDE * SIDE / pixels
    assert penalty is not None
    assert float(penalty.detach()) == pytest.approx(1e-10 * macs / 255, rel=1e-5)


def test_steps_that_run_out_say_how_far_it_came(network: SearchNetwork, batches: Batches) -> None:
    recipe = make(network, PAPER)
    run(recipe, batches, 3)
    with pytest.raises(BudgetError, match=r"came down to 0\.\d{4}, lambda up to 1e-10") as caught:
        recipe.result()
    assert caught.value.exit_code == 3 and "more steps" in str(caught.value)


def test_a_search_that_removed_nothing_proposes_no_budget(network: SearchNetwork) -> None:
    with pytest.raises(BudgetError, match="more steps") as caught:
        make(network, PAPER).result()
    assert "--budget" not in str(caught.value)


def test_an_unreachable_budget_is_refused_at_once(network: SearchNetwork) -> None:
    with pytest.raises(BudgetError, match="cannot be reached"):
        make(network, PAPER, Fraction(1, 100))


def test_a_late_search_is_brought_to_its_budget(network: SearchNetwork, batches: Batches) -> None:
    settings = replace(FAST, strength=0.0, k_rate=0.01, pace=Pace(until=0.4, grace=0.1))
    recipe = make(network, settings)
    notes = run(recipe, batches, 20)
    shares = [report["share"] for report in notes.reports]
    assert shares[9] > 0.25 >= shares[10] == shares[-1]
    assert recipe.result().plan.kept_share <= 0.25


@pytest.mark.parametrize("ordered", [True, False])
def test_ablations_end_with_a_plan_that_holds(build: Callable[..., onnx.ModelProto], ordered: bool) -> None:
    model = build([("image", "head", 3, 13), ("head", "body", 13, 11), ("body", "restored", 11, 3)], [], 3)
    network = SearchNetwork.of(model, (16, 16))
    recipe = make(network, replace(PRESSED, ordered=ordered, anneal_every=None, refresh_every=1), Fraction(1, 2))

    def noise(step: int, first: int, count: int) -> tuple[Tensor, Tensor]:
        x = torch.rand(count, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(step))
        return x, x

    run(recipe, noise, 40)
    result = recipe.result()
    assert result.plan.kept_share <= 0.5
    Pipeline([BakeMasks(result.plan, result.weights, result.masks)]).run(model, PassContext())


@pytest.mark.parametrize("stop", [3, 9, 20])
def test_a_resumed_search_is_the_uninterrupted_one(
    network: SearchNetwork, batches: Batches, tmp_path: Path, stop: int
) -> None:
    """Stopped before, while and after N is learned."""
    whole = make(network, PRESSED)
    expected = run(whole, batches, 24, tmp_path / "whole.ckpt")
    path = tmp_path / "run.ckpt"
    run(make(network, PRESSED), batches, stop, path)
    resumed = make(network, PRESSED)
    seen = run(resumed, batches, 24, path, resume=True)
    assert seen.losses == expected.losses[stop:]
    assert seen.reports == expected.reports[stop:]
    assert resumed.result().plan == whole.result().plan
    for name, weight in whole.result().weights.items():
        np.testing.assert_array_equal(resumed.result().weights[name], weight)


def test_a_checkpoint_of_another_group_size_is_refused(
    network: SearchNetwork, batches: Batches, tmp_path: Path
) -> None:
    path = tmp_path / "run.ckpt"
    run(make(network, PRESSED), batches, 2, path)
    with pytest.raises(SlscError, match="another run"):
        run(make(network, PRESSED, rules=Rules(16)), batches, 4, path, resume=True)
