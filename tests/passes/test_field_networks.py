"""Networks in the forms exporters give them: imported, they compute what ONNX Runtime makes of the file, and lower."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.capi.onnxruntime_pybind11_state import NotImplemented as NoKernel
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from slsc.errors import ModelError
from slsc.metrics.psnr import psnr_to
from slsc.passes import verify
from slsc.passes.base import copy_of
from slsc.passes.graph import declared_shape, initializers
from slsc.passes.importing.import_model import Imported, import_model
from slsc.passes.importing.load import load_model
from slsc.passes.lowering import lower
from slsc.runtime.backends.native import NativeRunner

HW = (20, 28)

SR = """a = Conv <pads=[1,1,1,1]> (IN, head, c)
  b = Relu(a)
  d = Conv <pads=[1,1,1,1]> (b, tail)
  e = DepthToSpace <blocksize=2, mode="CRD"> (d)
  f = Resize <mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"> (IN, , twice)
  OUT = Add(e, f)"""
SR_WEIGHTS = {"head": (8, 3, 3, 3), "c": (8,), "tail": (12, 8, 3, 3), "twice": np.array([1, 1, 2, 2], np.float32)}
DN = """a = Conv <pads=[1,1,1,1]> (IN, head, c)
  b = LeakyRelu <alpha=0.1> (a)
  d = Conv <pads=[1,1,1,1]> (b, tail)
  OUT = Sub(IN, d)"""
DN_WEIGHTS = {"head": (8, 3, 3, 3), "c": (8,), "tail": (3, 8, 3, 3)}
NETWORKS = {"sr": (SR, SR_WEIGHTS), "dn": (DN, DN_WEIGHTS)}


@pytest.fixture(params=NETWORKS)
def body(request) -> tuple[str, dict]:
    return NETWORKS[request.param]


def picture(high: int = 255, channels: int = 3, seed: int = 0, hw: tuple[int, int] = HW) -> np.ndarray:
    """A whole-numbered image with smooth parts and detail, N, C, H, W."""
    random = np.random.default_rng(seed)
    rough = random.integers(0, high + 1, (1, channels, -(-hw[0] // 4), -(-hw[1] // 4)))
    smooth = np.kron(rough, np.ones((1, 1, 4, 4)))[:, :, : hw[0], : hw[1]]
    return np.rint(smooth * 0.8 + random.integers(0, high // 5, smooth.shape))


def run_file(model: onnx.ModelProto, image: np.ndarray) -> np.ndarray:
    """What ONNX Runtime makes of an image in the file's own layout and type."""
    options = onnxruntime.SessionOptions()
    # Without VNNI it else adds two products of bytes in 16 bits, which overflow where activations are uint8.
    options.add_session_config_entry("session.x64quantprecision", "1")
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    except NoKernel:  # it rewrites QLinearConv of int8 to what it has no kernel for
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: image})[0]


def last(image: np.ndarray) -> np.ndarray:
    return image.transpose(0, 2, 3, 1)


def first(image: np.ndarray) -> np.ndarray:
    return image.transpose(0, 3, 1, 2)


def restored(model: onnx.ModelProto, image: np.ndarray) -> np.ndarray:
    """The imported network's output, the same in ONNX Runtime and natively; it holds no Transpose."""
    assert "Transpose" not in {node.op_type for node in model.graph.node}, [n.op_type for n in model.graph.node]
    image = image.astype(np.float32)
    found = verify.run(verify.session(model), image)
    native = NativeRunner(lower(model, None), 1).run(image)
    assert psnr_to(found, native) > 90
    return found


def require_same(model: onnx.ModelProto, given: np.ndarray, expected: np.ndarray, tolerance: float = 1e-5) -> Imported:
    """An imported network gives `expected` for `given`, both N, C, H, W."""
    imported = import_model(model)
    found = restored(imported.model, given)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= tolerance * np.ptp(expected)
    return imported


# Channels last


