"""Running networks in ONNX Runtime, and how far two of them lie apart."""

from __future__ import annotations

import math

import numpy as np
import pytest

from slsc.errors import ModelError
from slsc.passes import verify
from slsc.passes.base import copy_of
from slsc.passes.graph import initializers, set_initializer

GRAPH = "net (float[n,3,h,w] x) => (float[n,3,h,w] y) { y = Conv <pads=[1,1,1,1]> (x, w) }"


@pytest.fixture
def model(build):
    return build(GRAPH, w=(3, 3, 3, 3))


def scaled(model, factor: float):
    """The network with its weight multiplied."""
    result = copy_of(model)
    set_initializer(result, "w", initializers(model)["w"] * np.float32(factor))
    return result


def test_the_difference_is_measured_over_all_inputs(model, image):
    twice = scaled(model, 2)
    pictures = [image(8, 9), image(10, 7, batch=2)]
    outputs = [verify.run(verify.session(model), picture) for picture in pictures]
    found = verify.compare(model, twice, pictures)
    values = np.concatenate([output.ravel() for output in outputs]).astype(np.float64)
    assert found.max_abs == pytest.approx(np.abs(values).max())
    assert found.range == pytest.approx(np.ptp(values))
    assert found.psnr_db == pytest.approx(20 * math.log10(np.ptp(values) / np.sqrt(np.mean(values**2))))
    assert verify.compare(model, model, pictures).psnr_db == math.inf


def test_outputs_of_another_shape_or_not_finite_are_infinitely_far(build, model, image):
    other = build("net (float[n,3,h,w] x) => (float[n,3,H,W] y) { y = Conv (x, w) }", w=(3, 3, 3, 3))
    assert verify.compare(model, other, [image(8, 8)]).max_abs == math.inf
    broken = scaled(model, np.inf)
    assert verify.compare(model, broken, [image(8, 8)]).relative == math.inf


def test_what_does_not_run_is_a_model_error_of_one_line(build, image):
    model = build("net (float[1,3,8,8] x) => (float[1,3,8,8] y) { y = Add(x, p) }", p=(1, 3, 8, 8))
    with pytest.raises(ModelError, match="9x8 image"):
        verify.run(verify.session(model), image(9, 8))
    model.graph.node[0].op_type = "Unknown"
    with pytest.raises(ModelError, match="refuses"):
        verify.session(model)


def test_half_precision_networks_run(build, image):
    text = "net (float16[n,3,h,w] x) => (float16[n,3,h,w] y) { y = Relu(x) }"
    result = verify.run(verify.session(build(text)), image(4, 4))
    assert result.dtype == np.float32 and np.allclose(result, image(4, 4), atol=1e-3)


def test_rounding_may_spike_but_not_much_and_not_everywhere():
    limit = 1e-5
    assert verify.is_rounding(verify.Difference(1e-5, 1.0, 100.0), limit)
    assert verify.is_rounding(verify.Difference(9e-5, 1.0, 111.0), limit)
    assert not verify.is_rounding(verify.Difference(9e-5, 1.0, 105.0), limit)
    assert not verify.is_rounding(verify.Difference(2e-4, 1.0, 130.0), limit)
    assert not verify.is_rounding(verify.Difference(np.nan, np.nan, np.nan), limit)
    assert verify.is_rounding(verify.Difference(0.0, 0.0, np.inf), limit)
