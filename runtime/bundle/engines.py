"""Engines and candidates of a bundle's manifest: a network in the forms that backends load, and what tiles are given.

They are read strictly, as the manifest is; see `slsc.runtime.bundle.manifest`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from slsc.errors import PlanError
from slsc.pattern import RULES
from slsc.plan import LayerPlan, Plan
from slsc.runtime.bundle.fields import MAX_COUNT, MAX_ITEMS, Fields, finite_number, malformed, text

ONNX = "onnx"
"""Kind of the artefact that every engine has: the truth, which the others are made from."""

KIND = re.compile(r"[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*")
MAX_KIND, MAX_KINDS, MAX_NAME = 32, 16, 64
MAX_M = 256
MAX_SCALE = 1e30

FLOAT32 = "float32"
HALVES = ("fp16", "bf16", "bf16-rounded")
PRECISIONS = (*HALVES, "int8", "auto")
LAYER_TYPES = (FLOAT32, *HALVES, "int8")

ZERO_COST = {"sr": "bicubic", "restore": "identity"}
"""Task -> the candidate that costs nothing."""


@dataclass(frozen=True)
class Artefact:
    """A network in the form that some backend loads: the name of its entry in the bundle."""

    entry: str

    @classmethod
    def from_dict(cls, data: Any, path: str = "artefact") -> Artefact:
        """Read and check; see the module."""
        fields = Fields(data, path)
        value = cls(fields.text("entry", longest=200))
        fields.close()
        return value


@dataclass(frozen=True)
class Scale:
    """How integers stand for the numbers of a tensor: number = (integer - zero) * scale.

    Attributes:
        scale: above 0.
        zero: 0..255.
    """

    scale: float
    zero: int

    @classmethod
    def from_dict(cls, data: Any, path: str = "scale") -> Scale:
        """Read and check; see the module."""
        fields = Fields(data, path)
        value = cls(fields.number("scale", 0.0, MAX_SCALE), fields.integer("zero", 0, 255))
        fields.close()
        return value


@dataclass(frozen=True)
class Types:
    """What an engine's convolutions compute in.

    Attributes:
        precision: as asked for, one of `PRECISIONS`.
        layers: likewise by weight, without "auto", with "float32".
        scales: by tensor that is quantized.
    """

    precision: str
    layers: Mapping[str, str]
    scales: Mapping[str, Scale]

    @classmethod
    def from_dict(cls, data: Any, path: str = "types") -> Types | None:
        """Read and check; see the module."""
        if data is None:
            return None
        fields = Fields(data, path)
        value = cls(
            fields.choice("precision", PRECISIONS),
            fields.mapping("layers", _layer_type),
            fields.mapping("scales", Scale.from_dict),
        )
        fields.close()
        return value

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return {
            "precision": self.precision,
            "layers": dict(self.layers),
            "scales": {name: dict(vars(scale)) for name, scale in self.scales.items()},
        }


def _layer_type(data: Any, path: str) -> str:
    if (kind := text(data, path)) not in LAYER_TYPES:
        raise malformed(f"{kind[:40]!r} is none of {', '.join(LAYER_TYPES)}", path)
    return kind


@dataclass(frozen=True)
class Engine:
    """One network of the bundle.

    Attributes:
        name: unique in the bundle, such as "1-8".
        artefacts: the network by kind: lower-case words joined by "-", such as "onnx", which is always there. Kinds
            that this slsc does not know are kept.
        budget: what was asked for, such as "1/8".
        kept_share: kept MACs / dense MACs over the prunable layers, 0..1.
        params: number of parameters.
        kept_weights: parameters that are not masked out.
        macs_per_pixel: kept multiply-accumulates per input pixel.
        bytes_per_pixel: peak live float32 activations in bytes per input pixel.
        quality: figures measured at compile time, such as {"psnr_y": 28.1}; finite.
        plan: N:M of every layer, None for an engine that was not pruned.
        refusals: kinds that could not be made of it, and why, naming the node; none of those of `artefacts`.
        types: what it computes in, and by what integers; None for float32.
    """

    name: str
    artefacts: Mapping[str, Artefact]
    budget: str
    kept_share: float
    params: int
    kept_weights: int
    macs_per_pixel: float
    bytes_per_pixel: float
    quality: Mapping[str, float]
    plan: Plan | None = None
    refusals: Mapping[str, str] = field(default_factory=dict)
    types: Types | None = None

    @property
    def precision(self) -> str:
        """What it computes in, as asked for."""
        return self.types.precision if self.types else FLOAT32

    @property
    def onnx(self) -> str:
        """Name of the ONNX model's entry."""
        return self.artefacts[ONNX].entry

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return {
            # Not asdict(): it would deep-copy every layer of the plan only to be replaced.
            **self.__dict__,
            "artefacts": {kind: {"entry": artefact.entry} for kind, artefact in self.artefacts.items()},
            "quality": dict(self.quality),
            "plan": self.plan.to_dict() if self.plan else None,
            "refusals": dict(self.refusals),
            "types": self.types.to_dict() if self.types else None,
        }

    @classmethod
    def from_dict(cls, data: Any, path: str = "engine") -> Engine:
        """Read and check; see the module."""
        fields = Fields(data, path)
        value = cls(
            name=fields.text("name", longest=MAX_NAME),
            artefacts=fields.mapping("artefacts", Artefact.from_dict),
            budget=fields.text("budget", longest=64),
            kept_share=fields.number("kept_share", 0.0, 1.0),
            params=fields.integer("params", 0, MAX_COUNT),
            kept_weights=fields.integer("kept_weights", 0, MAX_COUNT),
            macs_per_pixel=fields.number("macs_per_pixel", 0.0, MAX_COUNT),
            bytes_per_pixel=fields.number("bytes_per_pixel", 1.0, MAX_COUNT),
            quality=fields.mapping("quality", finite_number),
            plan=_read_plan(fields.take("plan"), f"{path}.plan"),
            refusals=fields.mapping("refusals", text),
            types=Types.from_dict(fields.take("types"), f"{path}.types"),
        )
        fields.close()
        _require_sound_kinds(fields, value)
        return value


