"""What a bundle's manifest says of its estimator: what is estimated, of which candidates, and where it lies.

It is read strictly, as the manifest is; see `slsc.runtime.bundle.manifest`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from slsc.runtime.bundle.engines import KIND as KIND_NAME
from slsc.runtime.bundle.engines import MAX_KIND, ZERO_COST, Artefact
from slsc.runtime.bundle.fields import Fields, finite_number, text

KIND = "luma-distances"
"""Features of luma (`slsc.runtime.adaptive.features`) and their products, weighted: logarithms of candidates' mean
squared distances to the dense network's output, then of that network's error."""

ERRORS = "luma-quadratic"
"""The same of candidates' errors themselves: what bundles had before, and are still read with."""

CLASSES = "luma-classes"
"""The same, of which each candidate's logit comes: a classifier, that says which is likeliest to be enough."""

FEATURES = 23
"""How many features all kinds have."""

MIN_SIDE, MAX_SIDE = 8, 256
TERMS = 1 + FEATURES + FEATURES * (FEATURES + 1) // 2
"""What is weighted: 1, each feature, each product of two."""

MAX_ESTIMATED = 64
FLOAT_BYTES = 4


@dataclass(frozen=True)
class EstimatorRecord:
    """An estimator of the mean squared errors that candidates make in a region, or a classifier of regions.

    Attributes:
        kind: `KIND`, `ERRORS` or `CLASSES`.
        entry: name of the entry that holds its numbers.
        candidates: whose errors or logits it estimates, by ascending cost. Those but the last may be no engines of
            their own: `artefacts` then hold them.
        dense: whether it estimates the dense network's error as well, after them; a classifier does not.
        region: height and width of one, input pixels; multiples of 4.
        beta: of Eq. 8, at which the calibration images cost what was asked for on average; 0 for a classifier, which
            has it in its numbers.
        beta_engines: likewise, for backends that give every region an engine within one pass: what that computes of
            regions that are left out, for their neighbours, is counted.
        budget: that cost, a share of the dense network's.
        quality: how well it estimates on held-out images; finite.
        artefacts: the engines among its candidates together, cheapest first, by kind, in the form of backends that
            give each region its own within one pass.
    """

    kind: str
    entry: str
    candidates: tuple[str, ...]
    dense: bool
    region: tuple[int, int]
    beta: float
    beta_engines: float
    budget: float
    quality: Mapping[str, float]
    artefacts: Mapping[str, Artefact]

    @property
    def classifies(self) -> bool:
        """Whether it tells classes, and not errors."""
        return self.kind == CLASSES

    @property
    def apart(self) -> bool:
        """Whether the dense network's error is to be added to what it tells of candidates."""
        return self.kind == KIND and self.dense

    @property
    def engines(self) -> tuple[str, ...]:
        """Its candidates without what costs nothing."""
        return tuple(name for name in self.candidates if name not in ZERO_COST.values())

    @property
    def bytes(self) -> int:
        """Size of the entry: mean and deviation of each feature, then the weights, terms by estimates; float32."""
        return FLOAT_BYTES * (2 * FEATURES + TERMS * (len(self.candidates) + self.dense))

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Any, path: str = "estimator") -> EstimatorRecord:
        """Read and check; see the module."""
        fields = Fields(data, path)
        value = cls(
            kind=fields.choice("kind", (KIND, ERRORS, CLASSES)),
            entry=fields.text("entry", longest=200),
            candidates=fields.items("candidates", text, MAX_ESTIMATED),
            dense=fields.boolean("dense"),
            region=fields.pair("region", MIN_SIDE, MAX_SIDE),
            beta=fields.number("beta", 0.0, 1e6),
            beta_engines=fields.number("beta_engines", 0.0, 1e6),
            budget=fields.number("budget", 0.0, 1.0),
            quality=fields.mapping("quality", finite_number),
            artefacts=fields.mapping("artefacts", Artefact.from_dict),
        )
        fields.close()
        for kind in value.artefacts:
            if len(kind) > MAX_KIND or not KIND_NAME.fullmatch(kind):
                fields.refuse("artefacts", f"{kind[:40]!r} is no kind")
        if any(side % 4 for side in value.region):
            fields.refuse("region", "expected multiples of 4")
        if value.classifies and (value.dense or value.beta or value.beta_engines):
            fields.refuse("kind", "a classifier has no error of the dense network, and no beta")
        if value.classifies and value.engines != value.candidates:
            fields.refuse("candidates", "a classifier's are networks")
        if len(value.candidates) < 2 or len(set(value.candidates)) != len(value.candidates):
            fields.refuse("candidates", "expected at least two, each once")
        return value
