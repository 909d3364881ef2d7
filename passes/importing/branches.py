"""If of a condition that no photo changes: the branch that is taken, without the other."""

from __future__ import annotations

import copy

import numpy as np
import onnx
from onnx import helper, shape_inference

from slsc.passes.analysis.evaluate import EVALUATED, evaluate
from slsc.passes.base import Pass, PassContext, PassResult, copy_of
from slsc.passes.graph import SIZE_OPERATORS, attribute, hold_constants, initializers, replace_nodes, subgraphs

MOST_VALUES = 1024
"""Of a tensor that a condition is computed from."""


class TakeBranches(Pass):
    """If(true, a, b) -> a.

    1. A condition is known where it follows from constants, among them ranks and declared extents of tensors. Where
       both branches are the same it does not matter.
    2. The nodes of its branch take the place of the If, what they make under names of their own. They may hold an If,
       which is looked at likewise.
    3. Other Ifs stay, for others to refuse.
    """

    name = "take-branches"

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Apply the rules until no condition is known any more."""
        taken: list[str] = []
        while any(node.op_type == "If" for node in model.graph.node):
            after, done = _without_known(model)
            if not done:
                break
            model, taken = after, [*taken, *done]
        return PassResult(model, bool(taken), {"taken": taken})


def _without_known(model: onnx.ModelProto) -> tuple[onnx.ModelProto, list[str]]:
    result = copy_of(model)
    hold_constants(result)
    values, nodes, done = _known(result), [], []
    for node in result.graph.node:
        branch = _taken(node, values) if node.op_type == "If" else None
        if branch is None:
            nodes.append(node)
            continue
        nodes += _inlined(branch, node, result)
        done.append(node.name or node.output[0])
    replace_nodes(result, nodes)
    return result, done


def _taken(node: onnx.NodeProto, values: dict[str, np.ndarray]) -> onnx.GraphProto | None:
    """The branch of an If that is taken, None where that is not known."""
    then, otherwise = attribute(node, "then_branch"), attribute(node, "else_branch")
    condition = values.get(node.input[0])
    if condition is not None and condition.size == 1:
        return then if bool(condition.reshape(-1)[0]) else otherwise
    return then if _spelled(then) == _spelled(otherwise) else None


def _spelled(branch: onnx.GraphProto) -> onnx.GraphProto:
    """A branch with names by place, to be compared; such that no exporter gives to tensors from outside."""
    made = [name for node in branch.node for name in node.output if name]
    names = {name: f"\0{place}" for place, name in enumerate([*made, *(tensor.name for tensor in branch.initializer)])}
    result = onnx.GraphProto()
    for node in branch.node:
        copied = result.node.add()
        copied.CopyFrom(node)
        copied.name = copied.doc_string = ""
        _rename(copied, names)
    for tensor in branch.initializer:
        held = result.initializer.add()
        held.CopyFrom(tensor)
        held.name = names[tensor.name]
    for value in branch.output:
        result.output.add().name = names.get(value.name, value.name)
    return result


def _known(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    """Values of small tensors that follow from constants and extents (rule 1)."""
    values = {name: value for name, value in initializers(model).items() if value.size <= MOST_VALUES}
    extents = _extents(model)
    for node in model.graph.node:
        if node.op_type in SIZE_OPERATORS and not node.attribute and node.input[0] in extents:
            shape = np.array(extents[node.input[0]], np.int64)
            values[node.output[0]] = shape if node.op_type == "Shape" else np.array(shape.prod(), np.int64)
        elif node.op_type in EVALUATED and all(name in values for name in node.input if name):
            values.update(_computed(node, model, values))
    return values


def _extents(model: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    """Of every tensor that is of one size only, as far as ONNX can tell."""
    inferred = shape_inference.infer_shapes(model).graph
    kinds = {value.name: value.type.tensor_type for value in (*inferred.value_info, *inferred.input)}
    known = {name: kind for name, kind in kinds.items() if kind.HasField("shape")}
    fixed = {name: [dim.dim_value for dim in kind.shape.dim] for name, kind in known.items() if _is_fixed(kind)}
    return {name: tuple(dims) for name, dims in fixed.items()}


def _is_fixed(kind: onnx.TypeProto.Tensor) -> bool:
    return all(dim.HasField("dim_value") for dim in kind.shape.dim)


def _computed(node: onnx.NodeProto, model: onnx.ModelProto, values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    try:
        found = evaluate(node, model.opset_import, {name: values[name] for name in node.input if name})
    except Exception:  # whatever the reference operators raise on senseless values: nothing is known then
        return {}
    return {name: value for name, value in found.items() if value.size <= MOST_VALUES}


def _inlined(branch: onnx.GraphProto, node: onnx.NodeProto, model: onnx.ModelProto) -> list[onnx.NodeProto]:
    """Rule 2. What a branch makes is named after what the If does."""
    prefix = f"{node.output[0]}.branch."
    made = {name for inner in branch.node for name in inner.output if name}
    names = {name: prefix + name for name in made | {tensor.name for tensor in branch.initializer}}
    for tensor in branch.initializer:
        held = model.graph.initializer.add()
        held.CopyFrom(tensor)
        held.name = names[tensor.name]
    nodes = []
    for inner in branch.node:
        nodes.append(copy.deepcopy(inner))
        _rename(nodes[-1], names)
    ends = zip(branch.output, node.output, strict=True)
    nodes += [helper.make_node("Identity", [names.get(end.name, end.name)], [name], name) for end, name in ends if name]
    return nodes


def _rename(node: onnx.NodeProto, names: dict[str, str]) -> None:
    """Give tensors other names, in graphs within the node too."""
    for ends in (node.input, node.output):
        ends[:] = [names.get(name, name) for name in ends]
    for attr in node.attribute:
        for graph in subgraphs(attr):
            for inner in graph.node:
                _rename(inner, names)
            for value in graph.output:
                value.name = names.get(value.name, value.name)