def _require_sound_kinds(fields: Fields, engine: Engine) -> None:
    for name, kinds in (("artefacts", engine.artefacts), ("refusals", engine.refusals)):
        if len(kinds) > MAX_KINDS:
            fields.refuse(name, f"it has {len(kinds)} kinds, {MAX_KINDS} are the most")
        for kind in kinds:
            if len(kind) > MAX_KIND or not KIND.fullmatch(kind):
                fields.refuse(name, f"{kind[:40]!r} is no kind: lower-case words joined by '-', {MAX_KIND} at most")
    if both := engine.artefacts.keys() & engine.refusals.keys():
        fields.refuse("refusals", f"{min(both)} is among the artefacts as well")
    if ONNX not in engine.artefacts:
        fields.refuse("artefacts", f"{ONNX}, which the others are made from, is missing")


def _read_plan(data: Any, path: str) -> Plan | None:
    if data is None:
        return None
    fields = Fields(data, path)
    layers = fields.items("layers", _read_layer, MAX_ITEMS)
    budget, kept_share = fields.text("budget"), fields.number("kept_share", 0.0, 1.0)
    method = fields.text("method")
    fields.close()
    try:
        return Plan(layers, budget, kept_share, method)
    except PlanError as error:
        raise malformed(str(error), path) from None


def _read_layer(data: Any, path: str) -> LayerPlan:
    fields = Fields(data, path)
    m = fields.integer("m", 1, MAX_M)
    value = LayerPlan(
        name=fields.text("name"),
        n=fields.integer("n", 1, m),
        m=m,
        rule=fields.choice("rule", RULES),
        mask_sha256=fields.sha256("mask_sha256"),
    )
    fields.close()
    return value


@dataclass(frozen=True)
class Candidate:
    """What a tile can be given.

    Attributes:
        name: of an engine of the bundle, or the one of `ZERO_COST` that goes with the bundle's task.
        cost: its MACs / those of the dense network, over all layers, 0..1; 0 for what costs nothing.
        quality: figures that all candidates were measured by, where they were; finite.
    """

    name: str
    cost: float
    quality: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return {"name": self.name, "cost": self.cost, "quality": dict(self.quality)}

    @classmethod
    def from_dict(cls, data: Any, path: str = "candidate") -> Candidate:
        """Read and check; see the module."""
        fields = Fields(data, path)
        value = cls(
            name=fields.text("name", longest=MAX_NAME),
            cost=fields.number("cost", 0.0, 1.0),
            quality=fields.mapping("quality", finite_number),
        )
        fields.close()
        if value.name in ZERO_COST.values() and value.cost:
            fields.refuse("cost", f"{value.name} costs nothing")
        return value
