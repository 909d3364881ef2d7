"""A network is evaluated as its file says, roundings of its activations included."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper, parser

from slsc.networks.restorer import open_restorer
from slsc.probe import Form, Known
from slsc.runtime.bundle.value_range import UNIT

STEP = 51
"""Of 255, between the levels that the network knows."""

BODY = """q = QuantizeLinear(x, step, zero) d = DequantizeLinear(q, step, zero) y = Conv(d, same)"""


def write(path: Path, shape: str) -> Path:
    """A network that rounds its image to six levels, which its import takes for the identity."""
    text = f'<ir_version: 8, opset_import: ["" : 17]> net (float[{shape}] x) => (float[{shape}] y) {{ {BODY} }}'
    model = parser.parse_model(text)
    values = {"step": np.float32(STEP / 255), "zero": np.uint8(0), "same": np.eye(3, dtype=np.float32)[..., None, None]}
    model.graph.initializer.extend(numpy_helper.from_array(np.asarray(value), name) for name, value in values.items())
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("shape", ["1,3,h,w", "1,3,16,16"])
def test_activations_are_rounded_as_the_file_says(tmp_path: Path, shape: str) -> None:
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    known = Known(input=UNIT, output=UNIT, form=Form.PICTURE)
    restorer = open_restorer(write(tmp_path / "net.onnx", shape), known=known)
    made = restorer.restore(image)
    restorer.close()
    np.testing.assert_array_equal(made, np.rint(image / STEP) * STEP)
