"""What slsc refuses before it looks any closer, each by node and reason."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import onnx
from onnx import defs, numpy_helper

from slsc.errors import ModelError
from slsc.passes import verify
from slsc.passes.analysis.cost import output_scale
from slsc.passes.analysis.shapes import concrete_shapes, sample_size
from slsc.passes.analysis.work import work
from slsc.passes.base import Pass, PassContext, PassResult
from slsc.passes.graph import (
    CONVOLUTIONS,
    FLOAT_TYPES,
    attribute,
    constant_tensor,
    constant_tensors,
    fixed_hw,
    image_channels,
    label,
    opset,
    producers,
)
from slsc.passes.importing.control_flow import CONTROL_FLOW, refusal

INTEGER_ARITHMETIC = frozenset(
    ("DynamicQuantizeLinear", "QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger")
)
RANDOM = frozenset(
    ("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli", "Multinomial")
)
NORMALIZATIONS = frozenset(("BatchNormalization", "InstanceNormalization", "LayerNormalization", "GroupNormalization"))
WEIGHTED = NORMALIZATIONS | {"Conv", "ConvTranspose", "MatMul", "Gemm", "PRelu"}
"""Operators whose inputs after the first are weights, where they are stored."""

DROPOUT_MODE = 2
"""Place of the input that says whether a Dropout trains."""

MAX_SCALE = 16
"""Largest upscaling factor a bundle can describe."""

MAX_PIXELS = 1 << 24
"""Largest image that a network may be fixed to."""

MAX_CONSTANTS, CONSTANTS_PER_STORED = 1 << 24, 4
"""Values in all computed constants together: so many, or so many for each value that the file stores."""

MAX_ACTIVATION, ACTIVATIONS_PER_PIXEL = 1 << 26, 1 << 10
"""Values in one activation: so many, or so many for each pixel of the image. x4 at 64 channels makes 1024 a pixel."""

WORK_PER_PIXEL, LEAST_PIXELS = 1 << 28, 64 * 96
"""Scalar operations for each pixel of the image, those of a smaller one counted as if it had the least. The largest
restoration networks hold some 50 million weights and apply each once a pixel.
"""


PHOTO_HW = (512, 768)
"""Height and width of a small photo."""

FASTER = 2
"""How many times faster than the image an activation must grow to count as growing with another power of it."""


class ImportChecks(Pass):
    """Refuses, naming the node, what no later pass could handle.

    1. Operators outside ONNX's own set, or unknown in the model's version of it.
    2. Control flow, since the search needs one fixed sequence of nodes, and random numbers, since no run could be
       compared with another.
    3. Arithmetic in integers, and sparse storage: weights must be dense, and stand for numbers. QuantizeLinear and
       DequantizeLinear between operators that compute with numbers are taken.
    4. Nodes in training mode.
    5. Convolutions whose weight depends on the image.
    6. A scale from input to output that is no whole number in 1..16, or differs between rows and columns.
    7. Images, constants and activations of absurd size, and work beyond what any restoration network is; activations
       that grow faster than the image, as those do that compare every pixel with every other.
    8. What ONNX Runtime does not run: it is the reference everything later is measured against.
    9. Stored tensors that hold NaN, and weights that hold infinity: what training leaves when it has diverged. Bounds,
       such as those of Clip and of attention masks, may be infinite.
    """

    name = "import-checks"

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Check; the model is never changed.

        Raises:
            ModelError: see the rules.
        """
        _require_taken(model)
        _require_even_growth(model)
        require_sane_sizes(model, sample_size(model))
        scale = output_scale(model)
        if scale.denominator > 1 or not 1 <= scale <= MAX_SCALE:
            raise ModelError(
                f"the network makes images {float(scale):g} times as large",
                why=f"only whole factors from 1 to {MAX_SCALE} are restoration",
            )
        _require_running(model)
        return PassResult(model, False, {"nodes": len(model.graph.node), "scale": int(scale)})


