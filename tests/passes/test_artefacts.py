"""Every backend's kind of artefact can be made of a network."""

from __future__ import annotations

import onnx
import pytest

from slsc.errors import ModelError
from slsc.passes.artefacts import FORMS
from slsc.runtime.backends import BACKENDS

GRAPH = "net (float[n,3,h,w] x) => (float[n,3,h,w] y) { y = Conv (x, weight) }"


@pytest.mark.parametrize("name", BACKENDS)
def test_what_a_backend_loads_can_be_made(build, name: str) -> None:
    model = build(GRAPH, weight=(3, 3, 1, 1))
    backend = BACKENDS[name](1)
    data = FORMS[backend.kind].build(model, None)
    assert data == FORMS[backend.kind].build(model, None), "the same input gives the same bytes"
    if backend.available() is None:
        backend.load(data).close()


def test_the_onnx_form_is_the_model(build) -> None:
    model = build(GRAPH, weight=(3, 3, 1, 1))
    assert onnx.load_model_from_string(FORMS["onnx"].build(model, None)) == model


def test_a_refusal_names_the_node(build) -> None:
    model = build("net (float[n,3,h,w] x) => (float[n,3,h,w] y) { y = Cos (x) }")
    with pytest.raises(ModelError, match="Cos"):
        FORMS["native"].build(model, None)
