from __future__ import annotations

import pytest
import torch
from torch import nn

from slsc.trainer.muon import LEAST, Muon, is_matrix, orthogonalized

ROWS, COLUMNS = 40, 60


def trained(optimizer: torch.optim.Optimizer, weight: nn.Parameter, steps: int) -> float:
    """Mean squared error of a product of inputs that are much alike, after some steps."""
    generator = torch.Generator().manual_seed(0)
    mixing = torch.randn(COLUMNS, COLUMNS, generator=generator) * torch.logspace(0, -2, COLUMNS)
    inputs = torch.randn(500, COLUMNS, generator=generator) @ mixing.T
    truth = torch.randn(ROWS, COLUMNS, generator=generator)
    for _ in range(steps):
        loss = (inputs @ (weight.reshape(ROWS, COLUMNS) - truth).T).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


@pytest.mark.parametrize("shape", [(ROWS, COLUMNS), (COLUMNS, ROWS)])
def test_singular_values_become_alike(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    values = torch.linalg.svdvals(orthogonalized(1e3 * matrix))
    assert (values.min() > 0.5) & (values.max() < 1.3)


def test_it_learns() -> None:
    weight, same = (nn.Parameter(torch.zeros(ROWS, COLUMNS // 4, 2, 2)) for _ in range(2))
    assert trained(Muon([weight], 0.4), weight, 60) < 0.1 * trained(Muon([same], 0.4), same, 2)


def test_steps_are_as_large_as_those_of_adam() -> None:
    weight = nn.Parameter(torch.zeros(ROWS, COLUMNS))
    weight.grad = torch.randn(ROWS, COLUMNS, generator=torch.Generator().manual_seed(2))
    Muon([weight], 0.1).step()
    assert weight.square().mean().sqrt().item() == pytest.approx(0.1 * 0.2, rel=0.3)


@pytest.mark.parametrize("shape", [(LEAST - 1, 64), (64, 1, 3, 3), (64,), ()])
def test_what_is_no_matrix_is_adams(shape: tuple[int, ...]) -> None:
    plain, same = (nn.Parameter(torch.ones(shape)) for _ in range(2))
    assert not is_matrix(same)
    for optimizer, weight in ((torch.optim.Adam([plain], 0.1, (0.9, 0.99)), plain), (Muon([same], 0.1), same)):
        for factor in (1.0, -0.5, 2.0):
            weight.grad = factor * weight.detach()
            optimizer.step()
    torch.testing.assert_close(same, plain)


def test_a_network_of_convolutions_has_matrices() -> None:
    assert is_matrix(torch.zeros(LEAST, LEAST, 3, 3))
    assert is_matrix(torch.zeros(48, 64, 3, 3))
