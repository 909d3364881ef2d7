from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from slsc.errors import ModelError
from slsc.onnx_torch import OnnxModule
from slsc.passes.importing.load import load_model


@pytest.fixture
def every_place(model_of: Any, random: Any) -> onnx.ModelProto:
    """Weights as raw bytes, as a float list, as float16 behind a Cast, in Constant nodes of two kinds."""
    nodes = [
        helper.make_node("Constant", [], ["inline"], value=numpy_helper.from_array(random(3, 3, 1, 1))),
        helper.make_node("Constant", [], ["slope"], value_floats=[0.1, 0.2, 0.3]),
        helper.make_node("Constant", [], ["shape"], value_ints=[3, 1, 1]),
        helper.make_node("Conv", ["x", "raw", "listed"], ["a"], pads=[1] * 4),
        helper.make_node("Conv", ["a", "inline"], ["b"]),
        helper.make_node("Reshape", ["slope", "shape"], ["slopes"]),
        helper.make_node("PRelu", ["b", "slopes"], ["c"]),
        helper.make_node("Cast", ["half"], ["wide"], to=1),
        helper.make_node("Mul", ["c", "wide"], ["d"]),
        helper.make_node("Mul", ["d", "number"], ["y"]),
    ]
    constants = {"raw": random(3, 3, 3, 3), "half": random(3, 1, 1).astype(np.float16), "number": np.float32(0.5)}
    model = model_of(nodes, constants)
    listed = helper.make_tensor("listed", TensorProto.FLOAT, [3], [1.0, 2.0, 3.0])
    listed.doc_string = "kept"
    model.graph.initializer.append(listed)
    model.producer_name, model.doc_string = "someone", "about"
    helper.set_model_props(model, {"key": "value"})
    return model


def test_unchanged_parameters_give_the_same_bytes(every_place: onnx.ModelProto) -> None:
    module = OnnxModule(every_place)
    assert set(module.parameter_names()) == {"raw", "listed", "inline", "slope", "half"}
    assert module.write_back(every_place).SerializeToString() == every_place.SerializeToString()


def test_only_the_weights_change(every_place: onnx.ModelProto, assert_agrees: Any, random: Any) -> None:
    module, x = OnnxModule(every_place), random(1, 3, 5, 5)
    original = every_place.SerializeToString()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(1.5)
    written = module.write_back(every_place)
    assert every_place.SerializeToString() == original
    assert_agrees(written, x)
    with torch.no_grad():
        want, found = module(torch.from_numpy(x)), OnnxModule(written)(torch.from_numpy(x))
    assert torch.allclose(want, found, rtol=2e-3)  # one weight was rounded to float16
    types = {
        tensor.name: (tensor.data_type, list(tensor.dims), tensor.doc_string) for tensor in written.graph.initializer
    }
    assert types == {t.name: (t.data_type, list(t.dims), t.doc_string) for t in every_place.graph.initializer}
    for model in (written, every_place):
        del model.graph.initializer[:]
        for node in model.graph.node:
            if node.op_type == "Constant" and node.output[0] != "shape":
                del node.attribute[:]
    assert written.SerializeToString() == every_place.SerializeToString()


def test_float16_is_rounded_to_nearest(every_place: onnx.ModelProto) -> None:
    module = OnnxModule(every_place)
    values = np.array([1 + 2**-12, 1 + 3 * 2**-12, -3.14159], np.float32).reshape(3, 1, 1)
    module.parameter("half").data.copy_(torch.from_numpy(values))
    written = {tensor.name: tensor for tensor in module.write_back(every_place).graph.initializer}["half"]
    assert written.data_type == TensorProto.FLOAT16
    np.testing.assert_array_equal(numpy_helper.to_array(written), values.astype(np.float16))


def test_a_value_too_large_for_float16_is_refused(every_place: onnx.ModelProto) -> None:
    module = OnnxModule(every_place)
    module.parameter("half").data.fill_(1e6)
    with pytest.raises(ModelError, match=r"half.*too large"):
        module.write_back(every_place)


def test_another_graph_is_refused(every_place: onnx.ModelProto) -> None:
    module = OnnxModule(every_place)
    del every_place.graph.initializer[0]
    with pytest.raises(ModelError, match=r"raw.*no such weight"):
        module.write_back(every_place)


def test_external_data_once_loaded_is_written_inside(every_place: onnx.ModelProto, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    every_place.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, "h", "w"]))
    original = OnnxModule(every_place)
    every_place.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, "h", "w"]))
    onnx.save(every_place, path, save_as_external_data=True, size_threshold=0)
    with pytest.raises(ModelError, match="external data"):
        OnnxModule(onnx.load(path, load_external_data=False))
    loaded = load_model(path)
    module = OnnxModule(loaded)
    assert torch.equal(module.parameter("raw"), original.parameter("raw"))
    module.parameter("raw").data.mul_(2)
    written = {t.name: t for t in module.write_back(loaded).graph.initializer}["raw"]
    np.testing.assert_array_equal(numpy_helper.to_array(written), 2 * original.parameter("raw").detach().numpy())


def test_sparse_initializers_are_refused(every_place: onnx.ModelProto) -> None:
    values = helper.make_tensor("sparse", TensorProto.FLOAT, [1], [1.0])
    indices = helper.make_tensor("places", TensorProto.INT64, [1], [0])
    every_place.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [4]))
    with pytest.raises(ModelError, match="sparse"):
        OnnxModule(every_place)
