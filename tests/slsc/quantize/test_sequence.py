"""A network quantized front to back."""

from __future__ import annotations

import numpy as np
import onnx.parser
import torch
from onnx import numpy_helper

from slsc.onnx_torch import OnnxModule
from slsc.quantize.activations import Quantizer
from slsc.quantize.calibration import Calibration
from slsc.quantize.sequence import quantize_in_sequence

CHOSEN = ("u", "v")


def module() -> OnnxModule:
    graph = (
        "net (float[n,4,h,w] x) => (float[n,4,h,w] y) { a = Conv <pads=[1,1,1,1]> (x, u) r = Relu (a) y = Conv (r, v) }"
    )
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]> {graph}')
    rng = np.random.default_rng(0)
    for name, shape in {"u": (8, 4, 3, 3), "v": (4, 8, 1, 1)}.items():
        model.graph.initializer.append(numpy_helper.from_array(rng.standard_normal(shape).astype(np.float32), name))
    return OnnxModule(model)


def test_drawn_pictures_count_for_ranges_alone() -> None:
    photos = torch.from_numpy(np.random.default_rng(1).random((4, 4, 24, 24), np.float32))
    alone, along = Calibration(photos, 4), Calibration(torch.cat([photos, 9 * photos[:2]]), 4)
    plain, wider = (quantize_in_sequence(module(), each, CHOSEN, False, 0, lambda *_: None) for each in (alone, along))
    assert all(wider.grids[name].bounds[1] > grid.bounds[1] for name, grid in plain.grids.items())
    known = {
        name: Quantizer(grid, torch.from_numpy(plain.factors[name]) if name in plain.factors else None)
        for name, grid in plain.grids.items()
    }
    again = quantize_in_sequence(module(), along, CHOSEN, False, 0, lambda *_: None, known)
    for name in CHOSEN:
        assert np.array_equal(again.weights[name].integers, plain.weights[name].integers)
