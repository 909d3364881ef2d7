"""Collecting steps node by node."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx

from slsc.passes.graph import label
from slsc.passes.lowering.facts import GraphFacts
from slsc.passes.lowering.refusal import refuse
from slsc.passes.lowering.steps import NO_ACTIVATION, Activation, Array, Space, Step, Unary


class Builder:
    """The steps so far, and the space of every tensor.

    Args:
        facts: of the graph, in float32.
        halves: outputs of the convolutions that the network computes in bfloat16.

    A tensor of the graph that equals another one shares its name: `find` gives the name of the tensor that holds it.
    """

    def __init__(self, facts: GraphFacts, halves: frozenset[str] = frozenset()) -> None:
        self.facts, self.halves = facts, halves
        self.steps: list[Step] = []
        self.spaces: dict[str, Space] = {facts.image: Space(facts.channels(facts.image))}
        self._same: dict[str, str] = {}

    def find(self, node: onnx.NodeProto, index: int) -> str:
        """The tensor that holds input `index` of `node`.

        Raises:
            LoweringRefusal: it does not depend on the image, or not only on what the image shows.
        """
        name = node.input[index]
        found = self.holder(name)
        if found not in self.spaces:
            raise refuse(node, f"its input {name!r} is no image but follows from constants or sizes")
        return found

    def holder(self, name: str) -> str:
        """The tensor that holds the graph's tensor `name`."""
        return self._same.get(name, name)

    def space(self, name: str) -> Space:
        """The space of a tensor that `find` gave."""
        return self.spaces[name]

    def add(self, step: Step) -> str:
        """Append a step; gives its output."""
        self.steps.append(step)
        self.spaces[step.output] = step.space(*(self.spaces[name] for name in step.inputs))
        return step.output

    def same(self, name: str, held_by: str) -> None:
        """Note that the graph's tensor `name` equals the tensor `held_by`."""
        self._same[name] = held_by

    def unary(
        self,
        node: onnx.NodeProto,
        source: str,
        *,
        scale: Array | None = None,
        shift: Array | None = None,
        act: Activation = NO_ACTIVATION,
        output: str | None = None,
    ) -> str:
        """Append a `Unary` step, or nothing where it would change nothing."""
        if scale is not None and np.all(scale == 1):
            scale = None
        if shift is not None and not np.any(shift):
            shift = None
        made = output or node.output[0]
        if scale is None and shift is None and not act:
            self.same(made, source)
            return source
        return self.add(Unary(label=label(node), inputs=(source,), output=made, scale=scale, shift=shift, act=act))


Lower = Callable[[onnx.NodeProto, Builder], None]
"""Lowers a node: adds steps that make its outputs, or says what holds them. Raises LoweringRefusal."""
