"""Networks in bfloat16: convolutions that the engine may run so, everything else in float32."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest

from slsc.passes.base import PassContext
from slsc.passes.lowering import lower
from slsc.passes.lowering.ladder import lower_ladder
from slsc.passes.lowering.lower import lowered
from slsc.passes.lowering.nmp import BF16 as FEATURE
from slsc.passes.lowering.nmp import HALF_OPERANDS, INT8, DType, PlanFile
from slsc.passes.lowering.nmp_ops import Combine, HalfConv
from slsc.passes.pipeline import Pipeline
from slsc.passes.precision.convolutions import named
from slsc.passes.precision.emulate import emulated, widened
from slsc.passes.precision.half import WriteHalf
from slsc.passes.precision.int8 import Grid, Int8Types, WriteInt8
from slsc.passes.precision.rounded import RoundToBf16
from slsc.passes.precision.types import BF16, FP16, FloatType
from slsc.quantize.rounding import nearest
from slsc.runtime.backends.native import NativeRunner
from slsc.runtime.backends.native_calls import Precision

SAME = "Conv<pads = [1, 1, 1, 1]>"


def sparse(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """A random weight, an eighth of each 32 input channels kept, whose convolution keeps the size of numbers."""
    weight = np.random.default_rng(seed).standard_normal(shape)
    if len(shape) == 4 and shape[1] >= 32:
        weight[:, np.arange(shape[1]) % 32 >= 4] = 0
    return (weight / np.sqrt(np.count_nonzero(weight) / shape[0])).astype(np.float32)


@pytest.fixture
def typed(build: Callable) -> Callable[..., onnx.ModelProto]:
    """`typed(body, kind=BF16, **shapes)`: a network of 16-bit floats, with weights that keep the size of numbers."""

    def make(body: str, kind: FloatType = BF16, **shapes: tuple[int, ...]) -> onnx.ModelProto:
        weights = {name: sparse(shape, seed) for seed, (name, shape) in enumerate(shapes.items())}
        model = build(f"g (float[n, 3, h, w] x) => (float[n, 3, r, s] y) {{ {body} }}", **weights)
        return Pipeline([WriteHalf(kind)]).run(model, PassContext()).model

    return make


def operations(data: bytes) -> list[str]:
    """Names of a plan's operations."""
    return [type(op.params).__name__ for op in PlanFile.from_bytes(data).ops]


BODY = f"""a = {SAME}(x, head) b = {SAME}(a, first, bias) c = Relu(b)
           d = {SAME}(c, second) s = Add(d, a) y = {SAME}(s, tail)"""
SHAPES = {
    "head": (64, 3, 3, 3),
    "first": (48, 64, 3, 3),
    "bias": (48,),
    "second": (64, 48, 3, 3),
    "tail": (3, 64, 3, 3),
}


def test_between_two_convolutions_nothing_but_bfloat16(typed, run_onnx, interpret, isas, decibels):
    model = typed(BODY, **SHAPES)
    data = lower(model, None)
    plan = PlanFile.from_bytes(data)
    assert operations(data) == ["Narrow", "HalfConv", "Narrow", "HalfConv", "HalfConv", "Conv"]
    rounded = [plan.dtype(op.out) == DType.BF16 for op in plan.ops]
    assert rounded == [True, False, True, True, False, False]
    assert plan.ops[4].params.combine == Combine.ACT_THEN_ADD
    assert plan.features == (FEATURE, HALF_OPERANDS)
    image = np.random.default_rng(0).uniform(-1, 1, (3, 37, 53)).astype(np.float32)
    wanted, expected = run_onnx(emulated(model), image), interpret(plan, image)
    exact = run_onnx(widened(model), image)
    assert decibels(expected, exact) > 35
    assert decibels(wanted, exact) > 35
    for isa in isas:
        assert decibels(NativeRunner(data, 1, isa).run(image[None])[0], expected) > 60


def test_in_float32_it_is_the_network_without_types(typed, isas):
    model = typed(BODY, **SHAPES)
    image = np.random.default_rng(0).uniform(-1, 1, (1, 3, 37, 53)).astype(np.float32)
    for isa in isas:
        runner = NativeRunner(lower(model, None), 1, isa)
        runner.set_precision(Precision.FLOAT32)
        found = runner.run(image)
        np.testing.assert_array_equal(found, NativeRunner(lower(widened(model), None), 1, isa).run(image))


