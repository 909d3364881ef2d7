"""Colours put out the other way round, turned in the graph: on every backend, and told from it afterwards."""

from __future__ import annotations

import numpy as np
import onnx

from slsc.passes import verify
from slsc.passes.base import PassContext
from slsc.passes.importing.turn_colours import TurnColours, turns_colours
from slsc.passes.lowering import lower
from slsc.passes.pipeline import Pipeline

NETWORK = """<ir_version: 8, opset_import: ["" : 17]>
net (float[1,3,h,w] x) => (float[1,3,h,w] y) { y = Relu(x) }"""


def test_the_channels_of_the_output_are_turned() -> None:
    model = onnx.parser.parse_model(NETWORK)
    made = Pipeline([TurnColours()]).run(model, PassContext()).model
    x = np.random.default_rng(0).random((1, 3, 4, 5), np.float32)
    assert np.array_equal(verify.run(verify.session(made), x), x[:, ::-1])
    assert (turns_colours(made), turns_colours(model)) == (True, False)
    assert lower(made, None)
