from __future__ import annotations

import numpy as np
import pytest

from slsc.errors import ModelError


@pytest.mark.parametrize("real", [1, 2])
@pytest.mark.parametrize(
    "attributes", [{"axis": 2}, {"axis": 1, "inverse": 1}, {"axis": 3, "onesided": 1}], ids=["there", "back", "half"]
)
def test_a_transform_along_one_axis(op_model, assert_agrees, random, real, attributes) -> None:
    if attributes.get("onesided") and real == 2:
        pytest.skip("half a spectrum is of real numbers")
    assert_agrees(op_model("DFT", None, opset=17, **attributes), random(1, 3, 6, 8, real))


@pytest.mark.parametrize("length", [5, 8, 12])
def test_its_length_and_since_operator_set_20_its_axis_are_inputs(op_model, assert_agrees, random, length) -> None:
    assert_agrees(op_model("DFT", np.int64(length), np.int64(-3), opset=20), random(1, 3, 8, 6, 2))
    assert_agrees(op_model("DFT", opset=20), random(1, 3, 8, 6, 1))


def test_half_a_spectrum_is_not_taken_back(op_model, assert_agrees, random) -> None:
    with pytest.raises(ModelError, match="half a spectrum"):
        assert_agrees(op_model("DFT", opset=20, onesided=1, inverse=1), random(1, 3, 8, 6, 2))
