"""A small residual upscaler with random weights, and photos to search it on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from slsc.data.calibration import calibration_photos
from slsc.data.degradations import bicubic_pair
from slsc.data.patches import Pair
from slsc.progress import StageProgress
from slsc.runtime.bundle.manifest import ImageIO
from slsc.runtime.bundle.value_range import UNIT
from slsc.search.base import SearchNetwork

CHANNELS = 16
CONV = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}

Conv = tuple[str, str, int, int]
"""(input, output, input channels, output channels)."""


def _network_of(convs: list[Conv], glue: list[onnx.NodeProto], channels: int) -> onnx.ModelProto:
    rng = np.random.default_rng(0)
    nodes, held = [], []
    for source, name, inputs, outputs in convs:
        scale = 1 / np.sqrt(inputs * 9)
        for suffix, shape in (("weight", (outputs, inputs, 3, 3)), ("bias", (outputs,))):
            values = (rng.standard_normal(shape) * scale).astype(np.float32)
            held.append(numpy_helper.from_array(values, f"{name}.{suffix}"))
        nodes.append(helper.make_node("Conv", [source, f"{name}.weight", f"{name}.bias"], [name], name, **CONV))
    order = {name: index for index, (_, name, _, _) in enumerate(convs)}
    placed = sorted(nodes + glue, key=lambda node: _level(node, nodes + glue, order))
    image = [helper.make_tensor_value_info(n, 1, [None, channels, None, None]) for n in ("image", "restored")]
    graph = helper.make_graph(placed, "upscaler", image[:1], image[1:], held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def _level(node: onnx.NodeProto, nodes: list[onnx.NodeProto], order: dict[str, int]) -> int:
    makers = {output: other for other in nodes for output in other.output}
    return 1 + max((_level(makers[name], nodes, order) for name in node.input if name in makers), default=0)


@pytest.fixture(scope="session")
def upscaler() -> onnx.ModelProto:
    """x2, RGB 0..1: head, one residual block, tail with pixel shuffle."""
    convs = [
        ("image", "head", 3, CHANNELS),
        ("head", "first", CHANNELS, CHANNELS),
        ("active", "second", CHANNELS, CHANNELS),
        ("sum", "tail", CHANNELS, 12),
    ]
    glue = [
        helper.make_node("Relu", ["first"], ["active"], "relu"),
        helper.make_node("Add", ["second", "head"], ["sum"], "add"),
        helper.make_node("DepthToSpace", ["tail"], ["restored"], "shuffle", blocksize=2, mode="CRD"),
    ]
    return _network_of(convs, glue, 3)


@pytest.fixture(scope="session")
def network(upscaler: onnx.ModelProto) -> SearchNetwork:
    return SearchNetwork.of(upscaler, (64, 64))


@pytest.fixture(scope="session")
def io() -> ImageIO:
    return ImageIO(3, "RGB", UNIT, UNIT, "image", "restored", 2, "sr")


@pytest.fixture(scope="session")
def pairs() -> list[Pair]:
    return [bicubic_pair(photo[:160, :200], 2) for photo in calibration_photos(None, 3, 0)]


@pytest.fixture
def silent() -> StageProgress:
    return lambda stage, done, total: None


@pytest.fixture(scope="session")
def build() -> Callable[[list[Conv], list[onnx.NodeProto], int], onnx.ModelProto]:
    """Makes a network of 3x3 convolutions and other nodes: (convs, glue nodes, image channels)."""
    return _network_of
