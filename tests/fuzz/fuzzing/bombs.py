"""Small ONNX files that ask for much: time, memory, files, or what readers trust without looking."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, helper, numpy_helper, parser

CONV = "y = Conv <pads=[1,1,1,1]> ({input}, w)"
HEAD = "net (float[n,3,h,w] x) => (float[n,3,h,w] y) "


def network(text: str, opset: int = 17, inputs: str = HEAD, **held: object) -> onnx.ModelProto:
    """A model whose graph begins with nodes in ONNX's text syntax, unchecked, with a 3x3 convolution's weight."""
    graph = parser.parse_graph(inputs + "{" + text + "}")
    held = {"w": np.full((3, 3, 3, 3), 0.1, np.float32), **held}
    graph.initializer.extend(numpy_helper.from_array(np.asarray(value), name) for name, value in held.items())
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)


def i64(*values: int) -> np.ndarray:
    """Shapes, sizes and bounds."""
    return np.array(values, np.int64)


def with_constant(node: str, opset: int = 17, **held: object) -> onnx.ModelProto:
    """A network to whose image a computed constant, `big`, is added by its maximum."""
    text = f"{node} m = ReduceMax <keepdims=0> (big) f = Cast <to=1> (m) a = Add (x, f) {CONV.format(input='a')}"
    return network(text, opset, **held)


def with_image(node: str, opset: int = 17, **held: object) -> onnx.ModelProto:
    """A network in which a node makes `big` of the image."""
    text = f"{node} m = ReduceMax <keepdims=0> (big) a = Add (x, m) {CONV.format(input='a')}"
    return network(text, opset, **held)


def _loop(times: int) -> onnx.ModelProto:
    body = parser.parse_graph(
        "body (int64 i, bool more, float[n,3,h,w] v) => (bool again, float[n,3,h,w] next) "
        "{ again = Identity (more) next = Neg (v) }"
    )
    model = network(f"a = Loop (times, yes, x) {CONV.format(input='a')}", times=i64(times)[0], yes=np.array(True))
    model.graph.node[0].attribute.append(helper.make_attribute("body", body))
    return model


def _nested(depth: int) -> onnx.ModelProto:
    """Both branches of every If hold an If."""
    branch = parser.parse_graph("leaf () => (float[n,3,h,w] r) { r = Identity (x) }")
    for _ in range(depth):
        node = helper.make_node("If", ["yes"], ["r"], then_branch=branch, else_branch=branch)
        branch = helper.make_graph([node], "branch", [], [helper.make_tensor_value_info("r", 1, None)])
    model = network(CONV.format(input="r"), yes=np.array(True))
    model.graph.node.insert(0, branch.node[0])
    return model


def _tensor(**fields: object) -> onnx.ModelProto:
    model = network(CONV.format(input="x"))
    tensor = model.graph.initializer[0]
    for name, value in fields.items():
        if name in ("dims", "external_data"):
            tensor.ClearField(name)
            getattr(tensor, name).extend(value)
        elif name == "segment":
            tensor.segment.CopyFrom(value)
        else:
            setattr(tensor, name, value)
    return model


def _sparse() -> onnx.ModelProto:
    model = network(CONV.format(input="x"))
    model.graph.ClearField("initializer")
    model.graph.sparse_initializer.add(
        values=numpy_helper.from_array(np.ones(1, np.float32), "w"),
        indices=numpy_helper.from_array(i64(0), "i"),
        dims=[3, 2**40, 3, 3],
    )
    return model


def _text_tensor() -> onnx.ModelProto:
    model = network(CONV.format(input="x"))
    model.graph.initializer.append(helper.make_tensor("t", TensorProto.STRING, [2], [b"a", b"\xff"]))
    return model


def _value_strings(pattern: str) -> onnx.ModelProto:
    """Text held in an attribute, and an expression that takes for ever to find in it."""
    model = network(CONV.format(input="x"), 20)
    nodes = [
        helper.make_node("Constant", [], ["t"], value_string="a" * 40 + "!"),
        helper.make_node("RegexFullMatch", ["t"], ["found"], pattern=pattern),
    ]
    for index, node in enumerate(nodes):
        model.graph.node.insert(index, node)
    return model


def _picture() -> onnx.ModelProto:
    model = network(CONV.format(input="x"), 20, bytes=np.frombuffer(b"\x89PNG\r\n\x1a\n" + bytes(64), np.uint8))
    model.graph.node.insert(0, helper.make_node("ImageDecoder", ["bytes"], ["picture"], pixel_format="RGB"))
    return model


def _many_nodes(count: int) -> onnx.ModelProto:
    model = network("")
    names = ["x", *(f"v{i}" for i in range(count - 1)), "y"]
    model.graph.node.extend(helper.make_node("Relu", [a], [b]) for a, b in itertools.pairwise(names))
    return model


def _functions(levels: int) -> onnx.ModelProto:
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("f", 1)]
    functions = []
    for level in range(levels):
        op, domain = ("Relu", "") if level == 0 else (f"F{level - 1}", "f")
        nodes = [helper.make_node(op, [a], [b], domain=domain) for a, b in (("a", "c"), ("c", "b"))]
        functions.append(helper.make_function("f", f"F{level}", ["a"], ["b"], nodes, opsets))
    model = network(CONV.format(input="a"))
    model.graph.node.insert(0, helper.make_node(f"F{levels - 1}", ["x"], ["a"], domain="f"))
    model.opset_import.append(opsets[1])
    model.functions.extend(functions)
    return model


def _function_of_loop() -> onnx.ModelProto:
    opsets = [helper.make_opsetid("", 17)]
    model = _loop(2**62)
    loop = onnx.NodeProto()
    loop.CopyFrom(model.graph.node[0])
    loop.input[:], loop.output[:] = ["times", "yes", "a"], ["b"]
    model.functions.append(helper.make_function("f", "F", ["times", "yes", "a"], ["b"], [loop], opsets))
    model.graph.node[0].CopyFrom(helper.make_node("F", ["times", "yes", "x"], ["a"], domain="f"))
    model.opset_import.append(helper.make_opsetid("f", 1))
    return model


def _attribute_external(place: str) -> onnx.ModelProto:
    """A constant in another file, /etc/passwd, held in a node's attribute, a subgraph's or a function's."""
    tensor = TensorProto(dims=[16], data_type=TensorProto.FLOAT, name="t", data_location=TensorProto.EXTERNAL)
    for key, value in (("location", "/etc/passwd"), ("length", "64"), ("__class__", "x"), ("basepath", "/")):
        tensor.external_data.add(key=key, value=value)
    held = helper.make_node("Constant", [], ["t"])
    held.attribute.append(AttributeProto(name="value", type=AttributeProto.TENSOR, t=tensor))
    model = network(CONV.format(input="x"))
    if place == "node":
        model.graph.node.insert(0, held)
    if place == "subgraph":
        branch = helper.make_graph([held], "branch", [], [helper.make_tensor_value_info("t", 1, None)])
        model.graph.node.insert(0, helper.make_node("If", ["yes"], ["u"], then_branch=branch, else_branch=branch))
    if place == "function":
        opsets = [helper.make_opsetid("", 17)]
        model.functions.append(helper.make_function("f", "F", [], ["t"], [held], opsets))
    return model


