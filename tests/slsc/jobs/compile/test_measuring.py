"""Quality on held-out photos, and tile geometry of whole models."""

from __future__ import annotations

import math

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from slsc.errors import VerificationError
from slsc.jobs.compile.measuring import HeldOut, measure_tiles
from slsc.runtime.bundle.manifest import ImageIO
from slsc.runtime.bundle.value_range import ValueRange

LEVELS = ValueRange.uniform(0, 255)
IO = ImageIO(3, "RGB", LEVELS, LEVELS, "x", "y", 1, "restore")
PHOTO = np.random.default_rng(0).integers(60, 190, (70, 90, 3), np.uint8)


def shifted(offset: float, kernel: int = 1, size: tuple[object, object] = ("h", "w")) -> onnx.ModelProto:
    """The mean over `kernel` x `kernel` pixels of each channel, plus `offset`."""
    weight = np.zeros((3, 3, kernel, kernel), np.float32)
    weight[range(3), range(3)] = 1 / kernel**2
    held = [numpy_helper.from_array(weight, "w"), numpy_helper.from_array(np.full(3, offset, np.float32), "b")]
    node = helper.make_node("Conv", ["x", "w", "b"], ["y"], pads=[kernel // 2] * 4)
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, *size]) for name in "xy")
    graph = helper.make_graph([node], "net", [x], [y], held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_quality_against_the_dense_network_and_the_truth():
    held_out = HeldOut(shifted(0), IO, [(PHOTO, PHOTO)], truth=True)
    found = held_out.quality(shifted(2.55))
    assert found.psnr_to_dense == pytest.approx(40, abs=0.01)
    assert found.max_abs_to_dense == pytest.approx(0.01, abs=1e-4)
    # 2.55 rounds to 3 levels; restoration is measured on all channels.
    assert found.psnr == pytest.approx(20 * math.log10(255 / 3), abs=0.02)
    assert found.to_dict()["psnr_rgb"] == found.psnr
    assert held_out.dense_quality().psnr == math.inf


def test_without_truth_there_is_no_psnr_to_it_and_infinities_stay_out_of_the_manifest():
    same = HeldOut(shifted(0), IO, [(PHOTO, PHOTO)], truth=False).quality(shifted(0))
    assert same.psnr is None and same.psnr_to_dense == math.inf
    assert same.to_dict() == {"max_abs_to_dense": 0.0}


def test_a_network_of_another_scale_is_refused():
    with pytest.raises(VerificationError, match="differ in size"):
        HeldOut(shifted(0), IO, [(PHOTO, PHOTO)], truth=False).quality(shifted(0, kernel=2))


def test_tiles_of_a_convolution_overlap_by_its_reach():
    tile = measure_tiles([shifted(0, kernel=7)], IO, [(PHOTO, PHOTO)])
    assert (tile.halo, tile.receptive_field, tile.exact, tile.align) == (3, 3, True, 1)
    assert tile.bound < 1e-6


def test_tiles_of_a_network_of_one_size_are_measured_between_windows():
    fixed = ImageIO(3, "RGB", LEVELS, LEVELS, "x", "y", 1, "restore", fixed_hw=(40, 48))
    tile = measure_tiles([shifted(0, kernel=7, size=(40, 48))], fixed, [(PHOTO, PHOTO)])
    assert tile.halo == 3 and not tile.exact and "40x48" in tile.exact_reason
