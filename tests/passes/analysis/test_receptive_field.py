"""The computed radius against what really moves in ONNX Runtime when one pixel changes, and against cut tiles."""

from __future__ import annotations

import numpy as np
import pytest

from slsc.passes import verify
from slsc.passes.analysis.receptive_field import receptive_field
from slsc.passes.graph import image_channels

SIDE = 96

EXACT = {
    "convolutions": (
        """a = Conv <pads=[1,1,1,1]> (x, w1)
           b = Conv <pads=[2,2,2,2], dilations=[2,2]> (a, w2)
           y = Add(a, b)""",
        {"w1": (1, 1, 3, 3), "w2": (1, 1, 3, 3)},
        1,
    ),
    "asymmetric kernel and pads": ("y = Conv <pads=[0,3,4,1]> (x, w)", {"w": (1, 1, 5, 5)}, 1),
    "same padding": ('y = Conv <auto_pad="SAME_UPPER"> (x, w)', {"w": (1, 1, 4, 4)}, 1),
    "even kernel, lower": ('y = Conv <auto_pad="SAME_LOWER"> (x, w)', {"w": (1, 1, 4, 4)}, 1),
    "down and up": (
        """a = Conv <pads=[1,1,1,1], strides=[2,2]> (x, down)
           b = Conv <pads=[1,1,1,1]> (a, mid)
           y = ConvTranspose <pads=[1,1,1,1], strides=[2,2], kernel_shape=[4,4]> (b, up)""",
        {"down": (2, 1, 3, 3), "mid": (2, 2, 3, 3), "up": (2, 1, 4, 4)},
        2,
    ),
    "transposed, kernel no multiple of stride": (
        """a = Conv <strides=[3,3], kernel_shape=[3,3]> (x, down)
           y = ConvTranspose <pads=[1,1,1,1], strides=[3,3], kernel_shape=[5,5]> (a, up)""",
        {"down": (2, 1, 3, 3), "up": (2, 1, 5, 5)},
        3,
    ),
    "two pixel shuffles": (
        """a = Conv <pads=[1,1,1,1]> (x, w1)
           b = DepthToSpace <blocksize=2, mode="CRD"> (a)
           c = Conv <pads=[1,1,1,1]> (b, w2)
           d = DepthToSpace <blocksize=2, mode="CRD"> (c)
           y = Conv <pads=[1,1,1,1]> (d, w3)""",
        {"w1": (4, 1, 3, 3), "w2": (4, 1, 3, 3), "w3": (1, 1, 3, 3)},
        1,
    ),
    "space to depth": (
        """a = SpaceToDepth <blocksize=4> (x)
           b = Conv <pads=[1,1,1,1]> (a, w)
           y = DepthToSpace <blocksize=4> (b)""",
        {"w": (16, 16, 3, 3)},
        4,
    ),
    "pooling": (
        """a = MaxPool <kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1]> (x)
           b = AveragePool <kernel_shape=[3,3], pads=[1,1,1,1]> (a)
           y = Resize <mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"> (b, , two)""",
        {"two": np.array([1, 1, 2, 2], np.float32)},
        2,
    ),
    "bilinear by a fixed factor": (
        """a = Resize <mode="linear"> (x, , two)
           y = Conv <pads=[1,1,1,1]> (a, w)""",
        {"two": np.array([1, 1, 2, 2], np.float32), "w": (1, 1, 3, 3)},
        1,
    ),
    "bilinear, asymmetric": (
        """y = Resize <mode="linear", coordinate_transformation_mode="asymmetric"> (x, , three)""",
        {"three": np.array([1, 1, 3, 3], np.float32)},
        1,
    ),
    "bicubic by a fixed factor": (
        """y = Resize <mode="cubic", cubic_coeff_a=-0.5> (x, , two)""",
        {"two": np.array([1, 1, 2, 2], np.float32)},
        1,
    ),
    "pad and crop": (
        """p = Pad <mode="reflect"> (x, pads)
           a = Conv (p, w)
           y = Slice (a, starts, ends, axes)""",
        {
            "pads": np.array([0, 0, 3, 5, 0, 0, 5, 3]),
            "w": (1, 1, 3, 3),
            "starts": np.array([2, 3]),
            "ends": np.array([-4, -3]),
            "axes": np.array([2, 3]),
        },
        1,
    ),
    "channel operations": (
        """a = Conv <pads=[1,1,1,1]> (x, w)
           b, c = Split <axis=1> (a, halves)
           d = Concat <axis=1> (c, b)
           s = Softmax <axis=1> (d)
           y = ReduceMax <axes=[1], keepdims=1> (s)""",
        {"w": (4, 1, 3, 3), "halves": np.array([2, 2])},
        1,
    ),
}


