"""Operators that change height and width: pools, Resize, Pad, Slice, shuffles, means."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from slsc.passes.lowering import LoweringRefusal, lower
from slsc.passes.lowering.nmp_ops import OpType, Pad

WRAP = "g (float[n, 3, h, w] x) => (float[n, k, h2, w2] y) {{ a = Conv(x, k1) {body} }}"


@pytest.fixture
def graph(build: Callable) -> Callable:
    def make(body: str, channels: int = 3, made: int = 3, opset: int = 17, **values: np.ndarray):
        text = WRAP.format(body=body).replace("n, k,", f"n, {made},")
        weight = np.random.default_rng(0).standard_normal((channels, 3, 1, 1)).astype(np.float32)
        return build(text, opset=opset, k1=weight, **values)

    return make


POOLS = [
    "MaxPool<kernel_shape = [2, 2], strides = [2, 2]>",
    "MaxPool<kernel_shape = [7, 7], strides = [3, 3]>",
    "MaxPool<kernel_shape = [3, 2], strides = [1, 2], pads = [1, 0, 1, 1]>",
    "MaxPool<kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1], ceil_mode = 1>",
    "MaxPool<kernel_shape = [3, 3], auto_pad = \"SAME_UPPER\">",
    "AveragePool<kernel_shape = [2, 2], strides = [2, 2]>",
    "AveragePool<kernel_shape = [3, 3], strides = [1, 1], pads = [1, 1, 1, 1]>",
    "AveragePool<kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1], count_include_pad = 1>",
    "AveragePool<kernel_shape = [3, 3], strides = [2, 2], ceil_mode = 1>",
]  # fmt: skip


@pytest.mark.parametrize("pool", POOLS)
def test_pool(graph: Callable, lowers: Callable, pool: str) -> None:
    found = lowers(graph(f"y = {pool}(a)"))
    assert found.ops[-1].type == OpType.POOL


MODES = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric")


@pytest.mark.parametrize("coordinates", MODES)
@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize("scale", [2, 3, 0.5, 0.25])
def test_resize_by_a_factor(graph: Callable, lowers: Callable, mode: str, coordinates: str, scale: float) -> None:
    call = f'Resize<mode = "{mode}", coordinate_transformation_mode = "{coordinates}">'
    model = graph(f"y = {call}(a, , scales)", scales=np.array([1, 1, scale, scale], np.float32))
    lowers(model, (36, 48), (8, 20))


@pytest.mark.parametrize("rounding", ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
@pytest.mark.parametrize("coordinates", ["half_pixel", "asymmetric"])
def test_nearest_rounding(graph: Callable, lowers: Callable, rounding: str, coordinates: str) -> None:
    call = f'Resize<nearest_mode = "{rounding}", coordinate_transformation_mode = "{coordinates}">'
    lowers(graph(f"y = {call}(a, , scales)", scales=np.array([1, 1, 4, 4], np.float32)), (7, 9), (20, 33))


def test_cubic_coefficient(graph: Callable, lowers: Callable) -> None:
    call = 'Resize<mode = "cubic", cubic_coeff_a = -0.5>'
    lowers(graph(f"y = {call}(a, , scales)", scales=np.array([1, 1, 2, 2], np.float32)), (7, 9), (20, 33))


TO_SIZE = """c = MaxPool<kernel_shape = [5, 5], strides = [3, 3]>(a) s = Shape<start = 2>(a) t = Shape<end = 2>(a)
    z = Concat<axis = 0>(t, s) d = Resize<mode = "{mode}", coordinate_transformation_mode = "{coordinates}">(c, , , z)
    y = Mul(d, a)"""


@pytest.mark.parametrize("coordinates", MODES)
@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_resize_to_the_size_of_a_tensor(graph: Callable, lowers: Callable, mode: str, coordinates: str) -> None:
    found = lowers(graph(TO_SIZE.format(mode=mode, coordinates=coordinates)))
    assert found.row_align == 3


def test_resize_to_its_own_size_is_nothing(graph: Callable, lowers: Callable) -> None:
    body = "t = Shape<end = 2>(a) s = Shape<start = 2>(x) z = Concat<axis = 0>(t, s) b = Resize(a, , , z) y = Relu(b)"
    assert len(lowers(graph(body), (7, 9)).ops) == 1


def test_resize_by_computed_sizes_is_a_factor(graph: Callable, lowers: Callable) -> None:
    body = """s = Shape<start = 2>(x) t = Shape<end = 2>(a) u = Mul(s, two) z = Concat<axis = 0>(t, u)
              y = Resize<mode = "linear">(a, , , z)"""
    found = lowers(graph(body, two=np.array([2, 2])), (7, 9))
    resize = found.ops[-1].params
    assert (resize.numerator, resize.denominator) == (2, 1)


PADS = {
    "constant": ([0, 0, 1, 2, 0, 0, 3, 4], 0.5),
    "reflect": ([0, 0, 1, 2, 0, 0, 3, 4], None),
    "edge": ([0, 0, 5, 0, 0, 0, 0, 6], None),
}


def sides(pad: Pad) -> tuple[int, int, int, int]:
    return pad.top, pad.left, pad.bottom, pad.right


@pytest.mark.parametrize("mode", PADS)
def test_pad(graph: Callable, lowers: Callable, mode: str) -> None:
    amounts, value = PADS[mode]
    held = {"pads": np.array(amounts)} | ({} if value is None else {"value": np.float32(value)})
    lowers(graph(f'b = Pad<mode = "{mode}">(a, pads{", value" if value else ""}) y = Relu(b)', **held))


def test_pad_of_named_axes(graph: Callable, lowers: Callable) -> None:
    model = graph("y = Pad(a, pads, , axes)", opset=18, pads=np.array([1, 2]), axes=np.array([-1]))
    assert sides(lowers(model, (7, 9)).ops[-1].params) == (0, 1, 0, 2)


def test_crop_by_slice(graph: Callable, lowers: Callable) -> None:
    model = graph(
        "y = Slice(a, starts, ends, axes)",
        starts=np.array([2, 1]), ends=np.array([-3, 2**62]), axes=np.array([2, 3]),
    )  # fmt: skip
    assert sides(lowers(model).ops[-1].params) == (-2, -1, -3, 0)


def test_slice_over_channels_and_rows(graph: Callable, lowers: Callable) -> None:
    model = graph(
        "b = Slice(a, starts, ends, axes) y = Relu(b)", channels=8,
        starts=np.array([3, 1]), ends=np.array([6, 2**62]), axes=np.array([1, 2]),
    )  # fmt: skip
    lowers(model, (7, 9))


def test_pad_to_a_multiple_is_refused(graph: Callable) -> None:
    body = """s = Shape<start = 2, end = 3>(x) m = Mod(s, eight) r = Sub(eight, m) p = Mod(r, eight)
              q = Concat<axis = 0>(zeros, p, zero) y = Pad(a, q)"""
    model = graph(body, eight=np.array([8]), zeros=np.zeros(6, np.int64), zero=np.zeros(1, np.int64))
    with pytest.raises(LoweringRefusal, match="follow the size of the image"):
        lower(model, None)


@pytest.mark.parametrize(("axis", "parts"), [(2, 2), (3, 2), (2, 4), (3, 3)])
def test_parts_apart_and_joined(graph: Callable, lowers: Callable, axis: int, parts: int) -> None:
    """What networks of patches do: cut the image, restore the parts, put them together."""
    cut = "b{0} = Mul(q, i{0}) e{0} = Add(b{0}, q) p{0} = Slice(a, b{0}, e{0}, axis) r{0} = Conv<{pads}>(p{0}, w)"
    restored = " ".join(cut.format(i, pads="pads = [1, 1, 1, 1]") for i in range(parts))
    joined = ", ".join(f"r{i}" for i in range(parts))
    body = f"""s = Shape<start = {axis}, end = {axis + 1}>(a) q = Div(s, parts) {restored}
               j = Concat<axis = {axis}>({joined}) y = Add(a, j)"""
    held = {f"i{i}": np.array([i]) for i in range(parts)} | {"parts": np.array([parts]), "axis": np.array([axis])}
    weight = np.random.default_rng(3).standard_normal((3, 3, 3, 3)).astype(np.float32)
    found = lowers(graph(body, w=weight, **held), (48, 24), (96, 60))
    assert found.row_align == parts


@pytest.mark.parametrize("mode", ["CRD", "DCR"])
@pytest.mark.parametrize("between", ["", "Relu", "Add"])
def test_depth_to_space(graph: Callable, lowers: Callable, mode: str, between: str) -> None:
    node = {"": "", "Relu": "b = Relu(a)", "Add": "c = Sigmoid(a) b = Add(a, c)"}[between]
    body = f'{node} y = DepthToSpace<blocksize = 3, mode = "{mode}">({"b" if between else "a"})'
    found = lowers(graph(body, channels=27))
    if between != "Add":
        assert len(found.ops) == 1


def test_activation_after_a_shuffle_is_fused(graph: Callable, lowers: Callable) -> None:
    body = """b = DepthToSpace<blocksize = 2, mode = "DCR">(a) c = PRelu(b, slope) y = Mul(c, scale)"""
    held = {name: np.array([0.1, -0.3, 2], np.float32).reshape(3, 1, 1) for name in ("slope", "scale")}
    assert len(lowers(graph(body, channels=12, **held)).ops) == 2


def test_space_to_depth_and_back(graph: Callable, lowers: Callable) -> None:
    body = "b = SpaceToDepth<blocksize = 2>(a) c = Relu(b) y = DepthToSpace<blocksize = 2>(c)"
    assert lowers(graph(body), (36, 50), (8, 6)).row_align == 2


MEANS = [
    "m = GlobalAveragePool(a) y = Mul(a, m)",
    "m = ReduceMean<axes = [2, 3]>(a) y = Mul(a, m)",
    "m = ReduceMean<axes = [-1, -2]>(a) y = Add(a, m)",
    "m = ReduceMean<axes = [1]>(a) y = Add(a, m)",
    "m = GlobalAveragePool(a) n = GlobalAveragePool(m) y = Mul(a, n)",
]


@pytest.mark.parametrize("body", MEANS)
def test_mean(graph: Callable, lowers: Callable, body: str) -> None:
    lowers(graph(body))


@pytest.mark.parametrize(
    "body",
    [
        "y = InstanceNormalization(a, s, b)",
        "n = InstanceNormalization<epsilon = 0.01>(a, s, b) r = Relu(n) y = Add(a, r)",
        "m = GlobalAveragePool(a) n = InstanceNormalization(m, s, b) y = Mul(a, n)",
    ],
)
def test_instance_norm(graph: Callable, lowers: Callable, body: str) -> None:
    scale, shift = np.array([0.5, -1, 2], np.float32), np.array([0.1, 0, -3], np.float32)
    lowered = lowers(graph(body, s=scale, b=shift), low=3, high=5)
    assert OpType.INSTANCE_NORM in [op.type for op in lowered.ops]


def test_instance_norm_needs_an_epsilon(graph: Callable) -> None:
    ones = np.ones(3, np.float32)
    with pytest.raises(LoweringRefusal, match="its epsilon is 0"):
        lower(graph("y = InstanceNormalization<epsilon = 0.0>(a, s, b)", s=ones, b=ones), None)


SCALES = {"uneven": [1, 1, 1.5, 1.5], "rows": [1, 1, 2, 1]}
REFUSED = {
    "y = Resize(a, , uneven)": "scales .* are not one whole factor",
    'y = Resize<mode = "linear">(a, , rows)': "are not one whole factor",
    "y = MaxPool<kernel_shape = [2, 2], dilations = [2, 2]>(a)": "dilated",
    "y = Pad(a, deep)": "pads the batch or the channels",
    "y = Slice(a, zero, end, axis, step)": "leaves out pixels",
    "y = Transpose<perm = [0, 1, 3, 2]>(a)": "no operation Transpose",
    "y = GlobalMaxPool(a)": "no operation GlobalMaxPool",
    "m = GlobalAveragePool(a) y = Conv<pads = [1, 1, 1, 1]>(m, k3)": "window over a tensor of one pixel",
    "y = Conv<dilations = [65, 65], pads = [65, 65, 65, 65]>(a, k3)": "its dilation is 65, 64 at most",
}


@pytest.mark.parametrize("body", REFUSED)
def test_refusal_names_the_node(graph: Callable, body: str) -> None:
    held = {name: np.array(value, np.float32) for name, value in SCALES.items()}
    held |= {"deep": np.array([0, 1, 0, 0, 0, 0, 0, 0]), "k3": np.ones((3, 3, 3, 3), np.float32)}
    held |= {"zero": np.array([0]), "end": np.array([99]), "axis": np.array([2]), "step": np.array([2])}
    used = {name: value for name, value in held.items() if f", {name}" in body}
    with pytest.raises(LoweringRefusal, match=REFUSED[body]) as caught:
        lower(graph(body, **used), None)
    assert "making '" in caught.value.where


def test_strided_convolution_that_shuffles(build: Callable, lowers: Callable) -> None:
    """Strips are cut by its stride, though nothing that is stored has fewer rows."""
    body = "b = Conv<strides = [2, 2], pads = [1, 1, 1, 1]>(x, w) y = DepthToSpace<blocksize = 2>(b)"
    text = f"g (float[n, 3, h, w] x) => (float[n, 3, h, w] y) {{ {body} }}"
    assert lowers(build(text, w=(12, 3, 3, 3)), (32, 44), (8, 10)).row_align == 2
