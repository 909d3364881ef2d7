"""Outputs of rare meaning: differences about grey or of another amplitude, and colours turned round."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from slsc.passes import verify
from slsc.passes.graph import image_input, rename_tensor
from slsc.probe import Form, ProbeResult, probe_io
from slsc.probe.convention import LEVELS
from slsc.runtime.bundle.value_range import UNIT, ValueRange

Photos = list[np.ndarray]
Dress = Callable[..., onnx.ModelProto]


def ended(model: onnx.ModelProto, operator: str, constant: np.ndarray, **how: int) -> onnx.ModelProto:
    """A network with one more node at its end."""
    output = image_input(model)[1]
    rename_tensor(model, output, "inner")
    model.graph.initializer.append(numpy_helper.from_array(constant, "constant"))
    model.graph.node.append(helper.make_node(operator, ["inner", "constant"], [output], **how))
    return model


def turned(model: onnx.ModelProto) -> onnx.ModelProto:
    return ended(model, "Gather", np.array([2, 1, 0]), axis=1)


def answer(result: ProbeResult, question: str) -> tuple[str, str]:
    return next((one.answer, one.how) for one in result.findings if one.question == question)


def require_restored(result: ProbeResult, model: onnx.ModelProto, core: onnx.ModelProto) -> None:
    """The network as the probe understands it makes what `core` does of noise in 0..1."""
    x = 0.5 + 0.1 * np.random.default_rng(0).standard_normal((1, 3, 16, 16)).astype(np.float32)
    made = verify.run(verify.session(result.restorer(model)), result.io.input_range.from_unit(x))
    assert np.allclose(result.io.output_range.to_unit(made), verify.run(verify.session(core), x), atol=1e-4)


@pytest.mark.parametrize(
    ("core", "given", "amplitude", "grey"),
    [("sharpening", UNIT, 1.0, 0.5), ("bilateral", UNIT, 1.0, 0.5), ("sharpening", LEVELS, 255.0, 127.5)],
)
@pytest.mark.parametrize(
    ("form", "words"), [(Form.SUBTRACT, "input - (output - {:g})"), (Form.ADD, "input + (output - {:g})")]
)
def test_differences_about_grey(
    dress: Dress, photos: Photos, core: str, given: ValueRange, amplitude: float, grey: float, form: Form, words: str
) -> None:
    differences = dress(core, given, ValueRange.uniform(0, amplitude), form)
    model = ended(differences, "Add", np.array(grey, np.float32))
    result = probe_io(model, photos[:2])
    assert answer(result, "picture") == (words.format(grey), "measured")
    assert str(result.io.input_range) == str(given)
    require_restored(result, model, dress(core))


@pytest.mark.parametrize("core", ["bilateral", "enlarging"])
def test_colours_that_come_out_the_other_way_round_are_turned_back(dress: Dress, photos: Photos, core: str) -> None:
    model = turned(dress(core))
    result = probe_io(model, photos[:2])
    assert result.turned
    assert answer(result, "order")[0] == "RGB in, BGR out"
    require_restored(result, model, dress(core))


@pytest.mark.parametrize("core", ["bilateral", "brightening", "sharpening", "inverting"])
def test_colours_that_stay_are_left_alone(dress: Dress, photos: Photos, core: str) -> None:
    assert not probe_io(dress(core), photos[:2]).turned
