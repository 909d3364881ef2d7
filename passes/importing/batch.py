"""A batch of any number of images, or of one, in place of the number that a network was exported with."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper

from slsc.errors import ModelError
from slsc.passes import verify
from slsc.passes.analysis.shapes import concrete_shapes
from slsc.passes.analysis.sizes import any_size
from slsc.passes.base import Pass, PassContext, PassResult, copy_of
from slsc.passes.graph import (
    attribute,
    constant_tensor,
    declared_shape,
    fixed_hw,
    image_channels,
    image_input,
    initializers,
    label,
    producers,
    rename_tensor,
    set_initializer,
)
from slsc.passes.importing.import_checks import require_sane_sizes

Array = npt.NDArray[np.generic]

MAX_BATCH = 256
"""Most images at once that a network may be fixed to."""


class SingleBatch(Pass):
    """Input 4 x C x H x W -> 1 x C x H x W.

    1. A network whose batch is free, or one image, is left alone.
    2. Constant targets of Reshape and Expand that count the images are written so that they follow the batch.
    3. That is kept if every image then comes out, alone, as it does in a batch of different ones.
    4. Otherwise the image is repeated to fill the batch, in the graph, which costs as much as the whole batch; this is
       kept if the other images of a batch make no difference to one. If they do, the network is refused.
    """

    name = "single-batch"
    preserves_function = False  # it takes other inputs; rules 3 and 4 are the proof

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Apply the rules.

        Raises:
            ModelError: the images of a batch affect each other, or are more than `MAX_BATCH`.
        """
        batch = declared_shape(model, image_input(model)[0])[0]
        if batch is None or batch == 1:
            return PassResult(model, False, {"batch": batch})
        if not 1 < batch <= MAX_BATCH:
            raise ModelError(
                f"the network takes {batch} images at once",
                where=image_input(model)[0],
                why=f"slsc takes up to {MAX_BATCH}",
                hint="export it for one image, or any number",
            )
        alone = copy_of(model)
        rewritten = follow_batch(alone, batch)
        _declare(alone, 1)
        try:
            proven = _same(model, alone, batch)
        except ModelError:
            proven = False
        if proven:
            note = f"fixed to {batch} images in the file; one at a time gives the same"
            return PassResult(alone, True, {"batch": batch, "rewritten": rewritten, "note": note})
        filled = copy_of(model)
        _fill(filled, batch)
        if not _same(model, filled, batch):
            raise ModelError(
                f"the network takes {batch} images at once, which affect each other",
                where=image_input(model)[0],
                hint="slsc compiles networks that restore each image by itself",
            )
        note = f"fixed to {batch} images, all of which are computed for each one"
        return PassResult(filled, True, {"batch": batch, "note": note})


def follow_batch(model: onnx.ModelProto, batch: int) -> list[str]:
    """Let targets of Reshape and Expand that are written for `batch` images follow the batch; in place.

    A target is constant, or begins with a constant that is joined to computed sizes. Without another -1 its first
    number becomes -1, which comes to the same with `batch` images; so it does where the size is fixed, and what the
    other -1 stands for therefore known. Else, where it is `batch`, it becomes 0: as many as the input has. Expand takes
    1 in its place.

    Returns:
        The nodes that changed.
    """
    values, makers, known, done = _constants(model), producers(model), _fixed_shapes(model, batch), []
    for node in model.graph.node:
        if node.op_type not in ("Reshape", "Expand") or len(node.input) < 2 or attribute(node, "allowzero", 0):
            continue
        holder, index, whole = node, 1, True
        maker = makers.get(node.input[1])
        if node.input[1] not in values and maker is not None and maker.op_type == "Concat":
            holder, index, whole = maker, 0, False
        target = values.get(holder.input[index])
        rest = [values[name] for name in holder.input[1:] if name in values] if not whole else []
        if target is None or target.ndim != 1 or not len(target) or target.dtype != np.int64:
            continue
        if whole and node.op_type == "Reshape" and node.output[0] in known:
            target = np.array(known[node.output[0]], np.int64)
        taken = any(-1 in part for part in (target, *rest))
        first = _first(node.op_type, int(target[0]), batch, taken, whole)
        if first is not None and first != target[0]:
            name = f"{node.output[0]}.target"
            set_initializer(model, name, np.array([first, *target[1:]], np.int64))
            holder.input[index] = name
            done.append(label(node))
    return done


def _fixed_shapes(model: onnx.ModelProto, batch: int) -> dict[str, tuple[int, ...]]:
    """Shape of every tensor for `batch` images of a network of one size; nothing for others."""
    size = fixed_hw(model)
    try:
        return concrete_shapes(model, size, batch).of if size else {}
    except ModelError:
        return {}


def _first(kind: str, first: int, batch: int, taken: bool, whole: bool) -> int | None:
    """What the first number of a target becomes."""
    if kind == "Expand":
        return 1 if first == batch else None
    if not taken and (whole or first == batch):
        return -1
    return 0 if first == batch else None


def _constants(model: onnx.ModelProto) -> dict[str, Array]:
    """Initializers and Constant nodes that may be targets."""
    users = [node for node in model.graph.node if node.op_type in ("Reshape", "Expand", "Concat")]
    wanted = {name for node in users for name in node.input}
    nodes = [node for node in model.graph.node if node.op_type == "Constant" and node.output[0] in wanted]
    small = {tensor.name for tensor in model.graph.initializer if len(tensor.dims) == 1 and tensor.dims[0] <= 16}
    held = {name: value for name, value in initializers(model).items() if name in wanted & small}
    return {**held, **{node.output[0]: constant_tensor(node) for node in nodes}}


def _declare(model: onnx.ModelProto, batch: int) -> None:
    for value in (*model.graph.input, *model.graph.output):
        dims = value.type.tensor_type.shape.dim
        if value.name in image_input(model) and len(dims) == 4:
            dims[0].dim_value = batch
    del model.graph.value_info[:]


def _fill(model: onnx.ModelProto, batch: int) -> None:
    """Rule 4: batch copies in, the first image out."""
    image, output = image_input(model)
    many, made = f"{image}.batch", f"{output}.batch"
    rename_tensor(model, image, many)
    rename_tensor(model, output, made)
    model.graph.node.insert(0, helper.make_node("Concat", [image] * batch, [many], many, axis=0))
    set_initializer(model, f"{output}.first", np.array([0], np.int64))
    model.graph.node.append(helper.make_node("Gather", [made, f"{output}.first"], [output], made, axis=0))
    _declare(model, 1)


def _same(fixed: onnx.ModelProto, alone: onnx.ModelProto, batch: int) -> bool:
    """Whether each of `batch` different images comes out of `alone` as out of the batch."""
    size = any_size(alone)
    require_sane_sizes(fixed, size, batch)
    shape = (batch, image_channels(fixed), *size)
    images = np.random.default_rng(0).random(shape, np.float32)
    together = verify.run(verify.session(fixed), images)
    running = verify.session(alone)
    single = np.concatenate([verify.run(running, image[None]) for image in images])
    if together.shape != single.shape:
        return False
    limit = verify.tolerance(fixed) * max(float(np.ptp(together)), 1e-12)
    return bool(np.abs(together - single).max() <= limit)
