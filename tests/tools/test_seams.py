"""Steps across borders between regions are told from those inside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from slsc.runtime.adaptive.regions import Regions
from slsc.tools.seams import Steps, main, markdown

REGIONS = Regions(48, 64, (24, 32))
LEFT_AND_RIGHT = np.array([[0, 1], [0, 1]], np.uint8)


def stepping(at: int, by: float) -> np.ndarray:
    """A slope of one a pixel to the right, with a step of `by` more before output column `at`; scale 2."""
    row = np.arange(128) + by * (np.arange(128) >= at)
    return np.broadcast_to(row[None, :, None], (96, 128, 3)).astype(np.uint8)


@pytest.mark.parametrize(("at", "by", "ratio"), [(64, 0, 1.0), (64, 9, 10.0), (100, 9, 1.0)])
def test_only_steps_at_borders_between_candidates_count(at: int, by: float, ratio: float) -> None:
    steps = Steps()
    steps.add(stepping(at, by), REGIONS, LEFT_AND_RIGHT, 2)
    assert steps.count == 96
    assert steps.ratio == pytest.approx(ratio, rel=1e-3)


def test_borders_above_and_below_count_too() -> None:
    steps = Steps()
    down = np.ascontiguousarray(stepping(48, 9).transpose(1, 0, 2)[:96])
    steps.add(down, Regions(48, 48, (24, 32)), LEFT_AND_RIGHT.T.copy(), 2)
    assert steps.count == 96
    assert steps.ratio == pytest.approx(10.0, rel=1e-3)


def test_without_borders_there_is_no_ratio() -> None:
    steps = Steps()
    steps.add(stepping(64, 9), REGIONS, np.zeros((2, 2), np.uint8), 2)
    assert steps.count == 0
    assert "nan" in markdown({"native": steps})


def test_a_missing_bundle_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "no.slsb"), "--hr", str(tmp_path)]) != 0
    assert "no.slsb" in capsys.readouterr().err
