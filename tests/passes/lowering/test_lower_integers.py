"""Graphs with QuantizeLinear and DequantizeLinear: convolutions between them run in integers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest

from slsc.passes.base import PassContext
from slsc.passes.lowering import LoweringRefusal, lower
from slsc.passes.lowering.nmp import INT8, DType, PlanFile
from slsc.passes.lowering.nmp_ops import Combine, Quantize
from slsc.passes.pipeline import Pipeline
from slsc.passes.precision.int8 import Grid, Int8Types, RoundedWeight, WriteInt8
from slsc.runtime.backends.native import NativeRunner
from slsc.runtime.backends.native_calls import Precision

GRID = Grid(1 / 64, 128)


def integers(shape: tuple[int, ...], seed: int = 0) -> RoundedWeight:
    """A random weight whose convolution keeps the size of numbers."""
    rng = np.random.default_rng(seed)
    held = np.clip(np.rint(rng.standard_normal(shape) * 40), -127, 127).astype(np.int8)
    scale = rng.uniform(0.7, 1.3, shape[0]) / (40 * np.sqrt(np.prod(shape[1:])))
    return RoundedWeight(held, scale.astype(np.float32))


@pytest.fixture
def typed(build: Callable) -> Callable[..., onnx.ModelProto]:
    """`typed(body, grids, weights, name=shape, ...)`: a network whose `weights` are integers, with these grids."""

    def make(body: str, grids: dict[str, Grid], weights: tuple[str, ...], **shapes: tuple[int, ...]) -> onnx.ModelProto:
        model = build(f"g (float[n, 3, h, w] x) => (float[n, 3, h, w] y) {{ {body} }}", **shapes)
        held = {name: integers(shapes[name], seed) for seed, name in enumerate(weights)}
        return Pipeline([WriteInt8(Int8Types(grids, held, {}))]).run(model, PassContext()).model

    return make


def operations(data: bytes) -> list[str]:
    """Names of a plan's operations."""
    return [type(op.params).__name__ for op in PlanFile.from_bytes(data).ops]


SAME = "Conv<pads = [1, 1, 1, 1]>"


def test_between_two_convolutions_nothing_but_integers(typed, lowers, run_onnx, interpret, isas):
    body = f"""a = Conv(x, head) b = {SAME}(a, first, bias) c = Relu(b)
               d = {SAME}(c, second) s = Add(d, a) y = Conv(s, tail)"""
    shapes = {
        "head": (40, 3, 1, 1),
        "first": (40, 40, 3, 3),
        "bias": (40,),
        "second": (40, 40, 3, 3),
        "tail": (3, 40, 1, 1),
    }
    model = typed(body, {"a": GRID, "c": Grid(1 / 64, 0)}, ("first", "second"), **shapes)
    data = lower(model, None)
    plan = PlanFile.from_bytes(data)
    assert operations(data) == ["Conv", "Quantize", "IntConv", "IntConv", "Conv"]
    assert [plan.dtype(op.out) for op in plan.ops] == [DType.F32, DType.U8, DType.U8, DType.F32, DType.F32]
    assert plan.ops[3].params.combine == Combine.ACT_THEN_ADD
    assert plan.features == (INT8,)
    image = np.random.default_rng(0).uniform(-1, 1, (3, 37, 53)).astype(np.float32)
    wanted, expected = run_onnx(model, image), interpret(plan, image)
    for made in (expected, *(NativeRunner(data, 1, isa).run(image[None])[0] for isa in isas)):
        # Where a sum lies between two integers, rounding errors decide, and what is behind follows.
        assert np.mean(np.abs(made - wanted) > 1e-4) < 0.5
        assert np.abs(made - wanted).max() < 0.1


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(
    ("body", "made"),
    [
        (f"b = {SAME}(x, w) y = Relu(b)", ["Quantize", "IntConv"]),
        (f"b = {SAME}(x, w) y = Tanh(b)", ["Quantize", "IntConv"]),
        (f"b = {SAME}(x, w) y = Neg(b)", ["Quantize", "IntConv"]),
        (f"b = {SAME}(x, w) y = Sub(x, b)", ["Quantize", "IntConv"]),
        (
            "b = Conv<strides = [2, 2], pads = [1, 1, 1, 1]>(x, v) y = DepthToSpace<blocksize = 2>(b)",
            ["Quantize", "IntConv"],
        ),
        ("m = GlobalAveragePool(x) b = Conv(m, p) y = Mul(x, b)", ["GlobalMean", "Quantize", "IntConv", "Binary"]),
    ],
)
def test_one_convolution(typed, lowers, body, made, signed):
    """With nothing quantized behind it, it agrees with ONNX Runtime like any other."""
    grid = Grid(1 / 128, 0, signed=True) if signed else Grid(1 / 100, 100)
    shapes = {"w": (3, 3, 3, 3), "v": (12, 3, 3, 3), "p": (3, 3, 1, 1)}
    used = {name: shape for name, shape in shapes.items() if f", {name})" in body}
    source = "m" if "m =" in body else "x"
    plan = lowers(typed(body, {source: grid}, tuple(used), **used), (32, 44), (8, 10), low=-0.9, high=0.9)
    assert [type(op.params).__name__ for op in plan.ops] == made