def _fixed(side: int) -> onnx.ModelProto:
    size = f"net (float[1,3,{side},{side}] x) => (float[1,3,{side},{side}] y) "
    return network(CONV.format(input="x"), inputs=size)


def _chain(count: int, channels: int) -> onnx.ModelProto:
    """Each layer modest, all of them together hours."""
    nodes = ["a0 = Conv <pads=[1,1,1,1]> (x, first)"]
    nodes += [f"a{i + 1} = Conv <pads=[1,1,1,1]> (a{i}, body)" for i in range(count)]
    return network(
        " ".join([*nodes, f"y = Conv <pads=[1,1,1,1]> (a{count}, last)"]),
        first=np.zeros((channels, 3, 3, 3), np.float32),
        body=np.zeros((channels, channels, 3, 3), np.float32),
        last=np.zeros((3, channels, 3, 3), np.float32),
    )


BOMBS: dict[str, Callable[[], onnx.ModelProto]] = {
    "functions of 16 levels": lambda: _functions(16),
    "functions of 60 levels": lambda: _functions(60),
    "a loop": lambda: _loop(2**62),
    "a loop in a function": _function_of_loop,
    "nested branches": lambda: _nested(9),
    "2^14 branches": lambda: _nested(11),
    "65,537 nodes": lambda: _many_nodes(65537),
    "a constant of 2^40": lambda: with_constant("big = ConstantOfShape (s)", s=i64(2**20, 2**20)),
    "a constant of 2^64": lambda: with_constant("big = ConstantOfShape (s)", s=i64(2**32, 2**32)),
    "a constant of 2^63": lambda: with_constant("big = ConstantOfShape (s)", s=i64(2**31, 2**32)),
    "a constant of 2^27": lambda: with_constant("big = ConstantOfShape (s)", s=i64(2**27)),
    "a hundred constants of 2^26": lambda: with_constant(
        " ".join(
            [f"c{i} = ConstantOfShape (s) m{i} = ReduceMax <keepdims=1> (c{i})" for i in range(100)]
            + ["big = Concat <axis=0> (" + ", ".join(f"m{i}" for i in range(100)) + ")"]
        ),
        s=i64(2**26),
    ),
    "a range": lambda: with_constant("big = Range (p, q, r)", p=i64(0)[0], q=i64(2**40)[0], r=i64(1)[0]),
    "a range of reals": lambda: with_constant(
        "big = Range (p, q, r)", p=np.float32(0), q=np.float32(1e30), r=np.float32(1e-30)
    ),
    "a tile": lambda: with_constant("big = Tile (v, r)", v=np.ones(4, np.float32), r=i64(2**38)),
    "an expansion": lambda: with_constant("big = Expand (v, s)", v=np.ones(1, np.float32), s=i64(2**20, 2**20)),
    "padding": lambda: with_constant("big = Pad (v, p)", v=np.ones(1, np.float32), p=i64(2**39, 2**39)),
    "one-hot": lambda: with_constant(
        "big = OneHot (i, d, v)", i=np.zeros(1024, np.int64), d=i64(2**40)[0], v=np.array([0, 1], np.float32)
    ),
    "a window": lambda: with_constant("big = HannWindow (d)", d=i64(2**40)[0]),
    "a weight matrix of mels": lambda: with_constant(
        "big = MelWeightMatrix (p, q, r, s, t)",
        p=i64(2**20)[0],
        q=i64(2**20)[0],
        r=i64(8000)[0],
        s=np.float32(0),
        t=np.float32(4000),
    ),
    "a pool in padding": lambda: with_constant(
        "big = MaxPool <kernel_shape=[1000000001], strides=[1000000000], pads=[1000000000, 1000000000]> (v)",
        v=np.ones((1, 1, 4), np.float32),
    ),
    "a convolution in padding": lambda: with_constant(
        "big = Conv <strides=[1000000000], pads=[1000000000, 1000000000]> (v, k)",
        v=np.ones((1, 1, 4), np.float32),
        k=np.ones((1, 1, 1), np.float32),
    ),
    "a convolution between holes": lambda: with_constant(
        "big = Conv <dilations=[1000000000], pads=[1000000000, 1000000000]> (v, k)",
        v=np.ones((1, 1, 1), np.float32),
        k=np.ones((1, 1, 3), np.float32),
    ),
    "sums over everything": lambda: with_constant(
        'big = Einsum <equation="a,b,c,d,e,f,g,h->"> (v, v, v, v, v, v, v, v)', v=np.ones(1024, np.float32)
    ),
    "sums over the image": lambda: with_image(
        'big = Einsum <equation="nchw,NCHW,a,b->"> (x, x, v, v)', v=np.ones(1024, np.float32)
    ),
    "a matrix of pixels by pixels": lambda: with_image(
        "f = Reshape (x, s) t = Transpose <perm=[1,0]> (f) big = MatMul (f, t)", s=i64(-1, 1)
    ),
    "a resize by 1e9": lambda: network(
        f'a = Resize <mode="nearest"> (x, roi, scales) {CONV.format(input="a")}',
        roi=np.zeros(0, np.float32),
        scales=np.array([1, 1, 1e9, 1e9], np.float32),
    ),
    "a resize to nothing": lambda: network(
        f'a = Resize <mode="nearest"> (x, roi, scales) {CONV.format(input="a")}',
        roi=np.zeros(0, np.float32),
        scales=np.array([1, 1, 1e-9, 1e-9], np.float32),
    ),
    "a resize of a constant": lambda: with_constant(
        'big = Resize <mode="cubic"> (v, roi, scales)',
        v=np.ones((1, 1, 4, 4), np.float32),
        roi=np.zeros(0, np.float32),
        scales=np.array([1, 1, 1e5, 1e5], np.float32),
    ),
    "an image tiled": lambda: with_image("big = Tile (x, r)", r=i64(1, 1, 2**15, 2**15)),
    "an image expanded": lambda: with_image(
        "e = Unsqueeze (x, o) big = Expand (e, s)", o=i64(0), s=i64(2**17, 1, 1, 1, 1)
    ),
    "an image padded": lambda: with_image("big = Pad (x, p)", p=i64(0, 0, 2**30, 2**30, 0, 0, 2**30, 2**30)),
    "shuffled pixels of 2^31": lambda: network("a = DepthToSpace <blocksize=2147483648> (x) y = Conv (a, w)"),
    "thousands of outputs": lambda: network(
        "a = Conv <pads=[1,1,1,1]> (x, wide) y = Conv <pads=[1,1,1,1]> (a, narrow)",
        wide=np.zeros((2**16, 3, 1, 1), np.float32),
        narrow=np.zeros((3, 2**16, 1, 1), np.float32),
    ),
    "a fixed image of 30,000": lambda: _fixed(30000),
    "a fixed image of 2^31": lambda: _fixed(2**31 - 1),
    "a fixed image of 2^62": lambda: _fixed(2**62),
    "600 layers of 256": lambda: _chain(600, 256),
    "a weight of 2^40 without data": lambda: _tensor(dims=[2**20, 2**20, 1, 1], raw_data=b""),
    "a weight of 2^64 without data": lambda: _tensor(dims=[2**32, 2**32], raw_data=b""),
    "a weight of 2^62 dimensions' product": lambda: _tensor(dims=[2**16] * 16),
    "a weight of 10,000 dimensions": lambda: _tensor(dims=[1] * 10000),
    "a weight without type": lambda: _tensor(data_type=0),
    "a weight of a type of 4 bits": lambda: _tensor(data_type=TensorProto.INT4),
    "a weight in segments": lambda: _tensor(segment=TensorProto.Segment(begin=0, end=2**62)),
    "a weight outside": lambda: _tensor(
        raw_data=b"", data_location=1, external_data=[onnx.StringStringEntryProto(key="location", value="/etc/passwd")]
    ),
    "a weight in a device": lambda: _tensor(
        raw_data=b"",
        data_location=1,
        external_data=[onnx.StringStringEntryProto(key="location", value="../../dev/zero")],
    ),
    "a weight of 2^60 bytes outside": lambda: _tensor(
        raw_data=b"",
        data_location=1,
        external_data=[
            onnx.StringStringEntryProto(key=key, value=value)
            for key, value in (("location", "w"), ("offset", str(2**60)), ("length", "9" * 5000))
        ],
    ),
    "a sparse weight": _sparse,
    "text": _text_tensor,
    "an expression": lambda: _value_strings("(a*)*b"),
    "a picture": _picture,
    "a constant in another file": lambda: _attribute_external("node"),
    "a subgraph's constant in another file": lambda: _attribute_external("subgraph"),
    "a function's constant in another file": lambda: _attribute_external("function"),
    "a random constant": lambda: with_constant("big = RandomNormal <shape=[1048576,1048576]> ()"),
    "a random image": lambda: with_image("r = RandomNormalLike (x) big = Tile (r, t)", t=i64(1, 1, 2**15, 2**15)),
    "a sequence": lambda: network(
        "r = Tile (x, t) q = SplitToSequence <axis=1> (r) a = ConcatFromSequence <axis=1> (q) y = Slice (a, s, e, d)",
        t=i64(1, 2**18, 1, 1),
        s=i64(0),
        e=i64(3),
        d=i64(1),
    ),
}
"""Name -> model. None is a network that slsc takes."""
