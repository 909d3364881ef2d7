"""Freeing height, width and batch of a network that was exported at one size."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from slsc.errors import ModelError
from slsc.passes import verify
from slsc.passes.analysis.receptive_field import receptive_field
from slsc.passes.analysis.shapes import concrete_shapes, sample_size
from slsc.passes.analysis.sizes import refusal_of, tie
from slsc.passes.base import Pass, PassContext, PassResult, copy_of
from slsc.passes.graph import (
    attribute,
    declared_shape,
    drop_unused,
    fixed_hw,
    image_channels,
    image_input,
    initializers,
    label,
    set_initializer,
)
from slsc.passes.importing.batch import follow_batch

IMAGE_RANK = 4
BATCH, HEIGHT, WIDTH = "batch", "height", "width"
"""Names of the free axes; on the output height and width are prefixed by `out_` where the network changes them."""


class FreeSize(Pass):
    """Input N x C x 224 x 224 -> batch x C x height x width.

    1. A network whose height and width are free is left alone, but for its batch.
    2. A Resize to a constant size that is a whole multiple of its input's becomes a Resize by that factor.
    3. The declared shapes are freed, and the shapes of inner tensors, which the file may record, dropped.
    4. This is kept only if the network then accepts other sizes, scales all of them alike, and gives on a part of an
       image what the fixed network gives there on the whole, further from the cut than the receptive field. Where the
       receptive field is unbounded or larger than the image the last check cannot be made, as the report says.
    5. The batch is freed too, targets of Reshape that count one image following it, if the network then takes two
       images at once and treats them alike. A batch that is declared free but is not becomes 1.

    Otherwise the network stays as it was, with the reason in the report.
    """

    name = "free-size"

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Free what can be freed."""
        size = fixed_hw(model)
        if size is None:
            return self._with_batch(model, {"freed": [], "reason": "height and width are free already"}, modified=False)
        candidate = copy_of(model)
        resized = _scale_resizes(candidate, size)
        _declare(candidate, free=(2, 3))
        try:
            proof = _prove(model, candidate, size)
        except ModelError as error:
            note = f"takes {size[1]}x{size[0]} only, {tie(model, size) or error}; photos are restored in such tiles"
            return self._with_batch(model, {"freed": [], "reason": str(error), "note": note}, modified=False)
        report: dict[str, Any] = {"freed": [HEIGHT, WIDTH], "proof": proof, "resizes": resized}
        return self._with_batch(candidate, report, modified=True)

    def _with_batch(self, model: onnx.ModelProto, report: dict[str, Any], modified: bool) -> PassResult:
        """Rule 5."""
        declared = declared_shape(model, image_input(model)[0])[0]
        if declared is None and not _batch_fault(model, model):
            return PassResult(model, modified, report)
        candidate = copy_of(model)
        rewritten = follow_batch(candidate, 1)
        _declare(candidate, free=(0,))
        fault = _batch_fault(model, candidate)
        if not fault:
            report = {**report, "freed": [*report["freed"], BATCH], "follow_batch": rewritten}
            return PassResult(candidate, True, report)
        report = {**report, "batch": f"stays fixed: {fault}"}
        if declared is not None:
            return PassResult(model, modified, report)
        return PassResult(_with_one_image(model), True, report)


def _batch_fault(model: onnx.ModelProto, candidate: onnx.ModelProto) -> str:
    """Why `candidate` does not do with two images at once what `model` does with each; empty where it does."""
    height, width = sample_size(model)
    pair = np.concatenate([_image(model, (height, width), seed) for seed in (0, 1)])
    try:
        concrete_shapes(candidate, (height, width), batch=2)
        together = verify.run(verify.session(candidate), pair)
        single = verify.session(model)
        alone = np.concatenate([verify.run(single, pair[:1]), verify.run(single, pair[1:])])
    except ModelError as error:
        return str(error)
    same = together.shape == alone.shape and _close(alone, together, model)
    return "" if same else "images of a batch affect each other"


def _with_one_image(model: onnx.ModelProto) -> onnx.ModelProto:
    """The declared batch is 1: the file declares any, but holds otherwise."""
    result = copy_of(model)
    for value in (*result.graph.input, *result.graph.output):
        dims = value.type.tensor_type.shape.dim
        if value.name in image_input(result) and len(dims) == IMAGE_RANK:
            dims[0].dim_value = 1
    del result.graph.value_info[:]
    return result


