from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from slsc.errors import ModelError
from slsc.onnx_torch import OnnxModule

EMPTY = np.zeros(0, np.float32)
COORDINATES = ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"]


def floats(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def image(*hw: int) -> np.ndarray:
    return np.random.default_rng(6).standard_normal((2, 3, *hw)).astype(np.float32)


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(["linear", "cubic"]),
    st.sampled_from([*COORDINATES, "half_pixel_symmetric"]),
    st.sampled_from([2.0, 3.0, 4.0, 1.5, 0.5, 0.7, 1.0]),
    st.tuples(st.integers(1, 20), st.integers(1, 20)),
    st.booleans(),
    st.booleans(),
)
def test_smooth_modes(op_model, assert_agrees, mode, coordinates, scale, size, by_size, exclude) -> None:
    attributes = {"mode": mode, "coordinate_transformation_mode": coordinates}
    if mode == "cubic":
        attributes["exclude_outside"] = int(exclude)
    if by_size:
        model = op_model("Resize", EMPTY, EMPTY, np.array([2, 3, *size]), opset=19, **attributes)
    else:
        model = op_model("Resize", EMPTY, floats(1, 1, scale, 2), opset=19, **attributes)
    assert_agrees(model, image(9, 10))


@pytest.mark.parametrize("rounding", ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
@pytest.mark.parametrize("coordinates", COORDINATES)
@pytest.mark.parametrize("scales", [(2, 2), (3, 3), (4, 2), (0.5, 0.5), (1.5, 2)])
def test_nearest(op_model, assert_agrees, coordinates, rounding, scales) -> None:
    attributes = {"mode": "nearest", "coordinate_transformation_mode": coordinates, "nearest_mode": rounding}
    assert_agrees(op_model("Resize", EMPTY, floats(1, 1, *scales), opset=13, **attributes), image(8, 10))


@pytest.mark.parametrize("mode", ["linear", "cubic"])
@pytest.mark.parametrize("scales", [(0.5, 0.5), (0.3, 2), (3, 0.7)])
def test_antialias(op_model, assert_agrees, mode, scales) -> None:
    model = op_model("Resize", None, floats(1, 1, *scales), opset=18, mode=mode, antialias=1)
    assert_agrees(model, image(12, 10))


def test_some_axes_only(op_model, assert_agrees) -> None:
    assert_agrees(op_model("Resize", None, floats(1.5, 2), opset=18, mode="linear", axes=[-1, 2]), image(6, 8))


def test_cubic_coefficient_of_matlab(op_model, assert_agrees) -> None:
    model = op_model("Resize", EMPTY, floats(1, 1, 2, 2), opset=11, mode="cubic", cubic_coeff_a=-0.5)
    assert_agrees(model, image(6, 8))


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("scales", [(2, 3), (1.5, 0.7), (0.5, 1)])
def test_opset_10_and_upsample(op_model, assert_agrees, mode, scales) -> None:
    assert_agrees(op_model("Resize", floats(1, 1, *scales), opset=10, mode=mode), image(8, 10))
    if min(scales) >= 1:
        assert_agrees(op_model("Upsample", floats(1, 1, *scales), opset=9, mode=mode), image(8, 10))
        assert_agrees(op_model("Upsample", opset=8, mode=mode, scales=[1.0, 1.0, *scales]), image(8, 10))


@pytest.mark.parametrize("attributes", [{"mode": "linear"}, {"mode": "nearest", "padding_mode": "border"}])
def test_grid_sample(op_model, assert_agrees, random, attributes) -> None:
    assert_agrees(op_model("GridSample", random(2, 4, 5, 2), opset=20, **attributes), image(6, 7))
    assert_agrees(op_model("GridSample", random(2, 4, 5, 2), opset=16, align_corners=1), image(6, 7))


def test_what_is_not_supported_is_refused(op_model) -> None:
    crop = {"coordinate_transformation_mode": "tf_crop_and_resize"}
    keep = {"keep_aspect_ratio_policy": "not_larger", "axes": [2, 3]}
    for attributes, sizes in ((crop, [1, 1, 4, 4]), (keep, [4, 4])):
        model = op_model("Resize", EMPTY, EMPTY, np.array(sizes), opset=18, mode="linear", **attributes)
        with pytest.raises(ModelError, match="the_op"):
            OnnxModule(model)(torch.zeros(1, 1, 5, 5))