KERAS = {
    "sr": """i = Mul(x, scale)
  p = Transpose <perm=[0,3,1,2]> (i) a = Conv <pads=[1,1,1,1]> (p, head) q = Transpose <perm=[0,2,3,1]> (a)
  r = Add(q, c) s = Relu(r)
  t = Transpose <perm=[0,3,1,2]> (s) d = Conv <pads=[1,1,1,1]> (t, tail) u = Transpose <perm=[0,2,3,1]> (d)
  SHUFFLE
  f = Resize <mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"> (i, , twice)
  g = Add(e, f)
  k = Mul(g, white) y = Clip(k, low, high)""",
    "dn": """i = Sub(x, mean)
  p = Transpose <perm=[0,3,1,2]> (i) a = Conv <pads=[1,1,1,1]> (p, head) q = Transpose <perm=[0,2,3,1]> (a)
  r = Add(q, c) s = PRelu(r, slope)
  m = ReduceMean <axes=[1,2], keepdims=1> (s) w = Sigmoid(m) v = Mul(s, w)
  z = Concat <axis=-1> (v, i)
  t = Transpose <perm=[0,3,1,2]> (z) d = Conv <pads=[1,1,1,1]> (t, tail) u = Transpose <perm=[0,2,3,1]> (d)
  g = Add(u, mean) y = Sub(x, g)""",
}
SHUFFLES = {
    "DepthToSpace": """h = Transpose <perm=[0,3,1,2]> (u) j = DepthToSpace <blocksize=2, mode="DCR"> (h)
  e = Transpose <perm=[0,2,3,1]> (j)""",
    "reshapes": "h = Reshape(u, six) j = Transpose <perm=[0,1,3,2,4,5]> (h) e = Reshape(j, four)",
}


@pytest.mark.parametrize("shuffle", SHUFFLES)
@pytest.mark.parametrize("batch", ["n", "1"])
def test_a_keras_super_resolution_network(build, shuffle, batch):
    if shuffle == "reshapes":
        height, width = map(str, HW)
        body = KERAS["sr"].replace("SHUFFLE", SHUFFLES[shuffle])
        shapes = {"six": np.array([-1, *HW, 2, 2, 3]), "four": np.array([-1, HW[0] * 2, HW[1] * 2, 3])}
    else:
        height, width = "h", "w"
        body, shapes = KERAS["sr"].replace("SHUFFLE", SHUFFLES[shuffle]), {}
    values = {
        **{"head": (8, 3, 3, 3), "c": (8,), "tail": (12, 8, 3, 3), "twice": np.array([1, 2, 2, 1], np.float32)},
        **{"scale": np.float32(1 / 255), "white": np.full((1, 1, 1, 3), 255, np.float32)},
        **{"low": np.float32(0), "high": np.float32(255), **shapes},
    }
    model = build(f"net (float[{batch},{height},{width},3] x) => (float[{batch},H,W,3] y) {{ {body} }}", **values)
    given = picture()
    expected = first(run_file(model, last(given).astype(np.float32)))
    imported = require_same(model, given, expected)
    assert declared_shape(imported.model, "x")[1:] == (3, None, None)


def test_a_keras_denoiser(build):
    values = {"head": (8, 3, 3, 3), "c": (8,), "slope": (1, 1, 8), "tail": (3, 11, 3, 3), "mean": (3,)}
    model = build(f"net (float[n,h,w,3] x) => (float[n,h,w,3] y) {{ {KERAS['dn']} }}", **values)
    given = picture() / 255
    require_same(model, given, first(run_file(model, last(given).astype(np.float32))))


@pytest.mark.parametrize("ends", ["float[n,h,w,3] x", "float[n,h,w,ch] x", "float[1,20,28,3] x"])
@pytest.mark.parametrize("out", [True, False])
def test_channels_last_at_the_ends(build, body, ends, out):
    text, values = body
    text = text.replace("IN", "i").replace("OUT", "o")
    close, shape = ("y = Transpose <perm=[0,2,3,1]> (o)", "N,H,W,C") if out else ("y = Identity(o)", "N,3,H,W")
    model = build(
        f"net ({ends}) => (float[{shape}] y) {{ i = Transpose <perm=[0,3,1,2]> (x) {text} {close} }}", **values
    )
    given = picture() / 255
    expected = run_file(model, last(given).astype(np.float32))
    require_same(model, given, first(expected) if out else expected)


@pytest.mark.parametrize("fixed", [True, False])
def test_a_single_channel_whose_transposes_are_reshapes(build, fixed):
    """So exporters write them: no value moves."""
    start = "i = Reshape(x, there)"
    if not fixed:
        start = """s = Shape(x) m = Gather <axis=0> (s, zero) hw = Slice(s, one, three)
          there = Concat <axis=0> (m, one, hw) i = Reshape(x, there)"""
    text = f"""{start} a = Conv <pads=[1,1,1,1]> (i, head) b = Relu(a)
      o = Conv <pads=[1,1,1,1]> (b, tail) y = Transpose <perm=[0,2,3,1]> (o)"""
    values = {"head": (4, 1, 3, 3), "tail": (1, 4, 3, 3)}
    values |= {"there": np.array([1, 1, *HW])} if fixed else {}
    values |= {} if fixed else {"zero": np.array([0]), "one": np.array([1]), "three": np.array([3])}
    shape = "1,20,28,1" if fixed else "n,h,w,1"
    model = build(f"net (float[{shape}] x) => (float[N,H,W,1] y) {{ {text} }}", **values)
    given = picture(channels=1) / 255
    require_same(model, given, first(run_file(model, last(given).astype(np.float32))))


