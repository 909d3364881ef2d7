"""ONNX graph and plan -> the native engine's plan file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import onnx

from slsc.passes.analysis.cost import WEIGHTED
from slsc.passes.graph import label
from slsc.passes.lowering.accumulate import accumulate
from slsc.passes.lowering.builder import Builder
from slsc.passes.lowering.convolution import Layers, conv
from slsc.passes.lowering.emit import Emitter
from slsc.passes.lowering.facts import GraphFacts
from slsc.passes.lowering.fuse import data_inputs, fuse
from slsc.passes.lowering.gelu import spelled_gelus
from slsc.passes.lowering.halves import combined_in_halves
from slsc.passes.lowering.nmp import DType, PlanFile
from slsc.passes.lowering.nmp_ops import Act
from slsc.passes.lowering.operators import OPERATORS
from slsc.passes.lowering.place import Layout, place
from slsc.passes.lowering.quantizing import endings_in_floats
from slsc.passes.lowering.refusal import refuse
from slsc.passes.lowering.steps import Activation, Conv, Resize, Step
from slsc.passes.precision.emulate import convolutions_in, tensors_in, widened
from slsc.passes.precision.types import BF16
from slsc.plan import Plan


def lower(model: onnx.ModelProto, plan: Plan | None) -> bytes:
    """Lower a network to a plan file of the native engine.

    1. Every node that depends on what the image shows becomes one or more steps; the rest are constants and sizes.
    2. Steps are fused where the engine can do both at once (`slsc.passes.lowering.fuse`), and convolutions in bfloat16
       combine their sums with what was rounded (`slsc.passes.lowering.halves`).
    3. Convolutions of what is made far apart become sums that grow (`slsc.passes.lowering.accumulate`).
    4. Tensors are given values and channel offsets, so that Concat, Split and Slice cost nothing but rare copies
       (`slsc.passes.lowering.place`).
    5. Steps become operations. Weights that the plan keeps at N < M are stored rank-major, the others dense.

    Args:
        model: as the import passes leave it (`slsc.passes.importing.import_model`), masks baked in where there is a
            plan; float32, or typed since then (`slsc.passes.precision`). Convolutions in bfloat16 run so where that
            pays (`slsc.passes.lowering.halves`); else what it computes in 16 bits is computed in float32.
        plan: N:M by weight; None for a dense network.

    Returns:
        The file; `slsc.passes.lowering.nmp.PlanFile` reads it.

    Raises:
        LoweringRefusal: the engine has no operation for some node, which is named.
        ModelError: the network has no image input or output.
    """
    return lowered(model, plan).plan.to_bytes()


@dataclass(frozen=True)
class Lowered:
    """A network as a plan.

    Attributes:
        plan: it.
        labels: of every operation of the plan, the node it is named after in messages.
    """

    plan: PlanFile
    labels: tuple[str, ...]


def lowered(model: onnx.ModelProto, plan: Plan | None, *, halves: bool = True) -> Lowered:
    """As `lower`, before it becomes bytes; without `halves` bfloat16 becomes float32 everywhere."""
    build, layout = _laid_out(model, plan, halves)
    output = build.holder(build.facts.output)
    end = layout.places.get(f"{output}.copy", layout.places[output])
    plan_file = Emitter(build.spaces).plan(layout, build.facts.image, end)
    return Lowered(plan_file, tuple(step.label for step in layout.steps))


def layers_of_operations(model: onnx.ModelProto, plan: Plan | None) -> list[str | None]:
    """The layer that each operation of the lowered plan computes, by its weight's name; None for what has no weight.

    One layer may make several operations.

    Args:
        model: see `lower`.
        plan: see `lower`.

    Raises:
        LoweringRefusal, ModelError: as `lower`.
    """
    build, layout = _laid_out(model, plan)
    names = {
        label(node): build.facts.weight_name(node.input[1]) for node in build.facts.nodes if node.op_type in WEIGHTED
    }
    return [names.get(step.label) if isinstance(step, Conv) else None for step in layout.steps]


def _laid_out(model: onnx.ModelProto, plan: Plan | None, halves: bool = True) -> tuple[Builder, Layout]:
    """Steps 1 to 4."""
    facts = GraphFacts(widened(model))
    build = Builder(facts, convolutions_in(BF16, model) if halves else frozenset())
    _build(build, plan.by_name() if plan else {})
    output = build.holder(facts.output)
    fused = endings_in_floats(fuse(build.steps, output), build.spaces, output)
    if halves:
        fused = combined_in_halves(fused, tensors_in(BF16, model))
    steps = accumulate(_sized(fused, build), build.spaces, output)
    return build, place(steps, build.spaces, facts.image, output)


def _build(build: Builder, layers: Layers) -> None:
    """Step 1."""
    facts = build.facts
    gelus = {match.output: match for match in spelled_gelus(facts)}
    inside = frozenset().union(*(match.nodes for match in gelus.values()))
    for node in facts.nodes:
        name = node.output[0]
        if not facts.moving.intersection(node.output) or name in inside:
            continue
        if node.op_type not in ("Identity", "DequantizeLinear") and _reads_integers(node, build):
            raise refuse(node, "it computes in integers")
        if name in gelus:
            build.unary(node, build.holder(gelus[name].source), act=Activation(Act.GELU))
        elif node.op_type == "Conv":
            conv(node, build, layers)
        elif node.op_type in OPERATORS and not node.domain:
            OPERATORS[node.op_type](node, build)
        else:
            raise refuse(node, f"it has no operation {node.op_type}")


def _reads_integers(node: onnx.NodeProto, build: Builder) -> bool:
    spaces = [build.spaces.get(build.holder(name)) for name in node.input]
    return any(space is not None and space.dtype != DType.F32 for space in spaces)


def _sized(steps: Sequence[Step], build: Builder) -> list[Step]:
    """Let every Resize to another tensor's size name one that is stored.

    Best the image, which is small and never packed; else one that lives until then anyway.
    """
    facts, spaces = build.facts, build.spaces
    last_use = {name: index for index, step in enumerate(steps) for name in data_inputs(step)}
    sized: list[Step] = []
    for index, step in enumerate(steps):
        if isinstance(step, Resize) and step.factor is None:
            wanted = facts.hw(step.inputs[1])
            floats = (each.output for each in sized if spaces[each.output].dtype == DType.F32)
            stored = [facts.image, *floats]
            alike = [name for name in stored if facts.hw(name) == wanted]
            lasting = max(alike, key=lambda name: last_use.get(name, -1) >= index)
            step = replace(step, inputs=(step.inputs[0], facts.image if facts.image in alike else lasting))
        sized.append(step)
    return sized
