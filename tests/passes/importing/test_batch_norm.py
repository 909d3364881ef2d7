"""Conv and BatchNormalization become one Conv, or the reason why not is told."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from slsc.passes.graph import initializers
from slsc.passes.importing.batch_norm import FoldBatchNorm

NET = "net (float[n,3,h,w] x) => (float[n,c,H,W] y)"


def ops(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


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
        (
            f"q = QuantizeLinear(w, s, z) d = DequantizeLinear(q, s, z) a = Conv(x, d) y = {BN} (a, g, b, m, v)",
            {"s": np.float32(0.1), "z": np.int8(0)},
            "quantized",
        ),
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


def test_a_weight_in_half_precision_stays_so(build, proven):
    half = np.random.default_rng(0).standard_normal((4, 3, 3, 3)).astype(np.float16)
    body = f"w = Cast <to=1> (half) a = Conv(x, w) y = {BN} (a, g, b, m, v)"
    result = proven(batch_norm(build, body, half=half), FoldBatchNorm())
    held = initializers(result.model)
    assert ops(result.model) == ["Cast", "Conv"]
    assert held["half"].dtype == np.float16 and held["half.folded_bias"].dtype == np.float32
