from __future__ import annotations

import pytest
import torch
from torch import nn

from slsc.trainer.rotated_adam import RotatedAdam, Rotation


def problem() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Inputs that are much alike, weights that make targets of them, and the directions of the inputs."""
    generator = torch.Generator().manual_seed(0)
    mixing = torch.randn(6, 6, generator=generator) * torch.logspace(0, -2, 6)
    inputs = torch.randn(500, 6, generator=generator) @ mixing.T
    vectors = torch.linalg.eigh(inputs.T @ inputs)[1]
    return inputs, torch.randn(2, 6, generator=generator), vectors


def trained(optimizer: torch.optim.Optimizer, weight: nn.Parameter, steps: int) -> float:
    inputs, truth, _ = problem()
    for _ in range(steps):
        loss = (inputs @ (weight - truth).T).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


def test_inputs_that_are_alike_do_not_slow_it_down() -> None:
    vectors = problem()[2]
    plain, rotated = (nn.Parameter(torch.zeros(2, 6)) for _ in range(2))
    every = Rotation(torch.arange(2), torch.arange(6).expand(2, 6), vectors[None])
    by_adam = trained(torch.optim.Adam([plain], lr=0.02), plain, 100)
    assert trained(RotatedAdam([rotated], 0.02, {rotated: [every]}), rotated, 100) < 0.5 * by_adam


def test_without_rotations_it_is_adam() -> None:
    plain, same = (nn.Parameter(torch.zeros(2, 6)) for _ in range(2))
    trained(torch.optim.Adam([plain], lr=0.02, betas=(0.9, 0.99), eps=1e-12), plain, 20)
    trained(RotatedAdam([same], 0.02, {}), same, 20)
    torch.testing.assert_close(same, plain, rtol=1e-2, atol=1e-3)


def test_where_gradients_are_but_noise_no_steps_of_full_size_are_taken() -> None:
    weight = nn.Parameter(torch.zeros(1, 2))
    optimizer = RotatedAdam([weight], 0.1, {})
    for _ in range(4):
        weight.grad = torch.tensor([[1.0, 1e-7]])
        optimizer.step()
    assert weight[0, 0].item() == pytest.approx(-0.4, rel=1e-2)
    assert abs(weight[0, 1].item()) < 1e-3


def test_what_is_outside_the_directions_stays_exactly_as_it_is() -> None:
    weight = nn.Parameter(torch.tensor([[1.0, 0, 2, 0, 3, 0], [0, 1, 0, 2, 0, 3]]))
    before = weight.detach().clone()
    index = torch.tensor([[0, 2, 4], [1, 3, 5]])
    directions = torch.linalg.qr(torch.randn(2, 3, 3, generator=torch.Generator().manual_seed(0)))[0]
    trained(RotatedAdam([weight], 0.02, {weight: [Rotation(torch.arange(2), index, directions)]}), weight, 5)
    assert torch.equal(weight == before, before == 0)


def test_a_rotation_and_back_is_nothing() -> None:
    index = torch.tensor([[0, 2], [1, 3]])
    directions = torch.linalg.qr(torch.randn(2, 2, 2, generator=torch.Generator().manual_seed(1)))[0]
    rotation = Rotation(torch.tensor([2, 0]), index, directions)
    matrix = torch.arange(12.0).reshape(3, 4)
    rotated, returned = torch.zeros(3, 4), torch.zeros(3, 4)
    rotation.into(matrix, rotated)
    rotation.back(rotated, returned)
    wanted = torch.zeros(3, 4)
    wanted[2, [0, 2]], wanted[0, [1, 3]] = matrix[2, [0, 2]], matrix[0, [1, 3]]
    torch.testing.assert_close(returned, wanted)
    torch.testing.assert_close(rotated.norm(), wanted.norm())
