"""The probe on trained networks whose interface is rare: found, or doubted aloud, but never called measured wrongly."""

from __future__ import annotations

import numpy as np
import pytest

from corpus.exporting import Levels
from corpus.making import export
from slsc.data.calibration import calibration_photos
from slsc.passes.importing.import_model import import_model
from slsc.probe import ProbeResult, probe_io
from slsc.probe.convention import CAFFE, CLIP, DIV2K, UNIT_LESS_DIV2K, UNIT_LESS_IMAGENET

CAFFE_LEVELS, DIV2K_LEVELS, CLIP_LEVELS, LESS_DIV2K, LESS_IMAGENET = (
    Levels(values.low, values.high) for values in (CAFFE, DIV2K, CLIP, UNIT_LESS_DIV2K, UNIT_LESS_IMAGENET)
)
BETWEEN = Levels.of(0.5, 1.5)
"""A range that is not tried."""


def probed(base: str, levels: Levels, flip: str = "") -> ProbeResult:
    model = import_model(export("", base, levels, flip=flip).model()).model
    return probe_io(model, calibration_photos(None, 2, 0))


def how(result: ProbeResult, question: str) -> str:
    return next(finding.how for finding in result.findings if finding.question == question)


@pytest.mark.parametrize("base", ["unet_dark", "dncnn", "aodnet", "unet", "imdn"])
def test_a_range_that_is_not_tried_is_never_measured(base: str) -> None:
    result = probed(base, BETWEEN)
    assert how(result, "range") == "assumed"


def test_what_a_range_beside_beats_is_said_to_be_off() -> None:
    """At the values of 0..255, too, it brightens fourfold."""
    result = probed("unet_dark", BETWEEN)
    assert "0.5..1.5 is better" in result.unsettled
    assert (result.undone, result.plausible) == ((), False)


def test_mere_brightness_at_any_scale_shows_no_range() -> None:
    assert not probed("aodnet", BETWEEN).undone


@pytest.mark.parametrize(("levels", "flip"), [(CAFFE_LEVELS, "flip"), (Levels.of(0, 255), "")])
def test_caffes_means_are_found_where_they_are(levels: Levels, flip: str) -> None:
    result = probed("dncnn", levels, flip)
    assert how(result, "range") == "measured"
    assert np.allclose(sorted(result.io.input_range.low), sorted(levels.black))


@pytest.mark.parametrize(
    ("base", "levels"),
    [
        ("arcnn", Levels.of(0, 1023)),
        ("arcnn", LESS_IMAGENET),
        ("dncnn", CLIP_LEVELS),
        ("dncnn", LESS_DIV2K),
        ("mobile", Levels.of(0, 2)),
    ],
)
def test_a_range_is_not_measured_where_one_beside_it_is_better(base: str, levels: Levels) -> None:
    result = probed(base, levels)
    assert how(result, "range") == "assumed" or _is_found(result, levels)


@pytest.mark.parametrize(
    ("base", "levels"),
    [
        ("arcnn", Levels.of(0, 255)),
        ("dncnn", Levels.of(-127.5, 127.5)),
        ("dncnn", Levels.of(0, 1023)),
        ("mobile", Levels.of(0, 4095)),
    ],
)
def test_what_is_easily_taken_for_another_range_is_found(base: str, levels: Levels) -> None:
    result = probed(base, levels)
    assert how(result, "range") == "measured"
    assert _is_found(result, levels)


def _is_found(result: ProbeResult, levels: Levels) -> bool:
    found = result.io.input_range
    return np.allclose([found.low, found.high], [levels.black, levels.white])


@pytest.mark.parametrize(
    ("base", "flip", "answer"),
    [
        ("dncnn", "", ("RGB", "measured")),
        ("dncnn", "flip", ("BGR", "measured")),
        ("unet_dark", "flip", ("BGR", "measured")),
        ("aodnet", "", ("RGB", "assumed")),  # light and thick haze disagree
        ("aodnet", "flip", ("BGR", "assumed")),
        ("mobile", "flip", ("BGR", "measured")),
    ],
)
def test_the_order_and_how_it_is_known(base: str, flip: str, answer: tuple[str, str]) -> None:
    result = probed(base, Levels(), flip)
    assert (result.io.order, how(result, "order")) == answer
    assert str(result.io.input_range) == "0..1"


def test_a_range_is_not_measured_where_the_same_less_the_means_of_photos_is_as_good() -> None:
    """What it adds to the image hardly depends on where black is."""
    result = probed("srvgg", DIV2K_LEVELS)
    assert how(result, "range") == "assumed"