def test_a_matrix_that_multiplies_the_channels(build):
    text = """p = MatMul(x, dense) q = Add(p, c) r = Relu(q)
      t = Transpose <perm=[0,3,1,2]> (r) d = Conv <pads=[1,1,1,1]> (t, tail) y = Transpose <perm=[0,2,3,1]> (d)"""
    model = build(f"net (float[n,h,w,3] x) => (float[n,h,w,3] y) {{ {text} }}", dense=(3, 8), c=(8,), tail=(3, 8, 3, 3))
    given = picture() / 255
    require_same(model, given, first(run_file(model, last(given).astype(np.float32))))


# Element types


def in_type(model: onnx.ModelProto, kind: int) -> onnx.ModelProto:
    """A float32 network with everything in another type of floats."""
    changed = copy_of(model)
    for tensor in changed.graph.initializer:
        if tensor.name != "twice":
            values = numpy_helper.to_array(tensor).astype(helper.tensor_dtype_to_np_dtype(kind))
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    for value in (*changed.graph.input, *changed.graph.output):
        value.type.tensor_type.elem_type = kind
    return changed


PLAIN = "net (float[n,3,h,w] x) => (float[n,3,H,W] y)"


def plain(build, body: tuple[str, dict]) -> onnx.ModelProto:
    text, values = body
    return build(f"{PLAIN} {{ {text.replace('IN', 'x').replace('OUT', 'y')} }}", **values)


@pytest.mark.parametrize("high", [1, 255])
def test_half_precision(build, body, high):
    model = in_type(plain(build, body), TensorProto.FLOAT16)
    given = (picture() * (high / 255)).astype(np.float16)
    imported = require_same(model, given, run_file(model, given).astype(np.float32), 1e-2)
    assert {value.dtype for value in initializers(imported.model).values()} == {np.dtype(np.float32)}
    assert (imported.input_range, imported.output_range) == (None, None)


@pytest.mark.parametrize("kind", [TensorProto.BFLOAT16, TensorProto.DOUBLE])
def test_floats_that_onnx_runtime_has_no_convolution_for(build, body, kind):
    model = plain(build, body)
    rounded = copy_of(model)
    for tensor in rounded.graph.initializer:
        values = numpy_helper.to_array(tensor).astype(helper.tensor_dtype_to_np_dtype(kind)).astype(np.float32)
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    given = (picture() / 255).astype(np.float32)
    require_same(in_type(model, kind), given, run_file(rounded, given))


def test_half_precision_between_casts(build, body):
    text, values = body
    text = text.replace("IN", "i").replace("OUT", "o")
    values = {
        k: v if k == "twice" else np.random.default_rng(1).normal(0, 0.2, v).astype(np.float16)
        for k, v in values.items()
    }
    model = build(f"{PLAIN} {{ i = Cast <to=10> (x) {text} y = Cast <to=1> (o) }}", **values)
    given = (picture() / 255).astype(np.float32)
    imported = require_same(model, given, run_file(model, given), 1e-2)
    assert "Cast" not in {node.op_type for node in imported.model.graph.node}