class NodeChecks(Pass):
    """The rules of `ImportChecks` that need no image size, 1 to 5 and 9: before anything is looked at closer."""

    name = "node-checks"

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Check; the model is never changed.

        Raises:
            ModelError: see the rules.
        """
        _require_taken(model)
        return PassResult(model, False, {"nodes": len(model.graph.node)})


def _require_taken(model: onnx.ModelProto) -> None:
    """Rules 1 to 5, and 9."""
    if model.graph.sparse_initializer:
        name = model.graph.sparse_initializer[0].values.name
        raise ModelError("a weight is stored sparse", where=name, hint="store weights dense, zeros included")
    for node in model.graph.node:
        _require_known(node, model)
    _require_fixed_weights(model)
    _require_finite_weights(model)


def _require_known(node: onnx.NodeProto, model: onnx.ModelProto) -> None:
    where, version = label(node), opset(model)
    if node.domain not in ("", "ai.onnx"):
        raise ModelError(
            f"operator {node.domain}:{node.op_type} is not part of ONNX",
            where=where,
            hint="give the network as it was before ONNX Runtime optimized it"
            if node.domain.startswith("com.microsoft")
            else "export for plain ONNX, without the custom operators of one runtime",
        )
    if not defs.has(node.op_type, version):
        raise ModelError(f"operator {node.op_type} does not exist in operator set {version}", where=where)
    if node.op_type in CONTROL_FLOW:
        raise refusal(node, model)
    if node.op_type in RANDOM:
        raise ModelError(f"random numbers ({node.op_type})", where=where, hint="export the network for inference")
    if node.op_type in INTEGER_ARITHMETIC:
        raise ModelError(
            f"the network computes in integers ({node.op_type})",
            where=where,
            hint="quantize it with QuantizeLinear and DequantizeLinear nodes (QDQ), or give the floating-point network",
        )
    if _is_training(node, model):
        raise ModelError("the node is in training mode", where=where, hint="call .eval() before the export")


def _is_training(node: onnx.NodeProto, model: onnx.ModelProto) -> bool:
    """Rule 4. What says it to a Dropout is an input."""
    if node.op_type == "BatchNormalization":
        return bool(attribute(node, "training_mode", 0))
    if node.op_type != "Dropout" or len(node.input) <= DROPOUT_MODE:
        return False
    name = node.input[DROPOUT_MODE]
    held = [numpy_helper.to_array(tensor) for tensor in model.graph.initializer if tensor.name == name]
    made = producers(model).get(name)
    if made is not None and made.op_type == "Constant":
        held.append(constant_tensor(made))
    return any(value.any() for value in held)


def _require_fixed_weights(model: onnx.ModelProto) -> None:
    """Rule 5."""
    constant = constant_tensors(model)
    for node in model.graph.node:
        if node.op_type in CONVOLUTIONS and node.input[1] not in constant:
            raise ModelError(
                "the convolution's weight is computed from the image",
                where=label(node),
                why="N:M patterns need fixed weights",
                hint="export the network without dynamic convolutions",
            )


def _require_finite_weights(model: onnx.ModelProto) -> None:
    """Rule 9."""
    weights = {name for node in model.graph.node if node.op_type in WEIGHTED for name in node.input[1:]}
    for name, tensor in _stored_numbers(model):
        values = numpy_helper.to_array(tensor)
        found = "NaN" if np.isnan(values).any() else "infinity" if name in weights and np.isinf(values).any() else None
        if found:
            raise ModelError(
                f"the tensor holds {found}", where=name, why="no photo can be restored with it", hint="train it again"
            )


def _stored_numbers(model: onnx.ModelProto) -> Iterator[tuple[str, onnx.TensorProto]]:
    """Name and tensor of every initializer and Constant of floating point."""
    held = [(tensor.name, tensor) for tensor in model.graph.initializer]
    held += [
        (node.output[0], attr.t)
        for node in model.graph.node
        for attr in node.attribute
        if node.op_type == "Constant" and attr.HasField("t")
    ]
    yield from ((name, tensor) for name, tensor in held if tensor.data_type in FLOAT_TYPES)


def require_sane_sizes(model: onnx.ModelProto, size: tuple[int, int], batch: int = 1) -> None:
    """Rule 7, for `batch` images of `size`. A few bytes of graph can ask for any amount of memory and time.

    Raises:
        ModelError: names the node.
    """
    pixels = batch * math.prod(size)
    if pixels > MAX_PIXELS:
        raise ModelError(
            f"the network takes {f'{batch} ' if batch > 1 else ''}images of {size[0]}x{size[1]} only",
            why=f"slsc runs it whole on up to {MAX_PIXELS} pixels",
            hint="export it with free height and width",
        )
    constant, shapes = constant_tensors(model), concrete_shapes(model, size, batch).of
    stored = sum(math.prod(tensor.dims) for tensor in model.graph.initializer)
    constants_left = max(MAX_CONSTANTS, CONSTANTS_PER_STORED * stored)
    most = max(MAX_ACTIVATION, ACTIVATIONS_PER_PIXEL * pixels)
    work_left = WORK_PER_PIXEL * max(pixels, LEAST_PIXELS)
    for node in model.graph.node:
        for name in filter(None, node.output):
            values = math.prod(shapes[name])
            if name in constant:
                constants_left -= values
            if constants_left < 0 or (values > most and name not in constant):
                raise _absurd(node, f"the node makes {values} values")
        work_left -= work(node, shapes)
        if work_left < 0:
            raise _absurd(node, f"the nodes up to this one take over {WORK_PER_PIXEL} operations a pixel")


def _require_even_growth(model: onnx.ModelProto) -> None:
    """Rule 7, for photos."""
    small = sample_size(model)
    if fixed_hw(model) is not None or small == PHOTO_HW:
        return
    try:
        shapes = [concrete_shapes(model, size).of for size in (small, PHOTO_HW)]
    except ModelError:  # it does not take this size
        return
    growth = math.prod(PHOTO_HW) / math.prod(small)
    for node in model.graph.node:
        for name in filter(None, node.output):
            before, after = (math.prod(each[name]) for each in shapes)
            if after > MAX_ACTIVATION and after > FASTER * growth * before:
                raise ModelError(
                    f"the node makes {after} values of a {PHOTO_HW[0]}x{PHOTO_HW[1]} photo",
                    where=label(node),
                    why=f"{before} of a {small[0]}x{small[1]} one: they grow with the square of the photo",
                    hint="export the network for one size, such as 64x64: photos are restored in tiles of that then",
                )


def _absurd(node: onnx.NodeProto, what: str) -> ModelError:
    return ModelError(what, where=label(node), why="no restoration network needs as much")


def _require_running(model: onnx.ModelProto) -> None:
    """Rule 8."""
    image = np.zeros((1, image_channels(model), *sample_size(model)), np.float32)
    verify.run(verify.session(model), image)
