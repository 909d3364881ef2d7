"""What ONNX Runtime's dynamic quantizer writes is taken as the numbers it rounds."""

from __future__ import annotations

import onnx
import pytest
from onnxruntime.quantization import QuantType, quantize_dynamic

from slsc.errors import ModelError
from slsc.passes import verify
from slsc.passes.importing.import_model import import_model

STEPS = 0.03
"""Share of the output's range that activations and weights of 8 bits may change it by."""

CONVOLUTIONS = """net (float[n,3,h,w] x) => (float[n,3,h,w] y) {
  a = Conv <pads=[1,1,1,1]> (x, head, b)  r = Relu(a)  c = Conv <pads=[1,1,1,1]> (r, tail)  y = Add(x, c) }"""
MATRICES = """net (float[n,3,h,w] x) => (float[n,3,h,w] y) {
  a = Conv <pads=[1,1,1,1]> (x, head, b)  t = Transpose <perm=[0,2,3,1]> (a)  m = MatMul(t, mix)
  u = Transpose <perm=[0,3,1,2]> (m)  y = Conv <pads=[1,1,1,1]> (u, tail) }"""


@pytest.mark.parametrize("text", [CONVOLUTIONS, MATRICES], ids=["convolutions", "matrices"])
def test_it_becomes_the_network_it_was_made_from(build, image, tmp_path, text):
    mix = {"mix": (8, 8)} if text is MATRICES else {}
    model = build(text, head=(8, 3, 3, 3), b=(8,), tail=(3, 8, 3, 3), **mix)
    onnx.save(model, tmp_path / "float.onnx")
    quantize_dynamic(tmp_path / "float.onnx", tmp_path / "integers.onnx", weight_type=QuantType.QUInt8)
    quantized = onnx.load(tmp_path / "integers.onnx")
    assert "ConvInteger" in {node.op_type for node in quantized.graph.node}
    imported = import_model(quantized)
    assert not any("Integer" in node.op_type or "Quantize" in node.op_type for node in imported.model.graph.node)
    assert verify.compare(model, imported.model, [image(20, 24)]).relative < STEPS
    assert "left out" in imported.report["leave-out-dynamic-rounding"]["note"]


def test_integers_that_go_elsewhere_are_refused(build):
    text = """net (float[n,3,h,w] x) => (float[n,3,h,w] y) {
      q, s, z = DynamicQuantizeLinear(x)  c = Cast <to=1> (q)  y = Mul(c, s) }"""
    with pytest.raises(ModelError, match="integers"):
        import_model(build(text))