ENDINGS = {
    "Round": "q = Clip(o, low, high) r = Round(q) y = Cast <to=2> (r)",
    "Round, then Clip": "q = Round(o) r = Clip(q, low, high) y = Cast <to=2> (r)",
    "Cast alone": "q = Clip(o, low, high) y = Cast <to=2> (q)",
    "half more, then Cast": "q = Add(o, half) r = Clip(q, low, high) y = Cast <to=2> (r)",
    "Floor": "q = Clip(o, low, high) r = Floor(q) y = Cast <to=2> (r)",
    "by int32": "q = Clip(o, low, high) r = Cast <to=6> (q) y = Cast <to=2> (r)",
    "int32 clipped": "q = Cast <to=6> (o) r = Clip(q, low32, high32) y = Cast <to=2> (r)",
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("channels_last", [True, False])
def test_8_bit_images_come_out_as_the_file_gives_them(build, body, ending, channels_last):
    text, values = body
    text = text.replace("IN", "i").replace("OUT", "n")
    bounds = {"low": np.float32(0), "high": np.float32(255), "half": np.float32(0.5), "white": np.float32(255)}
    bounds |= {"low32": np.int32(0), "high32": np.int32(255)}
    close = ENDINGS[ending]
    bounds = {name: value for name, value in bounds.items() if name == "white" or f" {name}" in close}
    if channels_last:
        close = close.replace("y =", "l =") + " y = Transpose <perm=[0,2,3,1]> (l)"
        start, ends = "t = Transpose <perm=[0,3,1,2]> (x) k = Cast <to=1> (t)", ("n,h,w,3", "n,H,W,3")
    else:
        start, ends = "k = Cast <to=1> (x)", ("n,3,h,w", "n,3,H,W")
    inside = f"{start} i = Div(k, white) {text} o = Mul(n, white) {close}"
    model = build(f"net (uint8[{ends[0]}] x) => (uint8[{ends[1]}] y) {{ {inside} }}", **values, **bounds)
    given = picture()
    expected = run_file(model, (last(given) if channels_last else given).astype(np.uint8))
    imported = import_model(model)
    assert (imported.input_range, imported.output_range) == ((0, 255), (0, 255))
    found = np.rint(restored(imported.model, given)).clip(0, 255)
    wanted = (first(expected) if channels_last else expected).astype(np.float64)
    off = found != wanted
    assert off.mean() < 0.002 and np.abs(found - wanted).max() <= 1, "rounding may fall otherwise on a half"


CERTAIN = [
    (("uint8", "float"), ((0, 255), None)),
    (("float", "uint8"), (None, (0, 255))),
    (("uint16", "uint16"), ((0, 65535), (0, 65535))),
]


@pytest.mark.parametrize(("ends", "ranges"), CERTAIN)
def test_an_integer_type_makes_the_range_certain(build, body, ends, ranges):
    text, values = body
    text = text.replace("IN", "i").replace("OUT", "o")
    kinds = {"uint8": 2, "uint16": 4}
    start = "i = Identity(x)" if ends[0] == "float" else "i = Cast <to=1> (x)"
    close = "y = Identity(o)" if ends[1] == "float" else f"r = Round(o) y = Cast <to={kinds[ends[1]]}> (r)"
    model = build(f"net ({ends[0]}[n,3,h,w] x) => ({ends[1]}[n,3,H,W] y) {{ {start} {text} {close} }}", **values)
    imported = import_model(model)
    assert (imported.input_range, imported.output_range) == ranges


def test_arithmetic_in_integers_is_refused_by_name(build):
    model = build("net (uint8[n,3,h,w] x) => (uint8[n,3,h,w] y) { y = Max(x, x) }")
    with pytest.raises(ModelError, match="in integers \\(Max\\)"):
        import_model(model)


# Quantized


class Photos(CalibrationDataReader):
    def __init__(self, name: str) -> None:
        self._left = [{name: (picture(seed=seed) / 255).astype(np.float32)} for seed in range(4)]

    def get_next(self) -> dict[str, np.ndarray] | None:
        return self._left.pop() if self._left else None


@pytest.mark.parametrize("form", [QuantFormat.QDQ, QuantFormat.QOperator])
@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize("activations", [QuantType.QUInt8, QuantType.QInt8])
def test_a_quantized_network_becomes_the_one_it_was(build, body, tmp_path: Path, form, per_channel, activations):
    dense = plain(build, body)
    onnx.save(dense, tmp_path / "float.onnx")
    quantize_static(
        tmp_path / "float.onnx",
        tmp_path / "int8.onnx",
        Photos("x"),
        form,
        per_channel=per_channel,
        weight_type=QuantType.QInt8,
        activation_type=activations,
    )
    model = load_model(tmp_path / "int8.onnx")
    given = (picture(seed=1) / 255).astype(np.float32)
    imported = import_model(model)
    left = {node.op_type for node in imported.model.graph.node}
    assert not any(name.startswith(("QLinear", "Quantize", "Dequantize")) for name in left)
    found = restored(imported.model, given)
    assert psnr_to(run_file(dense, given), found) > 35, "the weights stay rounded to 8 bits"
    assert psnr_to(run_file(model, given), found) > 30
    assert imported.quantized is not None
    np.testing.assert_array_equal(run_file(imported.quantized, given), run_file(model, given))


def test_a_quantized_network_of_8_bit_images(build):
    text = """d = DequantizeLinear(x, white, zero)
      a = Conv <pads=[1,1,1,1]> (d, head) q = QuantizeLinear(a, sa, za) f = DequantizeLinear(q, sa, za)
      b = Conv <pads=[1,1,1,1]> (f, tail) y = QuantizeLinear(b, white, zero)"""
    values = {"head": (8, 3, 3, 3), "tail": (3, 8, 3, 3), "white": np.float32(1 / 255), "zero": np.uint8(0)}
    values |= {"sa": np.float32(0.01), "za": np.uint8(20)}
    model = build(f"net (uint8[n,3,h,w] x) => (uint8[n,3,h,w] y) {{ {text} }}", **values)
    imported = import_model(model)
    assert (imported.input_range, imported.output_range) == ((0, 255), (0, 255))
    given = picture()
    found = np.rint(restored(imported.model, given)).clip(0, 255)
    assert psnr_to(run_file(model, given.astype(np.uint8)).astype(np.float64), found) > 35


def test_integers_joined_and_read_in_other_steps(build):
    text = """q = QuantizeLinear(x, s1, z) r = QuantizeLinear(x, s2, z) j = Concat <axis=1> (q, r)
      d = DequantizeLinear(j, s3, z) y = Conv(d, mix)"""
    values = {f"s{i}": np.float32(step) for i, step in ((1, 1 / 128), (2, 1 / 64), (3, 1 / 100))}
    model = build(f"{PLAIN} {{ {text} }}", **values, z=np.uint8(3), mix=(3, 6, 1, 1))
    given = (picture() / 255).astype(np.float32)
    assert psnr_to(run_file(model, given), restored(import_model(model).model, given)) > 35


# Channels in another order


FLIPS = {
    "Slice": ("i = Slice(x, last, far, axis, back)", {"last": np.array([-1]), "far": np.array([-(2**63) + 1]),
              "axis": np.array([1]), "back": np.array([-1])}),
    "Gather": ("i = Gather <axis=1> (x, order)", {"order": np.array([2, 1, 0])}),
    "Split": ("r, g, l = Split <axis=1> (x, each) i = Concat <axis=1> (l, g, r)", {"each": np.array([1, 1, 1])}),
}  # fmt: skip


@pytest.mark.parametrize("flip", FLIPS)
@pytest.mark.parametrize("channels_last", [True, False])
def test_flipped_channels_are_no_obstacle(build, body, flip, channels_last):
    text, values = body
    text = text.replace("IN", "k").replace("OUT", "o")
    turn, more = FLIPS[flip]
    back = (
        turn.replace("(x,", "(m,")
        .replace("i = ", "y = ")
        .replace("r, g, l", "r2, g2, l2")
        .replace("(l, g, r)", "(l2, g2, r2)")
    )
    start, middle, shape = "k = Identity(i)", "m = Identity(o)", "n,3,h,w"
    if channels_last:
        turn, back = (part.replace("axis=1", "axis=3") for part in (turn, back))
        more = {**more, "axis": np.array([3])} if "axis" in more else more
        start, middle, shape = "k = Transpose <perm=[0,3,1,2]> (i)", "m = Transpose <perm=[0,2,3,1]> (o)", "n,h,w,3"
    result = "n,H,W,3" if channels_last else "n,3,H,W"
    model = build(
        f"net (float[{shape}] x) => (float[{result}] y) {{ {turn} {start} {text} {middle} {back} }}", **values, **more
    )
    given = (picture() / 255).astype(np.float32)
    expected = run_file(model, last(given) if channels_last else given)
    require_same(model, given, first(expected) if channels_last else expected)


# Files of old


@pytest.mark.parametrize("listed", ["none", "all", "some"])
@pytest.mark.parametrize("version", [3, 8])
def test_initializers_listed_among_the_inputs_or_not(build, body, tmp_path: Path, listed, version):
    model = plain(build, body)
    model.ir_version = version
    del model.opset_import[:]
    model.opset_import.append(helper.make_opsetid("", 13))
    count = {"none": 0, "all": None, "some": 2}[listed]
    for tensor in model.graph.initializer[:count]:
        model.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    onnx.save(model, tmp_path / "old.onnx")
    given = (picture() / 255).astype(np.float32)
    session = onnxruntime.InferenceSession(tmp_path / "old.onnx", providers=["CPUExecutionProvider"])
    require_same(load_model(tmp_path / "old.onnx"), given, session.run(None, {"x": given})[0])
