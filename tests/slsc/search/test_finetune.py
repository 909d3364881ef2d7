from __future__ import annotations

import time
from fractions import Fraction

import numpy as np
import pytest
import torch

from slsc.errors import SlscError
from slsc.onnx_torch import OnnxModule
from slsc.search.base import Rules, SearchNetwork, SearchResult
from slsc.search.finetune import finetune
from slsc.search.inputs import PatchSource
from slsc.search.lesson import Lesson
from slsc.search.masked import MaskedRecipe
from slsc.search.uniform import prune_uniform
from slsc.trainer.schedule import Horizon, Schedule
from slsc.trainer.settings import TrainSettings

START_RULES = Rules(16)


def settings(steps: int, seconds: float, rate: float, batch: int = 1) -> TrainSettings:
    return TrainSettings(Horizon(steps, seconds), batch=batch, schedule=Schedule(rate, warmup=0))


def masked(network: SearchNetwork, start: SearchResult) -> MaskedRecipe:
    return MaskedRecipe(OnnxModule(network.model), start)


def distance(network: SearchNetwork, weights: dict[str, np.ndarray], x: torch.Tensor, target: torch.Tensor) -> float:
    module = OnnxModule(network.model)
    with torch.no_grad():
        for name, values in weights.items():
            module.parameter(name).copy_(torch.from_numpy(values))
        return float((module(x) - target).abs().mean())


@pytest.mark.parametrize("labelled", [False, True])
def test_comes_nearer_to_its_target_and_keeps_the_masks(network, pairs, io, silent, labelled: bool) -> None:
    start = prune_uniform(network, Fraction(1, 4), START_RULES)
    source = PatchSource(pairs, io)
    choices = settings(40, 600, 2e-3, batch=4)
    result = finetune(
        masked(network, start), start, Lesson(network.model, source.batches(24, (0,)), labelled, choices), silent
    )
    x, truth = source.draw(4, 24, (1,))
    with torch.no_grad():
        target = truth if labelled else OnnxModule(network.model)(x)
    assert distance(network, result.weights, x, target) < 0.8 * distance(network, start.weights, x, target)
    assert result.plan == start.plan
    for name, mask in start.masks.items():
        assert not np.any(result.weights[name][~mask])


def test_training_that_does_harm_is_thrown_away(network, pairs, io, silent) -> None:
    start = prune_uniform(network, Fraction(1, 4), START_RULES)
    source = PatchSource(pairs, io)
    wild = settings(5, 600, 1.0, batch=2)
    recipe = masked(network, start)
    assert finetune(recipe, start, Lesson(network.model, source.batches(24, (0,)), False, wild), silent) is start


def test_steps_are_cut_to_the_time_allowed(network, pairs, io) -> None:
    start = prune_uniform(network, Fraction(1, 4), START_RULES)
    source = PatchSource(pairs, io)
    seen: list[tuple[int, int]] = []

    def slow(step: int, first: int, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        time.sleep(0.02)
        return source.draw(count, 16, (0, step))

    def note(stage: str, done: int, total: int) -> None:
        seen.append((done, total))

    finetune(masked(network, start), start, Lesson(network.model, slow, False, settings(10_000, 0.6, 1e-4)), note)
    done, total = seen[-1]
    assert done == total < 100
    assert all(done <= total <= 10_000 for done, total in seen)


def test_divergence_is_an_error(network, pairs, io, silent) -> None:
    start = prune_uniform(network, Fraction(1, 4), START_RULES)
    source = PatchSource(pairs, io)

    def poisoned(step: int, first: int, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        x, truth = source.draw(count, 16, (0, step))
        return x * float("nan"), truth

    with pytest.raises(SlscError, match="diverged"):
        finetune(masked(network, start), start, Lesson(network.model, poisoned, False, settings(5, 60, 1e-4)), silent)
