"""Every method, from the network as a file to the trained one and its plan."""

from __future__ import annotations

import csv
import os
import signal
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from tqdm import tqdm

from slsc.errors import BudgetError, SlscError, UsageError
from slsc.jobs.compile.trained import found_in_weights, read_plan
from slsc.jobs.train.job import train
from slsc.methods import METHODS, SPARSE
from slsc.networks.loading import import_network
from slsc.passes.graph import initializers
from slsc.search.sls.settings import PAPER
from slsc.search.sparse_methods import SPARSE_METHODS
from slsc.trainer.schedule import Horizon

BUDGET = Fraction(1, 2)
MASKING = [
    (name, start)
    for name, method in SPARSE.items()
    for start in method.starts or ("dense",)
    if not SPARSE_METHODS[name].reshapes
]


@pytest.mark.parametrize(("method", "start"), MASKING)
def test_the_network_keeps_its_plan_and_the_budget(request_for, silent, upscaler, method, start) -> None:
    request = request_for(method=method, start=start, budget=BUDGET)
    report = train(request, silent, print)
    assert report.steps == 6
    assert report.files == (request.plan, request.output)
    model, plan = import_network(request.output).model, read_plan(request.plan)
    found = found_in_weights(model, plan)
    assert found.plan.kept_share == plan.kept_share == report.share <= BUDGET
    assert plan.method == method
    dense = initializers(import_network(upscaler).model)
    trained = initializers(model)
    assert all(trained[name].shape == value.shape for name, value in dense.items())
    kept = found.masks[plan.layers[0].name]
    assert np.any(trained[plan.layers[0].name][kept] != dense[plan.layers[0].name][kept])
    assert not request.checkpoint.exists()


@pytest.mark.parametrize("start", ["dense", "oneshot"])
def test_filter_pruning_writes_a_narrower_network_and_no_plan(request_for, silent, upscaler, start) -> None:
    request = request_for(method="filter", start=start, budget=BUDGET)
    report = train(request, silent, print)
    assert report.files == (request.output,)
    assert not request.plan.exists()
    assert report.share is not None and report.share <= BUDGET
    before, after = (initializers(import_network(path).model) for path in (upscaler, request.output))
    assert sum(value.size for value in after.values()) < 0.8 * sum(value.size for value in before.values())


def test_nested_networks_come_with_a_plan_each(request_for, silent) -> None:
    budgets = (Fraction(1, 8), Fraction(1, 4))
    request = request_for(method="nested", budget=BUDGET, within=budgets)
    report = train(request, silent, print)
    assert report.files == (request.plan, *request.nested_plans, request.output)
    assert [path.name for path in request.nested_plans] == ["net.1-8.plan.json", "net.1-4.plan.json"]
    model, before = import_network(request.output).model, None
    arrays = initializers(model)
    for path, budget in zip((*request.nested_plans, request.plan), (*budgets, BUDGET), strict=True):
        found = found_in_weights(model, read_plan(path))
        assert found.plan.kept_share <= budget and found.plan.budget == str(budget)
        for name, mask in found.masks.items():
            assert before is None or not (before[name] & ~mask).any()
            assert np.array_equal(found.weights.get(name, arrays[name]), arrays[name] * mask)
        before = found.masks


def test_methods_and_numbers_of_budgets_must_fit(request_for) -> None:
    for fields in (
        {"method": "nested", "budget": BUDGET},
        {"method": "sls", "budget": BUDGET, "within": (BUDGET / 2,)},
    ):
        with pytest.raises(UsageError, match="budget"):
            request_for(**fields)


class Impatient(tqdm):
    """A bar that interrupts the run once it shows step 3."""

    def set_postfix_str(self, s: str = "", refresh: bool = True) -> None:
        if s.startswith("step 3,"):
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize(
    ("method", "start"),
    [(name, method.starts[-1] if method.starts else "dense") for name, method in METHODS.items()],
)
def test_an_interrupted_run_resumes_to_the_same_network(request_for, silent, method, start) -> None:
    fields = {"method": method, "start": start, "budget": BUDGET if METHODS[method].needs_budget else None}
    if METHODS[method].several_budgets:
        fields["within"] = (Fraction(1, 4),)
    whole, cut = request_for("whole", **fields), request_for("cut", **fields)
    train(whole, silent, print)
    with pytest.raises(SlscError, match=r"interrupted.*--resume"):
        train(cut, lambda total, label, unit: Impatient(total=total, disable=True), print)
    assert cut.checkpoint.exists()
    assert not cut.output.exists()
    train(replace(cut, resume=True), silent, print)
    assert cut.output.read_bytes() == whole.output.read_bytes()


def test_a_budget_that_is_not_met_leaves_the_checkpoint_to_go_on_from(request_for, silent) -> None:
    request = request_for(method="sls", budget=BUDGET, sls=PAPER)
    with pytest.raises(BudgetError, match=r"not met in the steps given.*came down to") as caught:
        train(request, silent, print)
    assert caught.value.exit_code == 3
    assert request.checkpoint.exists()
    assert not request.output.exists()


def test_a_budget_below_what_is_possible_is_refused_at_once(request_for, silent) -> None:
    for method in SPARSE:
        request = request_for(method=method, budget=Fraction(1, 100))
        with pytest.raises(BudgetError, match="--budget") as caught:
            train(request, silent, print)
        assert caught.value.exit_code == 3
        assert not request.checkpoint.exists()


def test_a_network_that_lost_nothing_learns_nothing_of_the_dense_one(request_for, silent, upscaler) -> None:
    request = request_for(method="uniform", budget=Fraction(1), distill=True)
    train(request, silent, print)
    with request.log_path.open() as log:
        assert {float(row["l1"]) for row in csv.DictReader(log)} == {0.0}
    dense = initializers(import_network(upscaler).model)
    assert all(
        np.array_equal(value, dense[name]) for name, value in initializers(import_network(request.output).model).items()
    )


def test_a_pruned_network_comes_nearer_to_the_dense_one(request_for, silent) -> None:
    settings = request_for().settings
    request = request_for(
        method="uniform",
        budget=BUDGET,
        distill=True,
        settings=replace(settings, horizon=Horizon(steps=60), log_every=20),
    )
    train(request, silent, print)
    with request.log_path.open() as log:
        losses = [float(row["l1"]) for row in csv.DictReader(log)]
    assert 0 < losses[-1] < losses[0]


def test_a_dense_run_has_no_one_to_learn_from(request_for) -> None:
    with pytest.raises(UsageError, match="--distill needs a sparse --method"):
        request_for(distill=True)
