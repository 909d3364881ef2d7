"""Each loss of a classifier draws probabilities where it is meant to."""

from __future__ import annotations

import pytest
import torch

from slsc.search.classes.losses import budget_loss, confidence_loss, expected_error

COSTS = torch.tensor([0.25, 0.5, 0.75])


def learned(loss, logits: torch.Tensor, steps: int = 100) -> torch.Tensor:
    """Probabilities after descending a loss of them."""
    logits = logits.clone().requires_grad_()
    optimizer = torch.optim.Adam([logits], lr=0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        loss(logits.softmax(1)).backward()
        optimizer.step()
    return logits.detach().softmax(1)


def test_the_expected_error_draws_to_the_network_that_loses_least() -> None:
    errors = torch.tensor([[3.0, 1.0, 0.0], [1.0, 0.9, 2.0]])
    found = learned(lambda p: expected_error(p, errors, torch.ones(2)), torch.zeros(2, 3))
    assert found.argmax(1).tolist() == [2, 1]
    alone = torch.tensor([[1.0, 0.0, 0.0]] * 2)
    assert expected_error(alone, errors, torch.ones(2)) == pytest.approx(1)


def test_regions_count_by_their_pixels_and_errors_get_no_gradient() -> None:
    errors = torch.tensor([[2.0, 0.0], [2.0, 0.0]], requires_grad=True)
    found = expected_error(torch.tensor([[1.0, 0.0], [0.0, 1.0]], requires_grad=True), errors, torch.tensor([1.5, 0.5]))
    assert found.item() == pytest.approx(0.75)
    found.backward()
    assert errors.grad is None


def test_confidence_draws_to_one_class() -> None:
    assert confidence_loss(torch.full((4, 3), 1 / 3)) == pytest.approx(2, abs=1e-6)
    assert confidence_loss(torch.eye(3)) == pytest.approx(0)
    start = torch.tensor([[0.1, 0.0, -0.1], [0.0, 0.0, 0.3]])
    found = learned(confidence_loss, start)
    assert found.argmax(1).tolist() == [0, 2] and found.max(1).values.min() > 0.9


@pytest.mark.parametrize("budget", [0.3, 0.7])
def test_the_budget_loss_moves_the_average_cost_to_the_budget(budget: float) -> None:
    def loss(p: torch.Tensor) -> torch.Tensor:
        spent = (p @ COSTS).mean()
        return budget_loss(spent, float(spent.detach()), budget)

    assert float((learned(loss, torch.zeros(5, 3)) @ COSTS).mean()) == pytest.approx(budget, abs=0.02)


def test_the_budget_is_of_the_average_over_steps() -> None:
    """A dear batch is let be where the average is below the budget: its cost may then rise."""
    spent = torch.tensor(0.7, requires_grad=True)
    budget_loss(spent, 0.4, 0.5).backward()
    assert spent.grad == -1
