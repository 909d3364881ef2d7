"""Networks without padding: the image's edge is continued, so that the output is a whole multiple of the image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper

from slsc.errors import ModelError
from slsc.passes.analysis.shapes import concrete_shapes, sample_size
from slsc.passes.analysis.sizes import Borders, Sides
from slsc.passes.base import Pass, PassContext, PassResult, copy_of
from slsc.passes.graph import fixed_hw, image_input, opset, rename_tensor, set_initializer

SPATIAL = (2, 3)
TO_THE_END = (1 << 63) - 1


@dataclass(frozen=True)
class _Margin:
    """Along one axis: pixels that are put on before and after the image, and output pixels that are cut off again."""

    before: int
    after: int
    cut_before: int
    cut_after: int


class ContinueEdges(Pass):
    """out = s*in - 2k -> out = s*in.

    1. A network whose output is a whole multiple of its input, at any size or at those that strides divide, is left
       alone.
    2. Otherwise the size of the output must be s*in - 2k, for all sizes that leave one remainder r divided by m.
       In front of the network each side of the image is then continued by k/s pixels of its edge, rounded up, and the
       far sides by as many more as make multiples of m leave the remainder r.
    3. What comes out beyond s times the image is cut off.
    4. A network of one size is fed an image that is smaller by what is put on.
    """

    name = "continue-edges"
    preserves_function = False  # it takes other sizes

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Apply the rules; a network whose sizes follow no such rule is left for others to refuse."""
        borders = None if _is_plain(model) else _borders(model)
        if borders is None or borders.plain or any(cut < 0 or cut % 2 for cut in borders.cut):
            return PassResult(model, False, {"edges": "none"})
        margins = [_margin(borders, cut) for cut in borders.cut]
        size = fixed_hw(model)
        if size and min(side - one.before - one.after for side, one in zip(size, margins, strict=True)) < 1:
            return PassResult(model, False, {"edges": "the network's one size has no room for them"})
        result = copy_of(model)
        _put_on(result, margins)
        _cut_off(result, margins)
        _declare(result, margins, borders.scale)
        rows, columns = (cut // 2 for cut in borders.cut)
        shown = f"{rows}" if rows == columns else f"{rows} (rows) and {columns} (columns)"
        note = (
            f"the network cuts {shown} px off each side of its output; the photo's edge is continued by "
            f"{max(one.before for one in margins)} px"
        )
        report = {"scale": borders.scale, "cut": list(borders.cut), "period": borders.period, "note": note}
        return PassResult(result, True, report)


def _is_plain(model: onnx.ModelProto) -> bool:
    """Rule 1, at the first size that is taken, whose sides differ."""
    try:
        size = sample_size(model)
        made = concrete_shapes(model, size).of[image_input(model)[1]][2:]
    except ModelError:
        return False
    rows, columns = (divmod(after, before) for before, after in zip(size, made, strict=False))
    return rows == columns and rows[1] == 0 and rows[0] > 0


def _borders(model: onnx.ModelProto) -> Borders | None:
    """Rule 2; of a network of one size the scale is the next whole number above what it makes of that."""
    sides = Sides(model)
    size = fixed_hw(model)
    if size is None:
        return sides.borders
    made = sides.of(size)
    if made is None:
        return None
    scale = -(-made[0] // size[0])
    known = sides.borders
    if known is None:
        known = Borders(scale, (scale * size[0] - made[0], scale * size[1] - made[1]), 1, 0)
    agrees = all(known.scale * side - cut == out for side, cut, out in zip(size, known.cut, made, strict=True))
    return known if agrees and -(-made[1] // size[1]) == scale else None


def _margin(borders: Borders, cut: int) -> _Margin:
    scale, half = borders.scale, cut // 2
    before = -(-half // scale)
    extra = (borders.remainder - 2 * before) % borders.period
    beyond = scale * before - half
    return _Margin(before, before + extra, beyond, beyond + scale * extra)


def _put_on(model: onnx.ModelProto, margins: list[_Margin]) -> None:
    image, _ = image_input(model)
    inner = f"{image}.continued"
    rename_tensor(model, image, inner)
    pads = [0, 0, *(one.before for one in margins), 0, 0, *(one.after for one in margins)]
    if opset(model) < 11:
        node = helper.make_node("Pad", [image], [inner], inner, mode="edge", pads=pads)
    else:
        set_initializer(model, f"{inner}.by", np.array(pads, np.int64))
        node = helper.make_node("Pad", [image, f"{inner}.by"], [inner], inner, mode="edge")
    model.graph.node.insert(0, node)


def _cut_off(model: onnx.ModelProto, margins: list[_Margin]) -> None:
    """Rule 3."""
    if not any(one.cut_before or one.cut_after for one in margins):
        return
    _, output = image_input(model)
    made = f"{output}.uncut"
    rename_tensor(model, output, made)
    starts = [one.cut_before for one in margins]
    ends = [-one.cut_after if one.cut_after else TO_THE_END for one in margins]
    if opset(model) < 10:
        node = helper.make_node("Slice", [made], [output], made, axes=SPATIAL, starts=starts, ends=ends)
    else:
        named = {"from": starts, "to": ends, "axes": SPATIAL}
        for name, values in named.items():
            set_initializer(model, f"{made}.{name}", np.array(values, np.int64))
        node = helper.make_node("Slice", [made, *(f"{made}.{name}" for name in named)], [output], made)
    model.graph.node.append(node)


def _declare(model: onnx.ModelProto, margins: list[_Margin], scale: int) -> None:
    """Rule 4, and an output of `scale` times the input."""
    image, output = image_input(model)
    size = fixed_hw(model)
    inner = [side - one.before - one.after for side, one in zip(size, margins, strict=True)] if size else None
    for value in (*model.graph.input, *model.graph.output):
        dims = value.type.tensor_type.shape.dim
        if value.name not in (image, output) or len(dims) != 4:
            continue
        for index, axis in enumerate(SPATIAL):
            if inner:
                dims[axis].dim_value = inner[index] * (scale if value.name == output else 1)
            elif value.name == output:
                dims[axis].dim_param = f"{output}.{axis}"
    del model.graph.value_info[:]
