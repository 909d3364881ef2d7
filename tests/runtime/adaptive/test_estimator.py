"""Estimators: features tell detail from flatness, and a damaged entry is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from slsc.errors import BundleError, UsageError
from slsc.runtime.adaptive.estimator import HIGHEST, LOWEST, Estimator, Quadratic, estimates, terms
from slsc.runtime.adaptive.features import NAMES, features
from slsc.runtime.adaptive.regions import Regions, region_means, require_map, shares
from slsc.runtime.bundle.engines import Artefact
from slsc.runtime.bundle.estimators import ERRORS, FEATURES, KIND, TERMS, EstimatorRecord

SIZE = (24, 24)
RECORD = EstimatorRecord(
    KIND, "estimators/errors.f32", ("bicubic", "1-8", "1-4"), True, SIZE, 0.1, 0.1, 0.125, {}, {"native": Artefact("x")}
)
RNG = np.random.default_rng(2)


def quadratic(bias: tuple[float, ...] = (3.0, 2.0, 1.0, 0.0)) -> Quadratic:
    weights = np.zeros((TERMS, len(bias)), np.float32)
    weights[0] = bias
    return Quadratic(np.zeros(FEATURES, np.float32), np.ones(FEATURES, np.float32), weights)


def test_there_are_as_many_features_as_the_format_says() -> None:
    assert len(NAMES) == FEATURES == len(set(NAMES))


@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 60, 3), (48, 72, 3), (50, 23, 1)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_every_region_of_any_image_has_finite_features(shape: tuple[int, ...], dtype: type) -> None:
    values = RNG.random(shape)
    image = values.astype(np.float32) if dtype is np.float32 else (values * np.iinfo(dtype).max).astype(dtype)
    found = features(image, Regions(*shape[:2], SIZE))
    assert found.shape == (FEATURES, -(-shape[0] // SIZE[0]), -(-shape[1] // SIZE[1]))
    assert np.isfinite(found).all()


def test_large_images_are_measured_in_bands_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    image = RNG.integers(0, 256, (24 * 9 + 5, 70, 3), np.uint8)
    regions = Regions(*image.shape[:2], SIZE)
    whole = features(image, regions)
    monkeypatch.setattr("slsc.runtime.adaptive.features.BAND_PIXELS", 24 * 70 * 2)
    assert np.allclose(features(image, regions), whole, atol=1e-4)


def test_depth_does_not_change_features_much() -> None:
    eight = RNG.integers(0, 256, (48, 48, 3), np.uint8)
    regions = Regions(48, 48, SIZE)
    for other in (eight.astype(np.uint16) * 257, (eight / 255).astype(np.float32)):
        assert np.allclose(features(eight, regions), features(other, regions), atol=1e-3)


def test_the_dense_networks_error_is_added_to_distances() -> None:
    logs = np.log(np.array([4.0, 2.0, 1.0, 3.0]))[:, None, None] * np.ones((1, 2, 3))
    apart, whole = (estimates(logs, 3, apart=apart) for apart in (True, False))
    assert np.allclose(apart.candidates[:, 0, 0], [7, 5, 4]) and np.allclose(whole.candidates[:, 0, 0], [4, 2, 1])
    assert np.allclose(apart.dense, 3) and np.allclose(whole.dense, 3)
    assert np.allclose(estimates(logs, 4, apart=True).candidates[:, 0, 0], [4, 2, 1, 3])


def test_a_bundle_that_estimates_errors_themselves_is_still_read() -> None:
    older, image = replace(RECORD, kind=ERRORS), np.zeros((24, 24, 3), np.uint8)
    data = quadratic().to_bytes()
    assert np.allclose(Estimator(older, data)(image).candidates[:, 0, 0], np.exp([3, 2, 1]))
    assert np.allclose(Estimator(RECORD, data)(image).candidates[:, 0, 0], np.exp([3, 2, 1]) + 1)
    assert EstimatorRecord.from_dict(older.to_dict() | {"candidates": list(older.candidates)}) == older


def test_detail_has_larger_features_than_flatness() -> None:
    image = np.full((48, 72, 3), 100, np.uint8)
    image[:24, :24] = RNG.integers(0, 256, (24, 24, 3), np.uint8)
    found = features(image, Regions(48, 72, SIZE))
    for name in ("laplacian mean", "gradient most", "halving mean", "skipping mean", "deviation"):
        plane = found[NAMES.index(name)]
        assert plane[0, 0] > plane[1, 2] + 1


def test_terms_are_bounded_and_hold_every_product_once() -> None:
    values = np.arange(1, FEATURES + 1, dtype=np.float64)[None] / 10
    found = terms(values, np.zeros(FEATURES), np.ones(FEATURES))
    assert found.shape == (1, TERMS) and found[0, 0] == 1 and np.array_equal(found[0, 1 : 1 + FEATURES], values[0])
    assert found[0, 1 + FEATURES + 1] == pytest.approx(values[0, 0] * values[0, 1])
    assert np.abs(terms(1e6 * values, np.zeros(FEATURES), np.ones(FEATURES))).max() == 16


def test_estimates_come_back_as_they_were_written() -> None:
    estimator = Estimator(RECORD, quadratic().to_bytes())
    found = estimator(RNG.integers(0, 256, (30, 50, 3), np.uint8))
    assert found.candidates.shape == (3, 2, 3)
    assert np.allclose(found.candidates, np.exp([3.0, 2.0, 1.0])[:, None, None] + 1)
    assert found.dense is not None and np.allclose(found.dense, 1)
    alone = Estimator(replace(RECORD, dense=False), quadratic((3.0, 2.0, 1.0)).to_bytes())
    assert alone(np.zeros((8, 8, 1), np.uint8)).dense is None


def test_estimates_stay_within_what_photos_have() -> None:
    extreme = quadratic((1e30, -1e30, 0, 0)).to_bytes()
    found = Estimator(replace(RECORD, kind=ERRORS), extreme)(np.zeros((8, 8, 3), np.uint8))
    assert found.candidates[0].max() == pytest.approx(np.exp(HIGHEST))
    assert found.candidates[1].min() == pytest.approx(np.exp(LOWEST))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        quadratic().to_bytes()[:-1],
        quadratic().to_bytes() + b"\0",
        replace(quadratic(), mean=np.full(FEATURES, np.nan, np.float32)).to_bytes(),
        replace(quadratic(), deviation=np.zeros(FEATURES, np.float32)).to_bytes(),
    ],
    ids=["empty", "short", "long", "not a number", "no deviation"],
)
def test_a_damaged_entry_is_refused(data: bytes) -> None:
    with pytest.raises(BundleError, match="estimator is malformed") as caught:
        Estimator(RECORD, data)
    assert caught.value.where == RECORD.entry and "slsc compile" in (caught.value.hint or "")


def test_regions_cover_an_image_once() -> None:
    regions = Regions(50, 70, SIZE)
    assert regions.shape == (3, 3) and regions.pixels.sum() == 50 * 70
    assert regions.pixels[2, 2] == 2 * 22
    spread = regions.spread(np.arange(9).reshape(3, 3), 2)
    assert spread.shape == (100, 140) and spread[99, 139] == 8 and spread[47, 47] == 0
    assert np.allclose(shares(np.zeros((3, 3), np.uint8), regions, 2), [1, 0])


def test_regions_may_be_wider_than_high() -> None:
    regions = Regions(30, 70, (12, 64))
    assert regions.shape == (3, 2) and regions.pixels.tolist() == [[768, 72], [768, 72], [384, 36]]
    spread = regions.spread(np.arange(6).reshape(3, 2), 2)
    assert spread.shape == (60, 140) and spread[23, 128] == 1 and spread[24, 127] == 2
    assert np.allclose(region_means(spread, regions, 2), np.arange(6).reshape(3, 2))


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (np.zeros((2, 2), np.uint8), "2x2 regions"),
        (np.full((3, 3), 3), "names candidate 3"),
        (np.full((3, 3), -1), "names candidate -1"),
        (np.zeros((3, 3)), "no table"),
        (np.zeros((3, 3, 1), np.uint8), "no table"),
    ],
)
def test_a_map_that_does_not_fit_is_refused(choice: np.ndarray, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        require_map(choice, Regions(50, 70, SIZE), ("a", "b", "c"))
