"""Identity removal, constant folding, Conv+BatchNormalization and Pad+Conv: what they do, keep, refuse, and prove."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from slsc.passes.base import PassContext
from slsc.passes.batch_norm import FoldBatchNorm
from slsc.passes.fold import FoldConstants
from slsc.passes.graph import attribute, initializers
from slsc.passes.identity import RemoveIdentities
from slsc.passes.layers import conv_layers
from slsc.passes.pad_conv import FoldPad
from slsc.passes.pipeline import Pipeline

NET = "net (float[n,3,h,w] x) => (float[n,c,H,W] y)"


@pytest.fixture
def proven(image):
    """`proven(model, *passes)`: the result of a pipeline that runs the network before and after every pass."""

    def run(model, *passes, size=(20, 24)):
        result = Pipeline(passes).run(model, PassContext((image(*size),)))
        onnx.checker.check_model(result.model, full_check=True)
        again = Pipeline(passes).run(result.model, PassContext())
        assert not again.modified and again.model == result.model
        return result

    return run


def ops(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def test_a_weight_shared_through_identities_is_one_layer_again(build, proven):
    model = build(
        f"""{NET} {{
            same = Identity(w)
            a = Conv <pads=[1,1,1,1]> (x, w)
            b = Conv <pads=[1,1,1,1]> (a, same)
            c = Dropout(b)
            y = Identity(c)
        }}""",
        w=(3, 3, 3, 3),
    )
    result = proven(model, RemoveIdentities())
    assert ops(result.model) == ["Conv", "Conv"]
    assert [(layer.name, layer.uses) for layer in conv_layers(result.model)] == [("w", 2)]
    assert result.model.graph.output[0].name == "y"


def test_an_identity_between_input_and_output_stays(build, proven):
    result = proven(build(f"{NET} {{ y = Identity(x) }}"), RemoveIdentities())
    assert ops(result.model) == ["Identity"] and not result.modified
    assert "interface" in result.report["remove-identities"]["kept"][0]


def test_a_dropout_whose_mask_is_used_stays(build, proven):
    text = f"{NET} {{ a, mask = Dropout(x) m = Cast <to=1> (mask) y = Mul(a, m) }}"
    assert "Dropout" in ops(proven(build(text), RemoveIdentities()).model)


def test_weights_however_computed_become_initializers_under_their_tensors_names(build, proven, capsys):
    weight = np.random.default_rng(0).standard_normal((3, 3, 3, 8)).astype(np.float16)
    model = build(
        f"""{NET} {{
            single = Cast <to=1> (half)
            turned = Transpose <perm=[3,0,1,2]> (single)
            bias = Constant <value_floats=[0.0,1.0,2.0,3.0,4.0,5.0,6.0,7.0]> ()
            y = Conv <pads=[1,1,1,1]> (x, turned, bias)
        }}""",
        half=weight,
        unused=(4, 4),
    )
    result = proven(model, FoldConstants())
    held = initializers(result.model)
    assert ops(result.model) == ["Conv"] and set(held) == {"turned", "bias"}
    np.testing.assert_array_equal(held["turned"], weight.astype(np.float32).transpose(3, 0, 1, 2))
    assert capsys.readouterr().out == ""  # stdout is the command line's
    report = result.report["fold-constants"]
    assert report["new_initializers"] == ["bias", "turned"] and report["dropped_initializers"] == ["half", "unused"]


def test_scalar_constants_stay_scalars(build, proven):
    """The size of another tensor, as exporters spell it: Gather with a scalar index, Unsqueeze, Concat."""
    body = """s = Shape(x)
              two = Constant <value = int64 {2}> ()
              three = Constant <value_int = 3> ()
              h = Gather(s, two) w = Gather(s, three)
              hh = Unsqueeze(h, zero) ww = Unsqueeze(w, zero)
              size = Concat <axis=0> (outer, hh, ww)
              p = MaxPool <kernel_shape=[3,3], strides=[2,2]> (x)
              y = Resize <mode="linear"> (p, , , size)"""
    model = build(f"{NET} {{ {body} }}", zero=np.array([0]), outer=np.array([1, 3]))
    result = proven(model, FoldConstants())
    assert initializers(result.model)["two"].shape == initializers(result.model)["three"].shape == ()


def test_dead_nodes_and_initializers_listed_as_inputs_go(build, proven):
    text = """net (float[n,3,h,w] x, float[3,3,1,1] w) => (float[n,3,h,w] y) {
        y = Conv(x, w)
        dead = Relu(x)
    }"""
    result = proven(build(text, w=(3, 3, 1, 1), ir_version=3, opset=8), FoldConstants())
    assert ops(result.model) == ["Conv"] and [value.name for value in result.model.graph.input] == ["x"]


def test_half_precision_weights_stay_half(build):
    text = """net (float16[n,3,h,w] x) => (float16[n,3,h,w] y) {
        w = Constant <value = float16[3,3,1,1] {1,0,0,0,1,0,0,0,1}> ()
        y = Conv(x, w)
    }"""
    result = FoldConstants().run(build(text), PassContext())
    assert initializers(result.model)["w"].dtype == np.float16


def batch_norm(build, body: str, opset: int = 17, **extra):
    rng = np.random.default_rng(1)
    stats = {
        "g": rng.normal(1, 0.3, 4),
        "b": rng.normal(0, 1, 4),
        "m": rng.normal(0, 1, 4),
        "v": rng.uniform(0.2, 2, 4),
    }
    values = {name: value.astype(np.float32) for name, value in stats.items()}
    return build(f"{NET} {{ {body} }}", opset=opset, **values, **extra)


BN = "BatchNormalization <epsilon=0.001>"


@pytest.mark.parametrize("bias", [True, False])
def test_batch_norm_is_folded_into_the_convolution_before(build, proven, bias):
    body = f"a = Conv <pads=[1,1,1,1]> (x, w{', c' * bias}) n = {BN} (a, g, b, m, v) y = Relu(n)"
    extra = {"c": (4,)} if bias else {}
    result = proven(batch_norm(build, body, w=(4, 3, 3, 3), **extra), FoldBatchNorm())
    assert ops(result.model) == ["Conv", "Relu"]
    assert set(initializers(result.model)) == {"w", "c" if bias else "w.folded_bias"}
    assert result.report["fold-batch-norm"]["difference"]["psnr_db"] > 120


@pytest.mark.parametrize(
    ("body", "extra", "reason"),
    [
        (f"a = Conv(x, w) n = {BN} (a, g, b, m, v) y = Add(n, a)", {}, "also used elsewhere"),
        (f"a = Conv(x, w) r = Relu(a) y = {BN} (r, g, b, m, v)", {}, "no convolution"),
        (f"k = Neg(w) a = Conv(x, k) y = {BN} (a, g, b, m, v)", {}, "computed"),
        (f"a = Conv(x, w) z = Conv(x, w) n = {BN} (a, g, b, m, v) y = Add(n, z)", {}, "share the weight"),
    ],
)
def test_batch_norm_that_must_not_be_folded_says_why(build, proven, body, extra, reason):
    result = proven(batch_norm(build, body, w=(4, 3, 1, 1), **extra), FoldBatchNorm())
    assert not result.modified and "BatchNormalization" in ops(result.model)
    assert reason in result.report["fold-batch-norm"]["refused"][0]


def test_a_bias_other_convolutions_use_is_left_to_them(build, proven):
    body = f"a = Conv(x, w, c) z = Conv(x, u, c) n = {BN} (a, g, b, m, v) y = Add(n, z)"
    result = proven(batch_norm(build, body, w=(4, 3, 1, 1), u=(4, 3, 1, 1), c=(4,)), FoldBatchNorm())
    assert result.modified and "w.folded_bias" in initializers(result.model)


@pytest.mark.parametrize("opset", [10, 17])
def test_zero_padding_moves_into_the_convolutions(build, proven, opset):
    pad = "Pad <pads=[0,0,1,2,0,0,3,4]> (x)" if opset == 10 else "Pad(x, amounts)"
    text = f"{NET} {{ p = {pad} a = Conv <pads=[1,0,0,1]> (p, w) b = Conv <pads=[1,0,0,1]> (p, u) y = Add(a, b) }}"
    amounts = {} if opset == 10 else {"amounts": np.array([0, 0, 1, 2, 0, 0, 3, 4])}
    result = proven(build(text, opset=opset, w=(3, 3, 3, 3), u=(3, 3, 3, 3), **amounts), FoldPad())
    assert ops(result.model) == ["Conv", "Conv", "Add"] and "amounts" not in initializers(result.model)
    assert all(attribute(node, "pads") == [2, 2, 3, 5] for node in result.model.graph.node[:2])


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('p = Pad <mode="reflect"> (x, rows) y = Conv(p, w)', "zeros"),
        ("p = Pad (x, rows, one) y = Conv(p, w)", "zeros"),
        ("p = Pad (x, channels) y = Conv(p, w4)", "rows and columns"),
        ("p = Pad (x, crop) y = Conv(p, w)", "rows and columns"),
        ("p = Pad (x, rows) y = Relu(p)", "uses it"),
        ('p = Pad (x, rows) y = Conv <auto_pad="SAME_UPPER"> (p, w)', "uses it"),
        ("y = Pad (x, rows)", "output"),
    ],
)
def test_padding_that_must_stay_says_why(build, proven, body, reason):
    values = {
        "rows": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
        "channels": np.array([0, 1, 0, 0, 0, 0, 0, 0]),
        "crop": np.array([0, 0, -1, 0, 0, 0, 0, 0]),
        "one": np.array(1, np.float32),
        "w": (3, 3, 3, 3),
        "w4": (3, 4, 3, 3),
    }
    words = body.replace(",", " ").replace(")", " ").replace("(", " ").split()
    model = build(f"{NET} {{ {body} }}", **{name: value for name, value in values.items() if name in words})
    result = proven(model, FoldPad())
    assert not result.modified and reason in result.report["fold-pad"]["refused"][0]
