"""Networks with a trunk, a concatenation and a shared weight."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import numpy_helper, parser

from slsc.search.base import SearchNetwork

TRUNK = """
t (float[n,3,h,w] x) => (float[n,3,h,w] y) {
    head = Conv<pads=[1,1,1,1]>(x, head_w, head_b)
    a = Conv<pads=[1,1,1,1]>(head, a_w, a_b)
    b = Relu(a)
    c = Conv<pads=[1,1,1,1]>(b, c_w, c_b)
    trunk = Add(c, head)
    d = Conv<pads=[1,1,1,1]>(trunk, a_w, a_b)
    both = Concat<axis=1>(trunk, d)
    y = Conv<pads=[1,1,1,1]>(both, y_w, y_b)
}
"""
CHANNELS = 16
SHAPES = {"head": (CHANNELS, 3), "a": (CHANNELS, CHANNELS), "c": (CHANNELS, CHANNELS), "y": (3, 2 * CHANNELS)}


Build = Callable[..., onnx.ModelProto]


@pytest.fixture(scope="session")
def build_model() -> Build:
    """`build_model(text, name=shape, ...)`: a graph in ONNX's text syntax with random initializers of these shapes."""

    def build(text: str, **shapes: tuple[int, ...]) -> onnx.ModelProto:
        rng = np.random.default_rng(0)
        graph = parser.parse_graph(text)
        for name, shape in shapes.items():
            values = rng.standard_normal(shape) / np.sqrt(max(1, np.prod(shape[1:])))
            graph.initializer.append(numpy_helper.from_array(values.astype(np.float32), name))
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model, full_check=True)
        return model

    return build


@pytest.fixture(scope="session")
def trunk(build_model: Build) -> Callable[[], SearchNetwork]:
    """Makes the network of `TRUNK`."""

    def build() -> SearchNetwork:
        weights = {f"{name}_w": (*shape, 3, 3) for name, shape in SHAPES.items()}
        model = build_model(TRUNK, **weights, **{f"{name}_b": shape[:1] for name, shape in SHAPES.items()})
        return SearchNetwork.of(model, (64, 64))

    return build
