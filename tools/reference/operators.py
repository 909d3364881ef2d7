"""The page of the operators: what the front end runs, and what the native engine has an operation for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from slsc.onnx_torch.ops import OPS
from slsc.passes.lowering.convolution import conv
from slsc.passes.lowering.operators import OPERATORS
from slsc.tools.reference.markdown import page, paragraph

LOWERED: Mapping[str, Callable[..., object]] = {"Conv": conv, **OPERATORS}
"""Operator -> the function that makes it operations of the engine; Conv needs the plan and is outside the table."""

INTRO = (
    "ONNX operators of the default domain. The *front end* runs a network with torch, to probe, search and train it: "
    "an operator that it lacks is an error that names the node. The *native engine* runs the compiled network: what it "
    "lacks `slsc compile` names, and the bundle then runs on ONNX Runtime. What only computes sizes and constants is "
    "folded beforehand and needs no operation of the engine. A cell says what there is to know beyond the name."
)


def operators_page() -> str:
    """The whole page."""
    rows = [f"| `{name}` | {_cell(name, OPS)} | {_cell(name, LOWERED)} |" for name in sorted({*OPS, *LOWERED})]
    table = "\n".join(("| operator | front end | native engine |", "| --- | --- | --- |", *rows))
    return page("Operators", (INTRO, f"{len(OPS)} operators in the front end, {len(LOWERED)} in the engine.", table))


def _cell(name: str, functions: Mapping[str, Callable[..., object]]) -> str:
    """Empty where there is no function, else what its docstring says of the operator beyond its name."""
    if name not in functions:
        return ""
    first = paragraph((functions[name].__doc__ or "").partition("\n\n")[0]).rstrip(".")
    if name not in first:
        return "yes"
    shared = sum(function is functions[name] for function in functions.values()) > 1
    said = first if shared else re.sub(rf"^{name}(\([^)]*\))?[:;,.]? ?", "", first)
    return said.replace("|", "\\|") or "yes"
