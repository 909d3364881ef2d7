"""Which convolutions may be pruned, and why the others may not."""

from __future__ import annotations

from slsc.passes.analysis.layers import conv_layers, prunable_layers

NET = "net (float[n,3,h,w] x) => (float[n,3,H,W] y)"


def test_each_layer_is_prunable_or_says_why(build):
    model = build(
        f"""{NET} {{
            a = Conv <pads=[1,1,1,1]> (x, head)
            b = Conv <pads=[1,1,1,1], group=4> (a, grouped)
            c = Conv <pads=[1,1,1,1], group=32> (b, depthwise)
            d = Conv <strides=[2,2]> (c, body)
            e = ConvTranspose <strides=[2,2]> (d, up)
            k = Neg(up)
            f = ConvTranspose (e, k)
            g = Conv (f, body)
            y = Conv (g, tail)
        }}""",
        head=(32, 3, 3, 3),
        grouped=(32, 8, 3, 3),
        depthwise=(32, 1, 3, 3),
        body=(32, 32, 1, 1),
        up=(32, 32, 1, 1),
        tail=(3, 32, 1, 1),
    )
    layers = {layer.name: layer for layer in conv_layers(model)}
    assert list(layers) == ["head", "grouped", "depthwise", "body", "up", "k", "tail"]
    assert [layer.name for layer in prunable_layers(model)] == ["grouped", "body"]
    assert layers["grouped"].groups == 4 and layers["grouped"].kernel == (3, 3)
    assert layers["body"].uses == 2 and layers["body"].strides == (2, 2) and layers["body"].reason == ""
    reasons = {"head": "3 input", "depthwise": "1 input", "up": "transposed", "k": "transposed", "tail": "image of 3"}
    for name, part in reasons.items():
        assert part in layers[name].reason and layers[name].node in layers[name].reason


def test_every_convolution_into_an_image_stays_dense(build):
    """One per level in multi-level networks, and the one before a colour shift written as a 1x1 convolution."""
    model = build(
        f"{NET} {{ a = Conv(x, head) b = Conv(a, tail) c = Conv(b, head) d = Conv(c, tail) y = Conv(d, shift) }}",
        head=(16, 3, 1, 1),
        tail=(3, 16, 1, 1),
        shift=(3, 3, 1, 1),
    )
    assert not any(layer.prunable for layer in conv_layers(model))