@pytest.mark.parametrize(
    ("body", "shapes", "made"),
    [
        # Few inputs, or one channel each; with few outputs float32 is as fast.
        (
            f"a = {SAME}(x, v) b = Conv<pads = [1, 1, 1, 1], group = 32>(a, d) y = {SAME}(b, w)",
            {"v": (32, 3, 3, 3), "d": (32, 1, 3, 3), "w": (3, 32, 3, 3)},
            ["Narrow", "HalfConv", "HalfConv", "Conv"],
        ),
        # Rounded once for all that read it; another reader takes what was not rounded.
        (
            f"a = {SAME}(x, v) b = Conv(a, p) c = Conv(a, q) s = Add(b, c) t = Add(s, a) y = {SAME}(t, w)",
            {"v": (32, 3, 3, 3), "p": (32, 32, 1, 1), "q": (32, 32, 1, 1), "w": (3, 32, 3, 3)},
            ["Narrow", "HalfConv", "Narrow", "HalfConv", "HalfConv", "Binary", "Conv"],
        ),
        # What is multiplied behind it stays an operation: bfloat16 could not hold the products.
        (
            f"a = {SAME}(x, v) b = Conv(a, p) c = Mul(b, f) y = {SAME}(c, w)",
            {"v": (32, 3, 3, 3), "p": (32, 32, 1, 1), "f": (32, 1, 1), "w": (3, 32, 3, 3)},
            ["Narrow", "HalfConv", "HalfConv", "Unary", "Conv"],
        ),
        # The last two are one linear map, which float32 folds.
        (
            f"""a = {SAME}(x, v) b = {SAME}(a, p) c = Relu(b) d = {SAME}(c, u) e = Add(d, a)
                f = {SAME}(e, l) g = DepthToSpace<blocksize = 2, mode = "CRD">(f) y = {SAME}(g, w)""",
            {
                "v": (32, 3, 3, 3), "p": (32, 32, 3, 3), "u": (32, 32, 3, 3), "l": (128, 32, 3, 3), "w": (3, 32, 3, 3),
            },
            ["Narrow", "HalfConv", "Narrow", "HalfConv", "HalfConv", "Conv", "Conv"],
        ),
    ],
)  # fmt: skip
def test_every_convolution_of_the_type(typed, interpret, isas, decibels, run_onnx, body, shapes, made):
    model = typed(body, **shapes)
    data = lower(model, None)
    assert operations(data) == made
    image = np.random.default_rng(1).uniform(-1, 1, (3, 21, 30)).astype(np.float32)
    expected = interpret(PlanFile.from_bytes(data), image)
    assert decibels(expected, run_onnx(widened(model), image)) > 40
    for isa in isas:
        assert decibels(NativeRunner(data, 1, isa).run(image[None])[0], expected) > 60


SKIPS = f"""a = {SAME}(x, head) b = LeakyRelu<alpha = 0.1>(a) c = {SAME}(b, first) s = Add(c, b) d = Relu(s)
            e = Conv(d, second) g = Sigmoid(e) m = Mul(g, d) t = Add(m, a) y = {SAME}(t, tail)"""
SKIP_SHAPES = {"head": (40, 3, 3, 3), "first": (40, 40, 3, 3), "second": (40, 40, 1, 1), "tail": (3, 40, 3, 3)}


def test_what_a_network_rounds_is_combined_in_bfloat16(build, run_onnx, interpret, isas, decibels):
    """b and d are read rounded by all, a by none."""
    weights = {name: sparse(shape, seed) for seed, (name, shape) in enumerate(SKIP_SHAPES.items())}
    model = named(build(f"g (float[n, 3, h, w] x) => (float[n, 3, r, s] y) {{ {SKIPS} }}", **weights))
    model = Pipeline([RoundToBf16({node.name for node in model.graph.node if node.op_type == "Conv"})]).run(
        model, PassContext()
    )
    data = lower(model.model, None)
    plan = PlanFile.from_bytes(data)
    combined = [op for op in plan.ops if isinstance(op.params, HalfConv) and op.params.combine != Combine.NONE]
    assert [op.params.combine for op in combined] == [Combine.ADD_THEN_ACT, Combine.ACT_THEN_MUL]
    assert all(plan.dtype(op.ins[1]) == DType.BF16 for op in combined)
    assert plan.features == (FEATURE, HALF_OPERANDS)
    assert PlanFile.from_bytes(lowered(model.model, None, halves=False).plan.to_bytes()).features == ()
    image = np.random.default_rng(0).uniform(-1, 1, (3, 37, 53)).astype(np.float32)
    wanted, expected = run_onnx(model.model, image), interpret(plan, image)
    assert decibels(wanted, expected) > 50
    for isa in isas:
        assert decibels(NativeRunner(data, 1, isa).run(image[None])[0], expected) > 60


def test_integers_and_bfloat16_in_one_network(build, interpret, isas, decibels):
    """As `auto` types them: each layer in its own."""
    rng = np.random.default_rng(0)
    weights = {name: sparse(shape, seed) for seed, (name, shape) in enumerate(SHAPES.items())}
    model = build(f"g (float[n, 3, h, w] x) => (float[n, 3, r, s] y) {{ {BODY} }}", **weights)
    types = Int8Types({"c": Grid(1 / 64, 0)}, {"second": nearest(weights["second"])}, {})
    model = Pipeline([WriteInt8(types), WriteHalf(BF16)]).run(model, PassContext()).model
    data = lower(model, None)
    plan = PlanFile.from_bytes(data)
    assert operations(data) == ["Narrow", "HalfConv", "Narrow", "HalfConv", "Quantize", "IntConv", "Conv"]
    assert plan.features == (FEATURE, INT8)
    image = rng.uniform(-1, 1, (3, 37, 53)).astype(np.float32)
    expected = interpret(plan, image)
    for isa in isas:
        runner = NativeRunner(data, 1, isa)
        assert runner.integers and runner.halves
        assert decibels(runner.run(image[None])[0], expected) > 50
        runner.set_precision(Precision.FASTEST)
        assert decibels(runner.run(image[None])[0], expected) > 35


def test_float16_is_computed_in_float32(typed):
    assert operations(lower(typed(BODY, FP16, **SHAPES), None)) == ["Conv"] * 4


def test_a_ladder_is_computed_in_float32(typed):
    """Regions that take candidates of their own do so in strips."""
    model = typed(BODY, **SHAPES)
    assert operations(lower_ladder([(model, None), (model, None)])) == ["Conv"] * 4
    assert lower_ladder([(model, None)]) == lower(model, None)