def test_quantized_once_for_all_that_read_it(typed):
    body = f"a = {SAME}(x, one) b = {SAME}(x, two) y = Add(a, b)"
    model = typed(body, {"x": GRID}, ("one", "two"), one=(3, 3, 3, 3), two=(3, 3, 3, 3))
    assert operations(lower(model, None)) == ["Quantize", "IntConv", "IntConv"]


def test_parts_of_a_concatenation_are_made_as_integers(typed, lowers):
    body = f"""a = {SAME}(x, one) b = {SAME}(x, two) r = Relu(b) c = Concat<axis = 1>(a, r, x)
               s = Concat<axis = 1>(c, a) d = Conv(s, three) e = Conv(c, four) y = Add(d, e)"""
    shapes = {"one": (5, 3, 3, 3), "two": (9, 3, 3, 3), "three": (3, 22, 1, 1), "four": (3, 17, 1, 1)}
    plan = lowers(
        typed(body, {"x": GRID, "c": Grid(1 / 90, 128), "s": Grid(1 / 80, 120)}, tuple(shapes), **shapes), (20, 31)
    )
    made = [type(op.params).__name__ for op in plan.ops]
    assert made.count("IntConv") == 4 and made.count("Quantize") == 8  # parts that two read are quantized twice
    joined = [op.out_channel for op in plan.ops if isinstance(op.params, Quantize) and plan.values[op.out] == 22]
    assert sorted(joined) == [0, 5, 14, 17]


def test_factors_are_part_of_quantizing(typed, lowers, build):
    model = build(f"g (float[n, 3, h, w] x) => (float[n, 3, h, w] y) {{ y = {SAME}(x, w) }}", w=(3, 3, 3, 3))
    factors = {"x": np.array([0.5, 1, 2], np.float32)}
    types = Int8Types({"x": Grid(1 / 60, 120)}, {"w": integers((3, 3, 3, 3))}, {}, factors)
    plan = lowers(Pipeline([WriteInt8(types)]).run(model, PassContext()).model, (20, 31))
    assert [type(op.params).__name__ for op in plan.ops] == ["Quantize", "IntConv"]


def test_other_users_read_what_was_dequantized(lowers, build):
    text = """g (float[n, 3, h, w] x) => (float[n, 3, h, w] y) {
        q = QuantizeLinear(x, s, z) d = DequantizeLinear(q, s, z) e = Sigmoid(d) y = Add(e, d) }"""
    model = build(text, s=np.float32(1 / 64), z=np.uint8(100))
    plan = lowers(model, (20, 31))
    assert [type(op.params).__name__ for op in plan.ops] == ["Quantize", "Dequantize", "Unary", "Binary"]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("q = QuantizeLinear(x, s, z) y = DequantizeLinear(q, c, zc)", "a scale per channel"),
        ("q = QuantizeLinear(x, s, w) y = DequantizeLinear(q, s, w)", "only 8 bits are known"),
        ("q = QuantizeLinear(x, zero, z) y = DequantizeLinear(q, zero, z)", "its scale is 0.0"),
        (
            "q = QuantizeLinear(x, s, z) p = MaxPool<kernel_shape = [1, 1]>(q) y = DequantizeLinear(p, s, z)",
            "in integers",
        ),
    ],
)
def test_refused(build, body, why):
    text = f"g (float[n, 3, h, w] x) => (float[n, 3, h, w] y) {{ {body} }}"
    arrays = {
        "s": np.float32(0.1), "z": np.uint8(3), "zero": np.float32(0), "w": np.uint16(3),
        "c": np.ones(3, np.float32), "zc": np.zeros(3, np.uint8),
    }  # fmt: skip
    used = {name: array for name, array in arrays.items() if f" {name}" in body.replace(")", " ").replace(",", " ")}
    with pytest.raises(LoweringRefusal, match=why):
        lower(build(text, opset=21, ir_version=10, **used), None)


def test_float32_in_place_of_integers(typed, isas):
    """What a processor runs that is no faster with integers: the network with rounded weights, and nothing else."""
    shapes = {"one": (20, 3, 3, 3), "two": (3, 20, 3, 3)}
    model = typed(
        f"a = {SAME}(x, one) b = Relu(a) y = {SAME}(b, two)", {"x": GRID, "b": GRID}, ("one", "two"), **shapes
    )
    weights = {name: integers(shape, seed).values for seed, (name, shape) in enumerate(shapes.items())}
    image = np.random.default_rng(0).uniform(-1, 1, (1, 3, 23, 31)).astype(np.float32)
    torch = pytest.importorskip("torch")
    convolve = torch.nn.functional.conv2d
    middle = convolve(torch.from_numpy(image), torch.from_numpy(weights["one"]), padding=1).relu()
    wanted = convolve(middle, torch.from_numpy(weights["two"]), padding=1).numpy()
    for isa in isas:
        runner = NativeRunner(lower(model, None), 1, isa)
        assert runner.integers
        exact = runner.run(image)
        runner.set_precision(Precision.FLOAT32)
        assert not runner.integers
        np.testing.assert_allclose(runner.run(image), wanted, atol=1e-5)
        runner.set_precision(Precision.AS_PLANNED)
        assert np.array_equal(runner.run(image), exact)
