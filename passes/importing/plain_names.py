"""Names that can be printed and stored."""

from __future__ import annotations

import onnx

from slsc.passes.base import Pass, PassContext, PassResult, copy_of

LONGEST = 1024
"""Characters of a name, beyond which it is cut."""


class PlainNames(Pass):
    """ "in\\tput" -> "in_put": bundles and plans hold printable names only.

    1. Characters that cannot be printed become "_", and names that are too long are cut; if there is such a name
       already, "_" is added until there is none.
    2. Inputs, outputs, stored tensors, nodes and all they make and use are renamed alike.
    """

    name = "plain-names"

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Apply the rules."""
        tensors = _renamed(_tensors(model))
        nodes = _renamed([node.name for node in model.graph.node])
        if not tensors and not nodes:
            return PassResult(model, False, {"renamed": []})
        result = copy_of(model)
        graph = result.graph
        for node in graph.node:
            node.name = nodes.get(node.name, node.name)
            for names in (node.input, node.output):
                names[:] = [tensors.get(name, name) for name in names]
        for held in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
            held.name = tensors.get(held.name, held.name)
        return PassResult(result, True, {"renamed": sorted({*tensors.values(), *nodes.values()})})


def _tensors(model: onnx.ModelProto) -> list[str]:
    graph = model.graph
    held = [value.name for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer)]
    return [*held, *(name for node in graph.node for name in (*node.input, *node.output))]


def _renamed(names: list[str]) -> dict[str, str]:
    """New names by old ones, of those that need one."""
    taken, found = set(names), {}
    for name in dict.fromkeys(names):
        plain = "".join(char if char.isprintable() else "_" for char in name)[:LONGEST]
        if plain == name:
            continue
        while plain in taken:
            plain += "_"
        taken.add(plain)
        found[name] = plain
    return found
