"""The bundle's manifest: what the runtime must know of a network, as frozen records with strict reading.

Every `from_dict` takes untrusted JSON values and raises `BundleError` with code `BAD_MANIFEST`;
`to_dict` is its inverse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from slsc.errors import BundleError
from slsc.runtime.bundle.engines import ZERO_COST, Candidate, Engine
from slsc.runtime.bundle.estimators import EstimatorRecord
from slsc.runtime.bundle.faults import BundleFault
from slsc.runtime.bundle.fields import MAX_COUNT, Fields, text
from slsc.runtime.bundle.value_range import ValueRange

SCHEMA = 4
"""The manifest schema this slsc writes, and the only one it reads; docs/reference/bundle.md specifies it."""

TILE_BOUND = 1 / 255
"""Accepted max|tiled - whole|, unit range: one level of 8 bit."""

MAX_SIDE = 1 << 16
MAX_SCALE = 16
MAX_ENGINES = MAX_CANDIDATES = MAX_NOTES = 64
MAX_ESTIMATORS = 1


@dataclass(frozen=True)
class ImageIO:
    """How pixels enter and leave the network; its tensors are NCHW float32.

    Attributes:
        channels: 1 (luma) or 3.
        order: colour order, "RGB" or "BGR" for 3 channels, "Y" for 1.
        input_range: values that stand for black and white in the network's input.
        output_range: likewise in its output.
        input: name of the graph's image input.
        output: name of the graph's image output.
        scale: output pixels per input pixel along each side.
        task: "sr" (scale >= 2) or "restore" (same size).
        fixed_hw: the one input size the graph takes, or None when height and width are free.
        multiple_of: height and width of the input must be multiples of these.
    """

    channels: int
    order: str
    input_range: ValueRange
    output_range: ValueRange
    input: str
    output: str
    scale: int
    task: str
    fixed_hw: tuple[int, int] | None = None
    multiple_of: tuple[int, int] = (1, 1)

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Any, path: str = "io") -> ImageIO:
        """Read and check; see the module."""
        fields = Fields(data, path)
        channels = fields.integer("channels", 1, 3)
        value = cls(
            channels=channels,
            order=fields.choice("order", ("RGB", "BGR", "Y")),
            input_range=ValueRange.from_dict(fields.take("input_range"), f"{path}.input_range", channels),
            output_range=ValueRange.from_dict(fields.take("output_range"), f"{path}.output_range", channels),
            input=fields.text("input"),
            output=fields.text("output"),
            scale=fields.integer("scale", 1, MAX_SCALE),
            task=fields.choice("task", ("sr", "restore")),
            fixed_hw=fields.optional_pair("fixed_hw", 1, MAX_SIDE),
            multiple_of=fields.pair("multiple_of", 1, 4096),
        )
        fields.close()
        if (value.channels, value.order) not in ((1, "Y"), (3, "RGB"), (3, "BGR")):
            fields.refuse("order", f"{value.order} does not go with {value.channels} channels")
        if (value.scale == 1) != (value.task == "restore"):
            fields.refuse("scale", f"scale {value.scale} does not go with task {value.task}")
        return value


@dataclass(frozen=True)
class TileGeometry:
    """How far tiles must overlap, in input pixels.

    Attributes:
        halo: overlap on each side of a tile by default.
        bound: max|tiled - whole| measured at `halo`, in the unit range 0..1.
        receptive_field: radius of the network's receptive field, None when it is unbounded.
        align: tile origins must be multiples of this (product of the network's strides, or its windows).
        exact: whether tiles with a halo of `receptive_field` equal whole-image inference.
        exact_reason: why not, naming the node; empty when `exact`.
    """

    halo: int
    bound: float
    receptive_field: int | None
    align: int = 1
    exact: bool = True
    exact_reason: str = ""

    @property
    def faithful(self) -> bool:
        """Whether tiles with a halo of `halo` are within `TILE_BOUND` of the whole image."""
        return self.bound <= TILE_BOUND

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Any, path: str = "tile") -> TileGeometry:
        """Read and check; see the module."""
        fields = Fields(data, path)
        value = cls(
            halo=fields.integer("halo", 0, MAX_SIDE),
            bound=fields.number("bound", 0.0, 1e6),
            receptive_field=fields.optional_integer("receptive_field", 0, MAX_SIDE),
            align=fields.integer("align", 1, 4096),
            exact=fields.boolean("exact"),
            exact_reason=fields.text("exact_reason", empty=True),
        )
        fields.close()
        if value.exact and value.receptive_field is None:
            fields.refuse("exact", "exact tiling needs a bounded receptive field")
        if not value.exact and not value.exact_reason:
            fields.refuse("exact_reason", "the reason why exact tiling is impossible is missing")
        return value


@dataclass(frozen=True)
class Source:
    """The model file the bundle was compiled from.

    Attributes:
        name: of the file, without folder.
        sha256: of the file, in hex.
        options: what was said of its inputs and outputs, one option of `slsc compile` each, such as `--set sigma=0.1`.
        notes: how its own conventions were met, in words: a size or batch it is fixed to, edges it cuts off.
    """

    name: str
    sha256: str
    options: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, data: Any, path: str = "source") -> Source:
        """Read and check; see the module."""
        fields = Fields(data, path)
        value = cls(
            fields.text("name"),
            fields.sha256("sha256"),
            fields.items("options", text, MAX_NOTES),
            fields.items("notes", text, MAX_NOTES),
        )
        fields.close()
        return value


@dataclass(frozen=True)
class Entry:
    """Checksum (SHA-256 in hex) and size in bytes of one entry of the bundle."""

    sha256: str
    bytes: int

    @classmethod
    def from_dict(cls, data: Any, path: str = "entry") -> Entry:
        """Read and check; see the module."""
        fields = Fields(data, path)
        value = cls(fields.sha256("sha256"), fields.integer("bytes", 0, MAX_COUNT))
        fields.close()
        return value


@dataclass(frozen=True)
class Manifest:
    """Everything a bundle says about itself.

    Attributes:
        schema: `SCHEMA`.
        slsc_version: of the slsc that wrote it.
        source: what it was compiled from.
        io: how pixels enter and leave every engine.
        tile: how far tiles must overlap, whatever the engine.
        engines: the networks, at least one; the first runs unless another is asked for.
        candidates: what a tile can be given.
        entries: every entry of the bundle but the manifest.
        estimators: what tells how well candidates do before they run; none where the first engine runs everywhere.
    """

    schema: int
    slsc_version: str
    source: Source
    io: ImageIO
    tile: TileGeometry
    engines: tuple[Engine, ...]
    candidates: tuple[Candidate, ...]
    entries: Mapping[str, Entry]
    estimators: tuple[EstimatorRecord, ...] = ()

    @property
    def estimator(self) -> EstimatorRecord | None:
        """The estimator, where there is one."""
        return self.estimators[0] if self.estimators else None

    def cost(self, candidate: str) -> float:
        """What a candidate costs, as a share of the dense network."""
        return next(each.cost for each in self.candidates if each.name == candidate)

    def engine(self, name: str | None = None) -> Engine | None:
        """The engine of that name, the first one for None; None when there is no such engine."""
        return next((engine for engine in self.engines if name in (None, engine.name)), None)

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return {
            "schema": self.schema,
            "slsc_version": self.slsc_version,
            "source": asdict(self.source),
            "io": self.io.to_dict(),
            "tile": self.tile.to_dict(),
            "engines": [engine.to_dict() for engine in self.engines],
            "candidates": [candidate.to_dict() for candidate in self.candidates],
            "estimators": [estimator.to_dict() for estimator in self.estimators],
            "entries": {path: asdict(entry) for path, entry in self.entries.items()},
        }

    @classmethod
    def from_dict(cls, data: Any, path: str = "manifest") -> Manifest:
        """Read and check; another schema is refused before anything else is looked at.

        Raises:
            BundleError: code `OLDER_SCHEMA` or `NEWER_SCHEMA`; `BAD_MANIFEST` otherwise.
        """
        fields = Fields(data, path)
        value = cls(
            schema=_read_schema(fields),
            slsc_version=fields.text("slsc_version", longest=64),
            source=Source.from_dict(fields.take("source"), f"{path}.source"),
            io=ImageIO.from_dict(fields.take("io"), f"{path}.io"),
            tile=TileGeometry.from_dict(fields.take("tile"), f"{path}.tile"),
            engines=fields.items("engines", Engine.from_dict, MAX_ENGINES),
            candidates=fields.items("candidates", Candidate.from_dict, MAX_CANDIDATES),
            entries=fields.mapping("entries", Entry.from_dict),
            estimators=fields.items("estimators", EstimatorRecord.from_dict, MAX_ESTIMATORS),
        )
        fields.close()
        _require_sound_engines(fields, value)
        _require_sound_candidates(fields, value)
        _require_sound_estimators(fields, value)
        return value


def _read_schema(fields: Fields) -> int:
    schema = fields.integer("schema", 1, 10**6)
    if schema < SCHEMA:
        raise BundleError(
            BundleFault.OLDER_SCHEMA,
            f"the bundle was made by an older slsc (schema {schema})",
            why=f"this slsc reads schema {SCHEMA}",
            hint="compile it again",
        )
    if schema > SCHEMA:
        raise _made_by_a_newer_slsc(f"its schema is {schema}, this slsc reads {SCHEMA}")
    return schema


def _made_by_a_newer_slsc(why: str) -> BundleError:
    return BundleError(
        BundleFault.NEWER_SCHEMA,
        "the bundle was made by a newer slsc",
        why=why,
        hint="upgrade: pip install --upgrade slsc",
    )


def _require_sound_engines(fields: Fields, manifest: Manifest) -> None:
    names = [engine.name for engine in manifest.engines]
    if not names or len(set(names)) != len(names):
        fields.refuse("engines", "need at least one engine, each with its own name")
    for engine in manifest.engines:
        if engine.name in ZERO_COST.values():
            fields.refuse("engines", f"{engine.name} is the name of what costs nothing")
        for artefact in engine.artefacts.values():
            if artefact.entry not in manifest.entries:
                fields.refuse("engines", f"engine {engine.name}: its file {artefact.entry} is not among the entries")


def _require_sound_candidates(fields: Fields, manifest: Manifest) -> None:
    names = [candidate.name for candidate in manifest.candidates]
    if len(set(names)) != len(names):
        fields.refuse("candidates", "each must have its own name")
    known = {*(engine.name for engine in manifest.engines), ZERO_COST[manifest.io.task]}
    together = {name for each in manifest.estimators if each.artefacts for name in each.candidates[:-1]}
    if strangers := sorted(set(names) - known - together):
        fields.refuse("candidates", f"{strangers[0][:40]} is no engine of the bundle, nor what costs nothing")


def _require_sound_estimators(fields: Fields, manifest: Manifest) -> None:
    costs = {candidate.name: candidate.cost for candidate in manifest.candidates}
    for estimator in manifest.estimators:
        if strangers := [name for name in estimator.candidates if name not in costs]:
            fields.refuse("estimators", f"{strangers[0][:40]} is no candidate")
        if manifest.engine(estimator.candidates[-1]) is None:
            fields.refuse("estimators", f"{estimator.candidates[-1][:40]}, its dearest candidate, is no engine")
        if any(name in ZERO_COST.values() and name != ZERO_COST[manifest.io.task] for name in estimator.candidates):
            fields.refuse("estimators", "what costs nothing is of another task")
        found = [costs[name] for name in estimator.candidates]
        if found != sorted(found):
            fields.refuse("estimators", "its candidates are not in the order of their costs")
        entry = manifest.entries.get(estimator.entry)
        if entry is None or entry.bytes != estimator.bytes:
            why = "is not among the entries" if entry is None else f"has {entry.bytes} bytes, not {estimator.bytes}"
            fields.refuse("estimators", f"{estimator.entry} {why}")
        for artefact in estimator.artefacts.values():
            if artefact.entry not in manifest.entries:
                fields.refuse("estimators", f"its file {artefact.entry} is not among the entries")
