"""Model files of every badness: always a ModelError of one line, never protobuf's or ONNX's own."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from slsc.errors import ModelError, SlscError
from slsc.passes.importing import load as load_module
from slsc.passes.importing.binding import Binding
from slsc.passes.importing.import_model import import_model
from slsc.passes.importing.load import load_model

GRAPH = """net (float[n,3,h,w] x) => (float[n,3,h,w] y) {
  a = Conv <pads=[1,1,1,1]> (x, w)
  y = Relu(a)
}"""


@pytest.fixture
def model(build) -> onnx.ModelProto:
    return build(GRAPH, w=(3, 3, 3, 3))


@pytest.fixture
def saved(model, tmp_path):
    """`saved(model, **onnx.save arguments)`: path of a file with the model."""

    def save(changed=model, **options):
        path = tmp_path / "net.onnx"
        onnx.save(changed, path, **options)
        return path

    return save


def refusal(path) -> ModelError:
    with pytest.raises(ModelError) as caught:
        load_model(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
    return caught.value


def test_a_sound_model_is_read_as_it_is(saved, model):
    assert load_model(saved()) == model
    assert load_model(str(saved())) == model


def test_an_output_without_a_shape_is_an_image_of_any_size(saved, model):
    model.graph.output[0].type.tensor_type.ClearField("shape")
    loaded = load_model(saved(model))
    assert [dim.WhichOneof("value") for dim in loaded.graph.output[0].type.tensor_type.shape.dim] == [None] * 4
    assert import_model(loaded).model.graph.output[0].name == "y"


def test_what_is_no_file(tmp_path):
    assert "no such file" in str(refusal(tmp_path / "absent.onnx"))
    assert "folder" in str(refusal(tmp_path))
    empty = tmp_path / "empty.onnx"
    empty.touch()
    assert "empty" in str(refusal(empty))
    os.mkfifo(tmp_path / "pipe.onnx")
    assert "it is a pipe" in str(refusal(tmp_path / "pipe.onnx"))
    assert "it is a device" in str(refusal(Path("/dev/zero")))


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read(saved):
    path = saved()
    path.chmod(0)
    assert "cannot be read" in str(refusal(path))


@pytest.mark.parametrize("data", [b"PK\x03\x04 zip", b"\x89PNG\r\n\x1a\n", b"hello", b"\x00" * 100, b"\x08\x07"])
def test_a_file_of_another_kind(tmp_path, data):
    path = tmp_path / "net.onnx"
    path.write_bytes(data)
    error = refusal(path)
    assert "not an ONNX model" in str(error) and error.hint


@pytest.mark.parametrize(
    ("data", "named", "hint"),
    [
        (b"\n<!DOCTYPE html>\n<html><head><title>GitHub</title>", "a web page", "raw"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 9\n", "a Git LFS pointer", "git lfs pull"),
        (b"ftrt\x00\x00\x00\x00" + bytes(64), "a TensorRT engine", "built from"),
        (b"\x1c\x00\x00\x00TFL3" + bytes(64), "a TensorFlow Lite model", "tf2onnx"),
    ],
)
def test_what_is_often_given_instead_is_named(tmp_path, data, named, hint):
    path = tmp_path / "net.onnx"
    path.write_bytes(data)
    error = refusal(path)
    assert "not an ONNX model" in str(error) and named in error.why and hint in error.hint


@pytest.mark.parametrize("as_zip", [True, False])
def test_a_checkpoint_is_named(tmp_path, as_zip):
    torch = pytest.importorskip("torch")
    path = tmp_path / "net.onnx"
    torch.save({"w": torch.zeros(3)}, path, _use_new_zipfile_serialization=as_zip)
    error = refusal(path)
    assert "a PyTorch checkpoint" in error.why and "torch.onnx.export" in error.hint


def test_weights_without_a_network_are_named(tmp_path):
    path = tmp_path / "net.onnx"
    header = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    assert "safetensors" in refusal(path).why


def test_every_truncation_is_refused(saved):
    path = saved()
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        refusal(path)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_a_changed_byte_is_a_model_or_a_model_error(saved, data):
    path = saved()
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    with contextlib.suppress(ModelError):
        load_model(path)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.binary(min_size=1, max_size=200))
def test_random_bytes_are_refused(tmp_path, content):
    path = tmp_path / "net.onnx"
    path.write_bytes(content)
    refusal(path)


def test_names_that_are_not_text(saved):
    path = saved()
    path.write_bytes(path.read_bytes().replace(b"Relu", b"Re\xccu"))
    assert "UTF-8" in str(refusal(path))


def test_a_file_beyond_the_limit_is_not_read(saved, monkeypatch):
    path = saved()
    monkeypatch.setattr(load_module, "MAX_BYTES", 10)
    assert "bytes" in str(refusal(path))


def test_the_checkers_refusal_is_passed_on(saved, model):
    model.graph.node[0].op_type = "Convolve"
    assert "checker" in str(refusal(saved()))


def with_tensor(model, **fields) -> onnx.ModelProto:
    tensor = model.graph.initializer[0]
    for name, value in fields.items():
        if name == "dims":
            del tensor.dims[:]
            tensor.dims.extend(value)
        else:
            setattr(tensor, name, value)
    return model


@pytest.mark.parametrize("dims", [[3, 3, 3, 4], [2**40, 2**40, 3, 3], [-3, -3, 3, 3], []])
def test_a_shape_that_its_bytes_do_not_fill(saved, model, dims):
    assert "shape" in str(refusal(saved(with_tensor(model, dims=dims))))


def test_tensor_types_no_network_has(saved, model):
    refusal(saved(with_tensor(model, data_type=999)))
    model.graph.initializer[0].CopyFrom(helper.make_tensor("w", TensorProto.STRING, [1], [b"text"]))
    refusal(saved())


@pytest.mark.parametrize("count", [1, 81])
def test_a_tensor_that_holds_its_values_twice(saved, model, count):
    model.graph.initializer[0].float_data.extend([1.0] * count)
    assert "twice" in str(refusal(saved()))


def test_external_data_is_read_in(saved, model):
    path = saved(save_as_external_data=True, size_threshold=0, location="net.data")
    assert len(path.read_bytes()) < 300
    assert load_model(path) == load_model(saved(model))


def external(model, location: str, **fields) -> onnx.ModelProto:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **fields}.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, str(value)
    return model


@pytest.mark.parametrize(
    "location", ["../secret", "/etc/passwd", "a/../../secret", "C:\\secret", "..\\secret", "\\\\host\\share", ""]
)
def test_external_data_outside_the_folder(saved, model, tmp_path, location):
    (tmp_path.parent / "secret").write_bytes(bytes(324))
    assert "outside" in str(refusal(saved(external(model, location))))


def test_external_data_through_a_link_that_leaves_the_folder(saved, model, tmp_path):
    target = tmp_path.parent / "target.bin"
    target.write_bytes(bytes(324))
    (tmp_path / "link.bin").symlink_to(target)
    assert "outside" in str(refusal(saved(external(model, "link.bin"))))


def test_external_data_through_a_hard_link(saved, model, tmp_path):
    (tmp_path / "secret").write_bytes(bytes(324))
    folder = tmp_path / "model"
    folder.mkdir()
    os.link(tmp_path / "secret", folder / "w.bin")
    (folder / "net.onnx").write_bytes(external(model, "w.bin").SerializeToString())
    error = refusal(folder / "net.onnx")
    assert "has other names" in error.what and "copy" in error.hint
    (tmp_path / "secret").unlink()
    load_model(folder / "net.onnx")


def test_a_linked_folder_that_leaves_the_models(saved, model, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "w.bin").write_bytes(bytes(324))
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "data").symlink_to(tmp_path / "elsewhere")
    (folder / "net.onnx").write_bytes(external(model, "data/w.bin").SerializeToString())
    assert "outside the model's folder" in refusal(folder / "net.onnx").what


@pytest.mark.parametrize("key", ["__class__", "basepath", "checksum", "length\0", "_validate", "offset " * 1000])
def test_external_data_with_keys_of_its_own(saved, model, tmp_path, key):
    (tmp_path / "w.bin").write_bytes(bytes(324))
    held = external(model, "w.bin", **{key: str(2**62)})
    loaded = load_model(saved(held))
    assert loaded.graph.initializer[0].raw_data == bytes(324)


def test_a_tensor_in_segments(saved, model):
    model.graph.initializer[0].segment.end = 2**62
    assert "in segments" in refusal(saved(model)).what


@pytest.mark.parametrize("location", ["a\0b", "a" * 5000, "a/" * 5000 + "b", "loop.bin"])
def test_external_data_under_a_name_no_file_can_have(saved, model, tmp_path, location):
    (tmp_path / "loop.bin").symlink_to(tmp_path / "loop.bin")
    assert len(str(refusal(saved(external(model, location)))).replace(str(tmp_path), "")) < 300


def test_external_data_whose_name_is_no_text(saved, model):
    path = saved(external(model, "weights.bin"))
    path.write_bytes(path.read_bytes().replace(b"weights", b"weigh\xcc\xcc"))
    assert "UTF-8" in str(refusal(path))


def test_external_data_of_a_function_is_checked_and_read_in(saved, model, tmp_path):
    weight = model.graph.initializer.pop()
    constant = helper.make_node("Constant", [], ["w"], value=weight)
    nodes = [constant, helper.make_node("Conv", ["a", "w"], ["b"], pads=[1] * 4)]
    model.functions.append(helper.make_function("f", "Block", ["a"], ["b"], nodes, [helper.make_opsetid("", 17)]))
    model.opset_import.append(helper.make_opsetid("f", 1))
    model.graph.node[0].CopyFrom(helper.make_node("Block", ["x"], ["a"], domain="f"))
    (tmp_path / "w.bin").write_bytes(weight.raw_data)
    held = model.functions[0].node[0].attribute[0].t
    held.ClearField("raw_data")
    held.data_location = TensorProto.EXTERNAL
    location = held.external_data.add(key="location", value="w.bin")
    assert load_model(saved()).functions[0].node[0].attribute[0].t.raw_data == weight.raw_data
    location.value = "../w.bin"
    assert "outside" in str(refusal(saved()))


@pytest.mark.parametrize("kind", [65536, 255, -1])
def test_a_type_that_there_is_none_of(build, saved, kind):
    """A node that makes one, and an image of one."""
    cast = build("net (float[n,3,h,w] x) => (float[n,3,h,w] y) { y = Cast <to=1> (x) }")
    cast.graph.node[0].attribute[0].i = kind
    assert f"number {kind}" in str(refusal(saved(cast)))
    image = build("net (float[n,3,h,w] x) => (float[n,3,h,w] y) { y = Relu(x) }")
    image.graph.input[0].type.tensor_type.elem_type = max(kind, 0) or 255
    for extra in ((), (0.1,)):
        with pytest.raises(SlscError):
            import_model(load_model(saved(image), Binding(extra_channels=extra)))


def test_hostile_files_of_the_pack(cases_dir):
    assert "a\\x00b" in str(refusal(cases_dir / "hostile" / "ext_nul.onnx"))
    assert r"F\x1b[2J" in str(refusal(cases_dir / "hostile" / "control_chars_in_op_type.onnx"))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [({}, "missing"), ({"offset": 9}, "too short"), ({"length": 10**15}, "too short"), ({"offset": -1}, "too short"),
     ({"length": "many"}, "no number")],
)  # fmt: skip
def test_external_data_that_is_not_there(saved, model, tmp_path, fields, reason):
    path = saved(external(model, "w.bin", **fields))
    if fields:
        (tmp_path / "w.bin").write_bytes(bytes(8))
    assert reason in str(refusal(path))


def test_external_data_that_does_not_fill_the_tensor(saved, model, tmp_path):
    (tmp_path / "w.bin").write_bytes(bytes(8))
    assert "shape" in str(refusal(saved(external(model, "w.bin"))))


def test_two_images_in_are_told_apart_by_nobody(build, saved):
    text = "net (float[n,3,h,w] x, float[n,3,h,w] z) => (float[n,3,h,w] y) { y = Add(x, z) }"
    assert "not clear which input is the image" in str(refusal(saved(build(text))))


def test_an_initializer_that_is_also_an_input_is_no_second_input(build, saved):
    text = "net (float[n,3,h,w] x, float[3,3,3,3] w) => (float[n,3,h,w] y) { y = Conv <pads=[1,1,1,1]> (x, w) }"
    assert load_model(saved(build(text, w=(3, 3, 3, 3))))


def test_half_precision_is_kept(build, saved):
    text = "net (float16[n,3,h,w] x) => (float16[n,3,h,w] y) { y = Conv <pads=[1,1,1,1]> (x, w) }"
    loaded = load_model(saved(build(text, w=np.zeros((3, 3, 3, 3), np.float16))))
    assert numpy_helper.to_array(loaded.graph.initializer[0]).dtype == np.float16


def test_weights_of_four_bits_are_named(build, saved):
    text = "net (float[n,3,h,w] x) => (float[n,3,h,w] y) { d = DequantizeLinear(q, s) y = Conv (x, d) }"
    model = build(text, opset=21, ir_version=10, s=np.float32(0.1), q=np.zeros((3, 3, 1, 1), np.int8))
    four = helper.make_tensor("q", TensorProto.INT4, [3, 3, 1, 1], [0] * 9)
    next(tensor for tensor in model.graph.initializer if tensor.name == "q").CopyFrom(four)
    error = refusal(saved(model))
    assert "int4" in error.what and error.where.endswith("q") and "8 bits" in error.hint
