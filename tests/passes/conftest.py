"""Small graphs written as text, with their weights filled in."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper, parser

from slsc.passes.base import PassContext, PassResult
from slsc.passes.pipeline import Pipeline

Build = Callable[..., onnx.ModelProto]


@pytest.fixture(scope="session")
def build() -> Build:
    """`build(text, name=array or shape, ...)`: the checked model of a graph in ONNX's text syntax.

    A shape given for a name stands for a random float32 initializer, reproducible by its name.
    """

    def make(text: str, opset: int = 17, ir_version: int = 8, **values) -> onnx.ModelProto:
        graph = parser.parse_graph(text)
        for name, value in values.items():
            if isinstance(value, tuple):
                rng = np.random.default_rng(sum(map(ord, name)))
                value = (rng.standard_normal(value) * (2 / max(1, np.prod(value[1:]))) ** 0.5).astype(np.float32)
            graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir_version)
        onnx.checker.check_model(model)
        return model

    return make


@pytest.fixture(scope="session")
def image() -> Callable[..., np.ndarray]:
    """`image(h, w, c=3, n=1)`: a reproducible random NCHW float32 batch in 0..1."""

    def make(height: int, width: int, channels: int = 3, batch: int = 1) -> np.ndarray:
        return np.random.default_rng(height * 1000 + width).random((batch, channels, height, width), np.float32)

    return make


@pytest.fixture(scope="session")
def proven(image) -> Callable[..., PassResult]:
    """`proven(model, *passes)`: a pipeline's result, run before and after every pass; a second time changes nothing."""

    def run(model, *passes, size=(20, 24)) -> PassResult:
        result = Pipeline(passes).run(model, PassContext((image(*size),)))
        onnx.checker.check_model(result.model, full_check=True)
        again = Pipeline(passes).run(result.model, PassContext())
        assert not again.modified and again.model == result.model
        return result

    return run


@pytest.fixture(scope="session")
def random_graph() -> Callable[..., Any]:
    """`random_graph(draw).model()` of random_graph.py: a network as hypothesis draws it."""
    spec = importlib.util.spec_from_file_location("random_graph", Path(__file__).parent / "random_graph.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Graph  # type: ignore[no-any-return]
