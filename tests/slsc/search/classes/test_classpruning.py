"""Nested networks with a classifier: masks within masks, what learns what, and what comes out."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch

from slsc.errors import UsageError
from slsc.onnx_torch import OnnxModule
from slsc.runtime.adaptive.estimator import by_region
from slsc.runtime.adaptive.regions import SIZE, Regions
from slsc.runtime.bundle.manifest import ImageIO
from slsc.runtime.bundle.value_range import UNIT
from slsc.search.base import Rules, SearchNetwork
from slsc.search.classes.classifier import RegionClassifier, region_means
from slsc.search.classes.classpruning import ClassPruningMethod, ClassRecipe
from slsc.search.method import SparseTask
from slsc.search.sls.settings import FAST

BUDGETS, RULES = (Fraction(1, 4), Fraction(1, 2), Fraction(3, 4)), Rules(8)
IO = ImageIO(3, "RGB", UNIT, UNIT, "image", "restored", 2, "sr")


def task(network: SearchNetwork, average: Fraction | None = None) -> SparseTask:
    return SparseTask(network, BUDGETS[-1], RULES, 1024, FAST, 1.0, BUDGETS[:-1], average=average, io=IO)


def recipe_for(network: SearchNetwork, average: Fraction | None = None) -> ClassRecipe:
    torch.manual_seed(0)
    return ClassPruningMethod().recipe(task(network, average), OnnxModule(network.model), None)


def photos(count: int, side: int = 48) -> torch.Tensor:
    """Each more contrasty than the one before."""
    rng = np.random.default_rng(0)
    found = rng.random((count, 3, side, side)) * np.linspace(0.02, 1, count).reshape(-1, 1, 1, 1)
    return torch.from_numpy(found.astype(np.float32))


def trained(recipe: ClassRecipe, steps: int, x: torch.Tensor) -> ClassRecipe:
    optimizer = torch.optim.Adam(recipe.module.parameters(), lr=3e-3)
    recipe.module.train()
    for step in range(steps):
        recipe.begin_step(step, step / steps)
        optimizer.zero_grad()
        (recipe.module(x).mean() * 0 + recipe.penalty()).backward()
        optimizer.step()
    return recipe


def test_every_mask_lies_within_the_next(network: SearchNetwork) -> None:
    masks = [recipe_for(network).module.masks(index) for index in range(len(BUDGETS))]
    for smaller, larger in itertools.pairwise(masks):
        assert all(not (mask & ~larger[name]).any() for name, mask in smaller.items())
        assert sum(int(mask.sum()) for mask in smaller.values()) < sum(int(mask.sum()) for mask in larger.values())


def test_the_average_cost_follows_what_is_asked(network: SearchNetwork) -> None:
    costs, x = [], photos(4, 24)
    for average in (Fraction(3, 8), Fraction(5, 8)):
        recipe = trained(recipe_for(network, average), 25, x)
        with torch.no_grad():
            likely = recipe.module.eval().classifier(x).softmax(1)
        costs.append(float((likely @ recipe.module.get_buffer("costs")).mean()))
        assert recipe.report()["average cost"] == pytest.approx(float(average), abs=0.1)
    assert costs[0] < costs[1] - 0.1


def test_only_the_lesson_teaches_the_classifier(network: SearchNetwork) -> None:
    module = recipe_for(network).module.train()
    module(photos(2))
    weights = module.classifier.weights
    module.disagreement.backward(retain_graph=True)
    assert weights.grad is None
    module.lesson.backward()
    assert weights.grad is not None and weights.grad.any()
    before = [parameter.grad for name, parameter in module.named_parameters() if "classifier" not in name]
    assert any(gradient is not None for gradient in before)


def test_evaluation_gives_every_region_its_class(network: SearchNetwork) -> None:
    x = photos(4)
    module = trained(recipe_for(network), 3, x).module.eval()
    with torch.no_grad():
        regions = Regions(*x.shape[2:], SIZE)
        classes = module.classifier(x).argmax(1).reshape(4, *regions.shape)
        restored, alone = module(x), [module._restored(x, module._ranks(), index) for index in range(3)]
    (rows, columns), (height, width) = regions.shape, (2 * side for side in SIZE)
    for image, row, column in itertools.product(range(4), range(rows), range(columns)):
        here = np.s_[image, :, row * height : (row + 1) * height, column * width : (column + 1) * width]
        assert torch.equal(restored[here], alone[classes[image, row, column]][here])


def test_the_runtime_classifies_as_training_does(network: SearchNetwork) -> None:
    found = trained(recipe_for(network), 3, photos(2))
    classes = found.result().classes
    assert classes is not None and classes.average == found._average
    image = photos(3)[2:]
    with torch.no_grad():
        logits = (
            found.module.classifier.eval()(image)
            .reshape(*Regions(*image.shape[2:], SIZE).shape, 3)
            .permute(2, 0, 1)
            .numpy()
        )
    pixels = image[0].permute(1, 2, 0).numpy()
    assert np.allclose(by_region(classes.quadratic, pixels, SIZE), logits, atol=1e-3)


def test_means_of_regions_with_their_pixels() -> None:
    height, width = SIZE
    values = torch.zeros(2, 3, 2 * height, 2 * (width + width // 4))
    values[1, :, :, 2 * width :] = 1
    means, weights = region_means(values, (height, width + width // 4))
    assert means.tolist() == [0, 0, 0, 1]
    assert weights.mean() == pytest.approx(1) and weights[0] / weights[1] == pytest.approx(4)


def test_a_bgr_network_is_seen_in_its_own_order(network: SearchNetwork) -> None:
    rgb, bgr = (RegionClassifier(3, replace(IO, order=order)).eval() for order in ("RGB", "BGR"))
    for each in (rgb, bgr):
        each.square += 1
        torch.nn.init.normal_(each.weights, generator=torch.Generator().manual_seed(0))
    x = photos(1)
    assert torch.equal(rgb(x), bgr(x.flip(1)))


@pytest.mark.parametrize("average", [Fraction(1, 8), Fraction(1)])
def test_an_average_outside_the_networks_is_refused(network: SearchNetwork, average: Fraction) -> None:
    with pytest.raises(UsageError, match="cannot cost"):
        recipe_for(network, average)
