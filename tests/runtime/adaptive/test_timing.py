"""What restoring takes is found again from times that follow the rules."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from slsc.runtime.adaptive.one_pass import computed_beside
from slsc.runtime.adaptive.regions import ChoiceMap, Regions, Size
from slsc.runtime.adaptive.timing import TIMED_RUNS, measure

SIZE = (24, 32)
START, PIXELS, BESIDE = 0.004, np.array([1e-7, 3e-6, 4e-6]), 5e-6


class Device:
    """Takes as long as it is told; the first run of each size takes longer."""

    def __init__(self, pixels: np.ndarray, *, leaves_out: bool) -> None:
        self.pixels, self.leaves_out = pixels, leaves_out
        self.runs: list[Size] = []

    def __call__(self, hw: Size, choice: ChoiceMap) -> float:
        regions = Regions(*hw, SIZE)
        taken = START + (self.pixels[choice] * regions.pixels).sum()
        if self.leaves_out:
            shares = computed_beside(choice > 0, SIZE[0])
            taken += (shares * (BESIDE - self.pixels[0]) * regions.pixels).sum()
        self.runs.append(hw)
        return float(taken + (1 if self.runs.count(hw) == 1 else 0))


def test_what_a_device_takes_is_found(tiny: SimpleNamespace) -> None:
    found = measure(Device(PIXELS, leaves_out=False), tiny.manifest().io, SIZE, 3, leaves_out=False)
    assert found.start == pytest.approx(START, rel=1e-6) and found.beside is None
    np.testing.assert_allclose(found.pixels, PIXELS, rtol=1e-6)


def test_what_is_computed_beside_counts_for_itself(tiny: SimpleNamespace) -> None:
    found = measure(Device(PIXELS, leaves_out=True), tiny.manifest().io, SIZE, 3, leaves_out=True)
    assert found.beside == pytest.approx(BESIDE, rel=0.1)
    np.testing.assert_allclose(found.pixels, PIXELS, atol=1e-7)


def test_no_candidate_counts_as_faster_than_a_cheaper_one(tiny: SimpleNamespace) -> None:
    found = measure(Device(PIXELS[[0, 2, 1]], leaves_out=False), tiny.manifest().io, SIZE, 3, leaves_out=False)
    assert (np.diff(found.pixels) >= 0).all()


def test_networks_of_one_size_are_timed_at_it(tiny: SimpleNamespace) -> None:
    io = tiny.manifest(fixed_hw=(64, 64)).io
    device = Device(PIXELS, leaves_out=False)
    found = measure(device, io, SIZE, 3, leaves_out=False)
    assert set(device.runs) == {(64, 64)} and len(device.runs) == (1 + TIMED_RUNS) * 4
    assert found.start == 0