def exact_model(build, case: str):
    body, values, align = EXACT[case]
    return build(f"net (float[1,1,h,w] x) => (float[1,1,H,W] y) {{ {body} }}", **values), align


def moved(running, base: np.ndarray, at: tuple[int, int]) -> tuple[int, int, int, int]:
    """Rows and columns of the output that change when the pixel `at` does, as inclusive bounds in input pixels."""
    changed = base.copy()
    changed[0, 0, at[0], at[1]] += 50
    difference = np.abs(verify.run(running, changed) - verify.run(running, base)).max(axis=(0, 1)) > 1e-6
    scale = difference.shape[0] // base.shape[2]
    rows, columns = (np.flatnonzero(difference.any(axis=axis)) // scale for axis in (1, 0))
    return rows[0], rows[-1], columns[0], columns[-1]


@pytest.mark.parametrize("case", EXACT)
def test_the_radius_is_what_moves(build, image, case):
    model, align = exact_model(build, case)
    field = receptive_field(model)
    assert field.exact and not field.reason and field.radius == field.local_radius
    assert field.align == align
    running, base = verify.session(model), image(SIDE, SIDE, 1)
    reach = 0
    for phase in range(align):
        row, column = SIDE // 2 + phase, SIDE // 2 + align - 1 - phase
        top, bottom, left, right = moved(running, base, (row, column))
        reach = max(reach, row - top, bottom - row, column - left, right - column)
    # Linear interpolation gives the far tap no weight at some phases, hence one pixel of slack there.
    assert reach <= field.radius <= reach + ("linear" in EXACT[case][0] or "cubic" in EXACT[case][0])


@pytest.mark.parametrize("case", EXACT)
def test_aligned_tiles_with_that_halo_equal_the_whole(build, image, case):
    model, align = exact_model(build, case)
    radius = receptive_field(model).radius
    running, picture = verify.session(model), image(SIDE, SIDE, 1)
    whole = verify.run(running, picture)
    scale = whole.shape[2] // SIDE
    halo = -(-radius // align) * align
    core = slice(4 * align + halo, 8 * align + halo)
    tile = slice(core.start - halo, core.stop + halo)
    found = verify.run(running, picture[:, :, tile, tile])
    inner = slice(halo * scale, (halo + 4 * align) * scale)
    expected = whole[:, :, core.start * scale : core.stop * scale, core.start * scale : core.stop * scale]
    assert np.abs(found[:, :, inner, inner] - expected).max() <= 1e-5 * np.ptp(whole)


UNBOUNDED = {
    "GlobalAveragePool": "g = GlobalAveragePool(x) s = Sigmoid(g) y = Mul(c, s)",
    "ReduceMean": "g = ReduceMean <axes=[2,3]> (x) y = Add(c, g)",
    "InstanceNormalization": "y = InstanceNormalization(c, one, one)",
    "Softmax": "y = Softmax <axis=3> (c)",
    "Reshape": "f = Reshape(x, flat) r = Relu(f) s = Shape(x) g = Reshape(r, s) y = Add(c, g)",
    "Transpose": "y = Transpose <perm=[0,1,3,2]> (c)",
    "CumSum": "y = CumSum(c, axis)",
}


@pytest.mark.parametrize("op", UNBOUNDED)
def test_what_looks_at_the_whole_image_is_named(build, op):
    text = f"net (float[1,1,h,w] x) => (float[1,1,h,w] y) {{ c = Conv <pads=[2,2,2,2]> (x, k) {UNBOUNDED[op]} }}"
    values = {"one": np.ones(1, np.float32), "flat": np.array([0, 1, -1]), "axis": np.array(2)}
    model = build(text, k=(1, 1, 5, 5), **{name: value for name, value in values.items() if name in UNBOUNDED[op]})
    field = receptive_field(model)
    assert field.radius is None and not field.exact
    assert op in field.reason
    assert field.local_radius in (0, 2)  # 0 where nothing is left without that operator


def test_a_resize_to_another_tensors_size_keeps_a_radius_but_is_not_exact(build, image):
    """The attention of RFDN in small: pooled by 2, resized to the input's size, whatever rounding made of the half."""
    text = """net (float[1,1,h,w] x) => (float[1,1,h,w] y) {
        p = MaxPool <kernel_shape=[3,3], strides=[2,2]> (x)
        s = Shape(x)
        r = Resize <mode="linear"> (p, , , s)
        y = Add(x, r)
    }"""
    model = build(text)
    field = receptive_field(model)
    assert not field.exact and "Resize" in field.reason and field.align == 2
    running, base = verify.session(model), image(SIDE, SIDE, 1)
    row = SIDE // 2
    top, bottom, left, right = moved(running, base, (row, row))
    assert max(row - top, bottom - row, row - left, right - row) <= field.radius <= 8


def test_aligned_corners_are_not_exact(build):
    text = """net (float[1,1,h,w] x) => (float[1,1,H,W] y) {
        y = Resize <mode="linear", coordinate_transformation_mode="align_corners"> (x, , two)
    }"""
    field = receptive_field(build(text, two=np.array([1, 1, 2, 2], np.float32)))
    assert not field.exact and "corners" in field.reason


def test_strided_same_padding_is_not_exact(build):
    text = """net (float[1,1,h,w] x) => (float[1,1,H,W] y) {
        a = Conv <auto_pad="SAME_UPPER", strides=[2,2]> (x, k)
        y = DepthToSpace <blocksize=2> (a)
    }"""
    field = receptive_field(build(text, k=(4, 1, 3, 3)))
    assert not field.exact and "auto_pad" in field.reason and field.radius is not None


def test_a_fixed_network_says_so(build):
    field = receptive_field(build("net (float[1,1,32,48] x) => (float[1,1,32,48] y) { y = Relu(x) }"))
    assert field.radius is None and not field.exact and "32x48" in field.reason


@pytest.mark.parametrize("name", ["edsr", "carn_m", "imdn", "rfdn"])
def test_networks_of_the_zoo(name, image):
    pytest.importorskip("torch")
    from slsc.zoo.edsr import Edsr
    from slsc.zoo.export import to_onnx
    from slsc.zoo.registry import MODELS

    small = Edsr(4, blocks=2, features=8, shift=False)
    model = to_onnx(small if name == "edsr" else MODELS[f"{name}_x4"].build())
    assert image_channels(model) == 3
    field = receptive_field(model)
    if name == "edsr":  # six convolutions before the upsampler, then one each at 1/1, 1/2 and 1/4 of a pixel
        assert field.exact and field.radius == 6 + 1 + 1 and field.align == 1
    if name == "carn_m":  # nine blocks of two 3x3, one at each end, two in the upsampler
        assert field.exact and field.align == 1 and 20 <= field.radius <= 23
    if name == "imdn":  # contrast-aware channel attention takes mean and deviation of the whole feature map
        assert field.radius is None and "whole image" in field.reason and field.local_radius > 20
    if name == "rfdn":
        assert not field.exact and "Resize" in field.reason and field.align == 6 and 100 < field.radius < 260
