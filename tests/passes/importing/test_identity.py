"""Identity and Dropout: what goes, and what joins the graph's interface and stays."""

from __future__ import annotations

import onnx

from slsc.passes.analysis.layers import conv_layers
from slsc.passes.importing.identity import RemoveIdentities

NET = "net (float[n,3,h,w] x) => (float[n,c,H,W] y)"


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
