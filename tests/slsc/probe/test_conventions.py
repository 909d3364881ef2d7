"""The probe on networks of every convention: found, and with it the right picture, in dB."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from slsc.data.degradations import DEGRADATIONS, resized
from slsc.metrics.psnr import psnr
from slsc.networks.loading import import_network
from slsc.passes import verify
from slsc.probe import Form, Known, ProbeResult, probe_io
from slsc.probe.convention import CENTRED, IMAGENET, LEVELS, SIGNED
from slsc.runtime.bundle.manifest import ImageIO
from slsc.runtime.bundle.value_range import UNIT, ValueRange
from slsc.runtime.image.photo import Photo
from slsc.runtime.image.pixels import compose, to_batch

Photos = list[np.ndarray]
SUBTRACT, ADD, PICTURE = Form.SUBTRACT, Form.ADD, Form.PICTURE
STATES = {
    "bilateral": "noise of sigma 25",
    "brightening": "darkness of 25%",
    "sharpening": "Gaussian blur of sigma 1.0",
}

CONVENTIONS = [
    ("bilateral", UNIT, UNIT, PICTURE),
    ("bilateral", LEVELS, LEVELS, PICTURE),
    ("bilateral", IMAGENET, IMAGENET, PICTURE),
    ("bilateral", IMAGENET, UNIT, PICTURE),
    ("bilateral", UNIT, SIGNED, PICTURE),
    ("bilateral", UNIT, UNIT, SUBTRACT),
    ("bilateral", LEVELS, UNIT, SUBTRACT),
    ("brightening", UNIT, UNIT, PICTURE),
    ("brightening", SIGNED, SIGNED, PICTURE),
    ("enlarging", UNIT, SIGNED, PICTURE),
    ("enlarging", LEVELS, UNIT, PICTURE),
    ("sharpening", CENTRED, CENTRED, PICTURE),
]


def restored(model: onnx.ModelProto, io: ImageIO, given: np.ndarray) -> np.ndarray:
    values = verify.run(verify.session(model), to_batch(given, io))[0]
    return compose(values, Photo(given, None), io, (0, values.shape[1]), (0, values.shape[2]))


def how(result: ProbeResult, question: str) -> str:
    return next(finding.how for finding in result.findings if finding.question == question)


@pytest.mark.parametrize(("core", "given", "put_out", "form"), CONVENTIONS)
def test_a_convention_is_found_and_gives_the_right_picture(
    dress: Callable[..., onnx.ModelProto],
    photos: Photos,
    core: str,
    given: ValueRange,
    put_out: ValueRange,
    form: Form,
) -> None:
    model = dress(core, given, put_out, form)
    result = probe_io(model, photos[:2])
    assert (result.io.input_range, result.form) == (given, form)
    as_good = (given, put_out) == (IMAGENET, IMAGENET)  # CLIP's suits it as well
    assert how(result, "range") == ("assumed" if as_good else "measured")
    assert result.io.output_range == (put_out if form is PICTURE else given)
    truth = photos[2][100:196, 100:196].astype(np.float64)
    spoilt = resized(truth, (48, 48)) if core == "enlarging" else DEGRADATIONS[STATES[core]](truth)
    image = spoilt.astype(np.uint8)
    found = restored(result.restorer(model), result.io, image)
    plain = probe_io(dress(core), photos[:2], Known(input=UNIT, output=UNIT, form=PICTURE, order="RGB")).io
    right = restored(dress(core), plain, image)
    assert psnr(float(np.mean(np.square(found.astype(float) - right))), 255) > 50


def test_a_range_is_not_measured_where_one_as_good_suits_other_strengths(
    dress: Callable[..., onnx.ModelProto], photos: Photos
) -> None:
    result = probe_io(dress("bilateral", SIGNED, SIGNED, ADD), photos[:2])
    assert (result.io.input_range, result.form) == (SIGNED, ADD)
    assert how(result, "range") == "assumed"
    assert any("better at other strengths" in doubt for doubt in result.doubts())


def test_a_network_that_does_nothing_in_a_range_is_not_given_it(
    dress: Callable[..., onnx.ModelProto], photos: Photos
) -> None:
    """What it leaves as it is it does not restore, however well it leaves it."""
    result = probe_io(dress("bilateral"), photos[:2])
    (finding,) = (one for one in result.findings if one.question == "range")
    assert finding.tried["0..1"] > finding.tried["input"] + 1.5
    assert finding.tried["0..255"] < finding.tried["input"] + 1
    assert "noise of sigma 25" in result.undone


def test_what_a_network_does_not_restore_is_assumed(photos: Photos) -> None:
    """A blur restores nothing."""
    kernel = numpy_helper.from_array(np.full((3, 1, 7, 7), 1 / 49, np.float32), "k")
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, "h", "w"]) for name in "xy")
    node = helper.make_node("Conv", ["x", "k"], ["y"], group=3, pads=[3] * 4)
    model = helper.make_model(
        helper.make_graph([node], "blur", [x], [y], [kernel]),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    pairs = [(photo[:96, :96], photo[:96, :96]) for photo in photos]
    result = probe_io(model, [], pairs=lambda scale: pairs)
    assert (result.io.input_range, result.undone, how(result, "range")) == (UNIT, (), "assumed")
    assert result.attempts["your pairs"][0] < result.attempts["your pairs"][1]


def test_pairs_decide(dress: Callable[..., onnx.ModelProto], photos: Photos) -> None:
    """Of a network for what is not tried: pictures upside down in brightness, in a range of its own."""
    pairs = [(255 - photo[:96, :96], photo[:96, :96]) for photo in photos]
    result = probe_io(dress("inverting", SIGNED, SIGNED), [], pairs=lambda scale: pairs)
    assert (result.io.input_range, result.undone) == (SIGNED, ("your pairs",))
    alone = probe_io(dress("inverting", SIGNED, SIGNED), photos[:2])
    assert (alone.undone, how(alone, "range")) == ((), "assumed")


@pytest.mark.parametrize(("name", "plausible"), [("pleasing", True), ("fading", False)])
def test_detail_is_told_from_nonsense(
    dress: Callable[..., onnx.ModelProto], photos: Photos, name: str, plausible: bool
) -> None:
    """Of two enlargements that are further from the photo than bicubic, one adds what bicubic lacks."""
    result = probe_io(dress(name), photos[:2])
    (finding,) = (one for one in result.findings if one.question == "range")
    bicubic, best = finding.tried["bicubic"], finding.tried[finding.answer]
    assert bicubic - 3 < best < bicubic - 0.5
    assert (result.plausible, result.undone) == (plausible, ())


CASES = [
    ("ln_rain2", UNIT, UNIT, PICTURE),
    ("deg_dark", UNIT, UNIT, PICTURE),
    ("dn_residual", UNIT, UNIT, SUBTRACT),
    ("dn_imagenet", IMAGENET, IMAGENET, PICTURE),
    ("sr_in01_outm11", UNIT, SIGNED, PICTURE),
    ("sr_in255_out01", LEVELS, UNIT, PICTURE),
]


@pytest.mark.parametrize(("name", "given", "put_out", "form"), CASES)
def test_networks_as_they_are_exported(
    cases_dir: Path, photos: Photos, name: str, given: ValueRange, put_out: ValueRange, form: Form
) -> None:
    result = probe_io(import_network(cases_dir / f"{name}.onnx").model, photos[:2])
    assert (result.io.input_range, result.io.output_range, result.form) == (given, put_out, form)
    assert not result.doubts() and result.undone


def test_an_output_of_known_levels_passes_for_no_brightened_picture(
    dress: Callable[..., onnx.ModelProto], photos: Photos
) -> None:
    result = probe_io(dress("bilateral", LEVELS, LEVELS), photos[:2], Known(output=LEVELS))
    assert (result.io.input_range, result.io.output_range) == (LEVELS, LEVELS)


@pytest.mark.parametrize(("form", "told"), [(PICTURE, "measured"), (ADD, "assumed")])
def test_what_a_dark_photo_lacks_is_not_taken_for_it_without_a_word(
    dress: Callable[..., onnx.ModelProto], photos: Photos, form: Form, told: str
) -> None:
    assert how(probe_io(dress("brightening", UNIT, UNIT, form), photos[:2]), "picture") == told
