"""GELU spelled out with the error function, as exporters below operator set 20 write it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import onnx

from slsc.passes.lowering.facts import GraphFacts

HALF_ROOT = math.sqrt(0.5)
TOLERANCE = 1e-4
"""Of the constants, relative; exporters round them."""


@dataclass(frozen=True)
class SpelledGelu:
    """A GELU of several nodes.

    Attributes:
        source: the tensor it is taken of.
        output: the tensor it makes.
        nodes: outputs of the nodes it consists of, the last one left out.
    """

    source: str
    output: str
    nodes: frozenset[str]


def spelled_gelus(facts: GraphFacts) -> list[SpelledGelu]:
    """x * 1/2 * (1 + erf(x / sqrt 2)), its products taken in any order."""
    found = (_match(facts, node) for node in facts.nodes if node.op_type == "Erf")
    return [match for match in found if match]


def _match(facts: GraphFacts, erf: onnx.NodeProto) -> SpelledGelu | None:
    inner = facts.producers.get(erf.input[0])
    source = _scaled(facts, inner, HALF_ROOT)
    plus = facts.only_consumer(erf.output[0])
    if inner is None or source is None or plus is None or not _is(facts, plus, "Add", erf.output[0], 1):
        return None
    nodes, held, factors = {inner.output[0], erf.output[0]}, plus, {"x", "half"}
    while factors:
        nodes.add(held.output[0])
        product = facts.only_consumer(held.output[0])
        factor = _factor(facts, product, held.output[0], source) if product else None
        if product is None or factor is None or not factor[0] <= factors:
            return None
        factors, nodes, held = factors - factor[0], nodes | factor[1], product
    return SpelledGelu(source, held.output[0], frozenset(nodes))


def _factor(facts: GraphFacts, node: onnx.NodeProto, held: str, source: str) -> tuple[set[str], set[str]] | None:
    """What `node` multiplies `held` with: x, one half, or both; and the outputs of nodes that make that factor."""
    if node.op_type == "Mul" and source in node.input and held in node.input:
        return {"x"}, set()
    if _is(facts, node, "Mul", held, 0.5) or _is(facts, node, "Div", held, 2):
        return {"half"}, set()
    if node.op_type != "Mul" or held not in node.input:
        return None
    other = node.input[1 - list(node.input).index(held)]
    maker = facts.producers.get(other)
    if facts.only_consumer(other) is None or _scaled(facts, maker, 0.5) != source:
        return None
    return {"x", "half"}, {other}


def _scaled(facts: GraphFacts, node: onnx.NodeProto | None, factor: float) -> str | None:
    """The tensor that `node` multiplies by `factor`."""
    if node is None or node.op_type not in ("Mul", "Div"):
        return None
    for index in (0, 1) if node.op_type == "Mul" else (0,):
        wanted = factor if node.op_type == "Mul" else 1 / factor
        if _is(facts, node, node.op_type, node.input[index], wanted):
            return str(node.input[index])
    return None


def _is(facts: GraphFacts, node: onnx.NodeProto, op: str, held: str, wanted: float) -> bool:
    """Whether `node` is `held` (op) `wanted`; Div only in this order."""
    if node.op_type != op or held not in node.input:
        return False
    index = list(node.input).index(held)
    if op == "Div" and index:
        return False
    value = facts.constant(node.input[1 - index])
    return value is not None and value.size == 1 and math.isclose(value.reshape(-1)[0], wanted, rel_tol=TOLERANCE)