def _scale_resizes(model: onnx.ModelProto, size: tuple[int, int]) -> list[str]:
    """Rule 2: constant `sizes` of a Resize to `scales`."""
    values, shapes, done = initializers(model), concrete_shapes(model, size).of, []
    for node in model.graph.node:
        if node.op_type != "Resize" or len(node.input) < 4 or node.input[3] not in values:
            continue
        before, after = shapes[node.input[0]], shapes[node.output[0]]
        factors = [Fraction(big, small) for big, small in zip(after, before, strict=True)]
        if attribute(node, "axes") or any(factor.denominator > 1 for factor in factors):
            continue
        name = f"{node.output[0]}.scales"
        set_initializer(model, name, np.array(factors, np.float32))
        node.input[2] = name
        del node.input[3:]
        done.append(label(node))
    drop_unused(model)
    return done


def _declare(model: onnx.ModelProto, free: tuple[int, ...]) -> None:
    """Rule 3: name the axes `free` of input and output, and drop recorded inner shapes."""
    image, _ = image_input(model)
    for value in (*model.graph.input, *model.graph.output):
        prefix = "" if value.name == image else "out_"
        names = (BATCH, "", prefix + HEIGHT, prefix + WIDTH)
        dims = value.type.tensor_type.shape.dim
        for axis in free:
            if len(dims) == 4:
                dims[axis].ClearField("dim_value")
                dims[axis].dim_param = names[axis]
    del model.graph.value_info[:]


def _prove(fixed: onnx.ModelProto, freed: onnx.ModelProto, size: tuple[int, int]) -> str:
    """Rule 4.

    Raises:
        ModelError: the freed network does not do at other sizes what the fixed one does.
    """
    refusal = refusal_of(freed, size, Fraction(2))
    if refusal:  # ONNX Runtime itself is less strict: it pools an image with a window larger than it
        raise refusal
    running = verify.session(freed)
    whole_image = _image(fixed, size, seed=0)
    whole = verify.run(verify.session(fixed), whole_image)
    scale = Fraction(whole.shape[2], size[0])
    field = receptive_field(freed)
    step = math.lcm(field.align, 8)
    for rows, columns in ((size[0] + step, size[1] + 2 * step), (size[0] - step, size[1] - 2 * step)):
        if min(rows, columns) < step:
            continue
        made = verify.run(running, _image(fixed, (rows, columns), seed=0)).shape[2:]
        if made != (scale * rows, scale * columns):
            raise ModelError(
                f"a {rows}x{columns} image becomes {made[0]}x{made[1]}",
                why=f"the scale at {size[0]}x{size[1]} is {scale}, so a size is written into the graph",
            )
    part = size[0] - step, size[1] - step
    margin = field.radius
    if margin is None or margin >= min(part):
        return "other sizes run and scale alike; the receptive field is too large to compare parts with the whole"
    found = verify.run(running, whole_image[:, :, : part[0], : part[1]])
    rows, columns = (int((side - margin) * scale) for side in part)
    if not _close(whole[:, :, :rows, :columns], found[:, :, :rows, :columns], fixed):
        raise ModelError("a part of an image is not restored as in the whole", why="the graph depends on the size")
    return f"a {part[0]}x{part[1]} part is restored as in the whole {size[0]}x{size[1]} image"


def _close(expected: npt.NDArray[np.float32], found: npt.NDArray[np.float32], model: onnx.ModelProto) -> bool:
    return bool(np.abs(expected - found).max() <= verify.tolerance(model) * max(float(np.ptp(expected)), 1e-12))


def _image(model: onnx.ModelProto, size: tuple[int, int], seed: int) -> npt.NDArray[np.float32]:
    """Smooth random values in 0..1, blocks of 4 pixels."""
    coarse = np.random.default_rng(seed).random((1, image_channels(model), -(-size[0] // 4), -(-size[1] // 4)))
    return np.kron(coarse, np.ones((1, 1, 4, 4)))[:, :, : size[0], : size[1]].astype(np.float32)
