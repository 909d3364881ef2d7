from __future__ import annotations

import numpy as np
import pytest
import torch
from onnx import helper
from torch import Tensor

from slsc.onnx_torch import OnnxModule
from slsc.search.least_squares import LeastSquares
from slsc.search.moments import Moments
from slsc.search.oneshot.behind import Sample, fit_behind
from slsc.search.oneshot.response import importance, responses_of


def moments_of(sample: Sample) -> Moments:
    features, target = sample.features.double(), sample.target.double()[None]
    energy = sample.target.double().square().sum(1)
    return Moments(features @ features.mT, features @ target.mT, energy, target.shape[2])


@pytest.fixture
def sample() -> Sample:
    """Targets that 8 inputs make through a rectifier's input, half of it negative; only 3 inputs are kept."""
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(1, 8, 4000, generator=generator)
    features[:, -1] = 1
    target = (torch.randn(4, 8, generator=generator) @ features[0]) + 0.5
    return Sample(features, target, torch.zeros_like(target), torch.relu)


def left(sample: Sample, solution: Tensor) -> float:
    found = solution.float() @ sample.features[0]
    wanted = sample.response(sample.target + sample.added)
    return float((sample.response(found + sample.added) - wanted).square().mean())


def test_what_a_rectifier_cuts_off_is_not_fitted(sample: Sample) -> None:
    squares = LeastSquares(np.zeros((4, 7, 1, 1), np.float32), np.zeros(4, np.float32), moments_of(sample))
    mask = np.zeros((4, 7, 1, 1), bool)
    mask[:, :3] = True
    support = squares.support(mask, True)
    fitted = fit_behind(squares, support, 4000, sample)
    plain = fit_behind(squares, support, 4000, Sample(*plain_of(sample)))
    assert not fitted[~support].any()
    assert left(sample, fitted) < 0.97 * left(sample, plain)


def plain_of(sample: Sample) -> tuple:
    return sample.features, sample.target, sample.added, lambda values: values


def test_without_an_activation_it_is_least_squares(sample: Sample) -> None:
    squares = LeastSquares(np.zeros((4, 7, 1, 1), np.float32), np.zeros(4, np.float32), moments_of(sample))
    support = squares.support(np.ones((4, 7, 1, 1), bool), True)
    (system,) = squares.systems(support)
    expected = system.spread((system.inverse() @ system.right.unsqueeze(2)).squeeze(2))
    torch.testing.assert_close(fit_behind(squares, support, 4000, Sample(*plain_of(sample))), expected)


def test_what_is_added_decides_what_is_cut_off(sample: Sample) -> None:
    """With a large negative addend the rectifier lets nothing through, with a large positive one everything."""
    for added, share in ((-1e3, 0.0), (1e3, 1.0)):
        shares = importance(torch.relu, sample.target + added + 0.1, sample.target + added)
        assert torch.all((shares - share).abs() < 1e-3)


def test_importance_is_the_square_of_the_slope_where_a_slope_it_is() -> None:
    wanted = torch.tensor([-2.0, 2.0, 3.0])
    shares = importance(lambda values: torch.nn.functional.leaky_relu(values, 0.1), wanted + 0.5, wanted)
    torch.testing.assert_close(shares, torch.tensor([0.01, 1.0, 1.0]))
    assert torch.equal(importance(torch.relu, wanted, wanted), torch.zeros(3)), "nothing to fit is no division by zero"


def test_responses_are_found_behind_sums_and_of_silu(build) -> None:
    def silu(name: str, out: str) -> list:
        gate = helper.make_node("Sigmoid", [name], [f"{name}_gate"])
        return [gate, helper.make_node("Mul", [name, f"{name}_gate"], [out])]

    nodes = [
        helper.make_node("Add", ["one", "head"], ["sum"]),
        helper.make_node("Relu", ["sum"], ["rectified"]),
        *silu("two", "swished"),
    ]
    convs = [("image", "head", 3, 8), ("head", "one", 8, 8), ("rectified", "two", 8, 8), ("swished", "restored", 8, 3)]
    found = responses_of(OnnxModule(build(convs, nodes, 3)))
    x = torch.linspace(-3, 3, 7)
    assert found.keys() == {"one", "sum", "two"}, "head is read twice, restored by nobody"
    torch.testing.assert_close(found["one"](x), torch.relu(x))
    torch.testing.assert_close(found["two"](x), x * torch.sigmoid(x))
