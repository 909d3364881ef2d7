"""The plan: what the search hands to the passes, and the manifest keeps. Stdlib and numpy only."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from slsc.errors import BudgetError, PlanError
from slsc.pattern import RULES

MAX_BUDGET_TEXT = 40


def parse_budget(text: str) -> Fraction:
    """A budget such as `1/8`, `0.125` or `12.5%` as an exact fraction of the dense MACs of the prunable layers.

    Raises:
        BudgetError: not a number, or outside (0, 1].
    """
    stripped = text.strip()
    try:
        if len(stripped) > MAX_BUDGET_TEXT or "e" in stripped.lower():  # 1e-999999999 would be computed exactly
            raise ValueError
        value = Fraction(stripped[:-1]) / 100 if stripped.endswith("%") else Fraction(stripped)
    except (ValueError, ZeroDivisionError):
        raise BudgetError(f"budget {text!r} is not a number", hint="write it as 1/8, 0.125 or 12.5%") from None
    if not 0 < value <= 1:
        raise BudgetError(
            f"budget {text!r} is outside (0, 1]",
            why="it is the kept share of the dense MACs",
            hint="try --budget 1/8",
        )
    return value


def mask_digest(mask: npt.NDArray[np.bool_]) -> str:
    """SHA-256, in hex, of a mask: its shape and its bits in C order."""
    head = ",".join(map(str, mask.shape)).encode() + b";"
    return hashlib.sha256(head + np.packbits(mask).tobytes()).hexdigest()


@dataclass(frozen=True)
class LayerPlan:
    """What one layer keeps.

    Attributes:
        name: the weight's initializer name in the ONNX file, the layer's identity everywhere.
        n: kept of every `m`, 1 <= n <= m; n == m means dense.
        m: group size.
        rule: mask rule, one of `slsc.pattern.RULES`.
        mask_sha256: `mask_digest` of the layer's mask.
    """

    name: str
    n: int
    m: int
    rule: str
    mask_sha256: str

    def __post_init__(self) -> None:
        if not self.name:
            raise PlanError("a layer of the plan has no name")
        if type(self.n) is not int or type(self.m) is not int or not 1 <= self.n <= self.m <= 256:
            raise PlanError("N:M out of range", where=self.name, why=f"got {self.n}:{self.m}, need 1 <= N <= M <= 256")
        if self.rule not in RULES:
            raise PlanError(f"unknown mask rule {self.rule!r}", where=self.name, hint=f"use one of {', '.join(RULES)}")
        if len(self.mask_sha256) != 64 or set(self.mask_sha256) - set("0123456789abcdef"):
            raise PlanError("the mask's SHA-256 is malformed", where=self.name)


@dataclass(frozen=True)
class Plan:
    """N:M of every prunable layer of one network, in the graph's order.

    Attributes:
        layers: one entry per prunable layer, names unique.
        budget: what was asked for, as a string such as "1/8".
        kept_share: kept MACs / dense MACs over the prunable layers that was reached, 0..1.
        method: name of the search that made it.
    """

    layers: tuple[LayerPlan, ...]
    budget: str
    kept_share: float
    method: str

    def __post_init__(self) -> None:
        names = [layer.name for layer in self.layers]
        if len(set(names)) != len(names):
            raise PlanError("a layer appears twice in the plan")
        if not 0 <= self.kept_share <= 1:
            raise PlanError(f"the kept share {self.kept_share} is outside 0..1")

    def by_name(self) -> dict[str, LayerPlan]:
        """The layers keyed by initializer name."""
        return {layer.name: layer for layer in self.layers}

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values; `from_dict` is the inverse."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Plan:
        """Read a plan from untrusted JSON values.

        Raises:
            PlanError: a field is missing, of the wrong type, or out of range.
        """
        try:
            layers = tuple(
                LayerPlan(str(e["name"]), e["n"], e["m"], str(e["rule"]), str(e["mask_sha256"])) for e in data["layers"]
            )
            return cls(layers, str(data["budget"]), float(data["kept_share"]), str(data["method"]))
        except (KeyError, TypeError, ValueError) as error:
            raise PlanError("the plan is malformed", why=f"{type(error).__name__}: {error}") from None
