"""Training through roundings: what is trained is what the typed file computes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
import torch.nn.functional as F
from onnx import helper, numpy_helper, parser

from slsc.data.calibration import calibration_photos
from slsc.data.degradations import bicubic_pair
from slsc.onnx_torch import OnnxModule
from slsc.passes import verify
from slsc.passes.base import PassContext
from slsc.passes.pipeline import Pipeline
from slsc.passes.precision.int8 import WEIGHT_BOUND, Int8Types, WriteInt8
from slsc.quantize.calibration import Calibration
from slsc.quantize.sequence import quantize_in_sequence
from slsc.quantize.trained import QuantizedModule, train_quantized
from slsc.runtime.bundle.manifest import ImageIO
from slsc.runtime.bundle.value_range import UNIT
from slsc.search.inputs import PatchSource
from slsc.search.lesson import Lesson
from slsc.trainer.schedule import Horizon, Schedule
from slsc.trainer.settings import TrainSettings

TEXT = """g (float[BATCH, 3, h, w] x) => (float[BATCH, 3, r, s] y) {
    a = Conv<pads = [1, 1, 1, 1]>(x, first, bias) b = Relu(a) c = Conv<pads = [1, 1, 1, 1]>(b, second, bias)
    d = Relu(c) e = Add(d, b) f = Conv<pads = [1, 1, 1, 1]>(e, third)
    p = DepthToSpace<blocksize = 2, mode = "CRD">(f) u = Resize<mode = "nearest">(x, , twice) y = Add(p, u) }"""

IO = ImageIO(3, "RGB", UNIT, UNIT, "x", "y", 2, "sr")


def network(batch: str = "n") -> onnx.ModelProto:
    """Three convolutions, the one inside pruned to every second input channel."""
    graph, rng = parser.parse_graph(TEXT.replace("BATCH", batch)), np.random.default_rng(0)
    shapes = {"first": (8, 3, 3, 3), "second": (8, 8, 3, 3), "third": (12, 8, 3, 3), "bias": (8,)}
    held = {name: (0.2 * rng.standard_normal(shape)).astype(np.float32) for name, shape in shapes.items()}
    held["second"][:, ::2] = 0
    held["third"] *= 0.1
    graph.initializer.extend(numpy_helper.from_array(values, name) for name, values in held.items())
    graph.initializer.append(numpy_helper.from_array(np.float32([1, 1, 2, 2]), "twice"))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture(scope="module")
def source() -> PatchSource:
    return PatchSource([bicubic_pair(photo[:160, :160], 2) for photo in calibration_photos(None, 2, 0)], IO)


def quantized(model: onnx.ModelProto, source: PatchSource) -> Int8Types:
    """The inner convolution in 8 bits; channels of its input are multiplied, as they may be."""
    calibration = Calibration(source.draw(6, 32, (0,))[0], 6)
    types = quantize_in_sequence(OnnxModule(model), calibration, ["second"], False, 0, lambda *_: None)
    return replace(types, factors={"b": np.linspace(1, 2, 8, dtype=np.float32)})


def lesson(source: PatchSource, steps: int, rate: float) -> Lesson:
    settings = TrainSettings(Horizon(steps), batch=2, schedule=Schedule(rate, warmup=0))
    return Lesson(network(), source.batches(32, (1,)), True, settings)


@pytest.mark.parametrize("batch", ["n", "1"])
def test_it_computes_what_the_typed_file_does(source: PatchSource, batch: str) -> None:
    model = network(batch)
    types, inner = quantized(model, source), OnnxModule(model)
    module = QuantizedModule(inner, types, {})
    assert all(
        np.array_equal(module.types().weights[name].integers, types.weights[name].integers) for name in ("second",)
    )
    written = Pipeline([WriteInt8(types)]).run(model, PassContext()).model
    x = source.draw(2, 32, (5,))[0]
    session = verify.session(written)
    expected = np.concatenate([verify.run(session, image[None]) for image in x.numpy()])
    with torch.no_grad():
        np.testing.assert_allclose(module(x).numpy(), expected, atol=1e-5)


def test_it_comes_nearer_to_the_wanted_images_and_keeps_what_is_pruned(source: PatchSource) -> None:
    model = network()
    types, given = quantized(model, source), lesson(source, 30, 2e-3)
    before = given.loss(QuantizedModule(OnnxModule(model), types, {}))
    trained, found = train_quantized(model, types, given, lambda *_: None)
    assert given.loss(QuantizedModule(OnnxModule(trained), found, {})) < 0.95 * before
    integers = found.weights["second"].integers
    assert not integers[:, ::2].any()
    assert np.abs(integers.astype(int)).max() <= WEIGHT_BOUND
    assert not np.array_equal(integers, types.weights["second"].integers)
    assert found.grids == types.grids
    np.testing.assert_array_equal(found.weights["second"].scale, types.weights["second"].scale)


def test_training_that_does_harm_is_thrown_away(source: PatchSource) -> None:
    model = network()
    types = quantized(model, source)
    assert train_quantized(model, types, lesson(source, 3, 10.0), lambda *_: None) == (model, types)


def test_clipped_values_pass_no_gradient(source: PatchSource) -> None:
    """With a range of next to nothing all values are clipped, and the first layer learns by the other way round."""
    model = network()
    types, x = quantized(model, source), source.draw(2, 32, (5,))[0]
    narrow = replace(types, grids={"b": replace(types.grids["b"], scale=1e-9)})
    inner = OnnxModule(model)
    module = QuantizedModule(inner, narrow, {})
    module(x).square().sum().backward()
    first, bias, third = (inner.parameter(name).detach() for name in ("first", "bias", "third"))
    other = first.clone().requires_grad_()
    sums = F.relu(F.conv2d(x, other, bias, padding=1)) + F.relu(bias).reshape(-1, 1, 1)
    made = F.pixel_shuffle(F.conv2d(sums, third, padding=1), 2) + F.interpolate(x, scale_factor=2)
    made.square().sum().backward()
    torch.testing.assert_close(inner.parameter("first").grad, other.grad, rtol=1e-4, atol=1e-4)
