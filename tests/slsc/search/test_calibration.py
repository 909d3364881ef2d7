from __future__ import annotations

import onnx
import pytest
from onnx import helper

from slsc.search.calibration import CALIBRATION_PATCHES, CALIBRATION_SIDE, MOST_PIXELS, calibration_inputs
from slsc.search.inputs import PatchSource


@pytest.fixture
def photos(pairs, io) -> PatchSource:
    return PatchSource(pairs, io)


def deep(build, channels: int, *, whole: bool = False) -> onnx.ModelProto:
    """x2, with a layer that sees a sixteenth of the positions, or one in all."""
    convs = [("image", "head", 3, channels), ("small", "deep", channels, channels), ("large", "tail", channels, 12)]
    shrink = ("GlobalAveragePool", {}) if whole else ("AveragePool", {"kernel_shape": [4, 4], "strides": [4, 4]})
    glue = [
        helper.make_node(shrink[0], ["head"], ["small"], "shrink", **shrink[1]),
        helper.make_node("Add", ["deep", "head"], ["large"], "grow")
        if whole
        else helper.make_node("Resize", ["deep", "", "scales"], ["large"], "grow", mode="nearest"),
        helper.make_node("DepthToSpace", ["tail"], ["restored"], "shuffle", blocksize=2, mode="CRD"),
    ]
    if not whole:
        scales = helper.make_tensor("scales", onnx.TensorProto.FLOAT, [4], [1, 1, 4, 4])
        glue.append(helper.make_node("Constant", [], ["scales"], "scales", value=scales))
    return build(convs, glue, 3)


def test_deep_layers_of_many_channels_get_more_patches(build, photos) -> None:
    counts = []
    for channels in (16, 64, 512):
        x = calibration_inputs(deep(build, channels), photos, 0)
        assert x.shape[1:] == (3, CALIBRATION_SIDE, CALIBRATION_SIDE)
        counts.append(len(x))
    assert counts[0] == CALIBRATION_PATCHES
    assert counts[1] * (CALIBRATION_SIDE // 4) ** 2 // (64 * 9 + 1) in (11, 12)
    assert counts[2] * CALIBRATION_SIDE**2 == MOST_PIXELS


def test_layers_that_see_the_whole_image_ask_for_nothing(build, photos) -> None:
    assert len(calibration_inputs(deep(build, 64, whole=True), photos, 0)) == CALIBRATION_PATCHES
