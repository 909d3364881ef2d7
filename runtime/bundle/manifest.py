"""The bundle's manifest: what the runtime must know of a network, as frozen records with strict reading.

Every `from_dict` takes untrusted JSON values and raises `BundleError` with code `BAD_MANIFEST`;
`to_dict` is its inverse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from slsc.errors import BundleError, PlanError
from slsc.plan import Plan
from slsc.runtime.bundle.faults import BundleFault
from slsc.runtime.bundle.fields import Fields, finite_number, malformed

SCHEMA = 1
"""The manifest schema this slsc writes, and the newest it reads."""

MAX_SIDE = 1 << 16
MAX_SCALE = 16
MAX_COUNT = 10**15


@dataclass(frozen=True)
class ImageIO:
    """How pixels enter and leave the network; its tensors are NCHW float32.

    Attributes:
        channels: 1 (luma) or 3.
        order: colour order, "RGB" or "BGR" for 3 channels, "Y" for 1.
        low: network value that stands for black.
        high: network value that stands for white.
        input: name of the graph's image input.
        output: name of the graph's image output.
        scale: output pixels per input pixel along each side.
        task: "sr" (scale >= 2) or "restore" (same size).
        fixed_hw: the one input size the graph takes, or None when height and width are free.
        multiple_of: height and width of the input must be multiples of these.
    """

    channels: int
    order: str
    low: float
    high: float
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
        value = cls(
            channels=fields.integer("channels", 1, 3),
            order=fields.choice("order", ("RGB", "BGR", "Y")),
            low=fields.number("low", -1e6, 1e6),
            high=fields.number("high", -1e6, 1e6),
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
        if not value.low < value.high:
            fields.refuse("high", "white must lie above black")
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
        align: tile origins must be multiples of this (product of the network's strides).
        exact: whether tiles with a halo of `receptive_field` equal whole-image inference.
        exact_reason: why not, naming the node; empty when `exact`.
    """

    halo: int
    bound: float
    receptive_field: int | None
    align: int = 1
    exact: bool = True
    exact_reason: str = ""

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
class Engine:
    """One network of the bundle.

    Attributes:
        name: unique in the bundle, such as "1-8".
        file: its ONNX entry.
        budget: what was asked for, such as "1/8".
        kept_share: kept MACs / dense MACs over the prunable layers, 0..1.
        params: number of parameters.
        kept_weights: parameters that are not masked out.
        macs_per_pixel: kept multiply-accumulates per input pixel.
        bytes_per_pixel: peak live float32 activations in bytes per input pixel.
        quality: figures measured at compile time, such as {"psnr_y": 28.1}; finite.
        plan: N:M of every layer, None for an engine that was not pruned.
        plan_file: its entry for the native engine, None where the network could not be lowered.
        not_lowered: why it could not, naming the node; empty where it was.
    """

    name: str
    file: str
    budget: str
    kept_share: float
    params: int
    kept_weights: int
    macs_per_pixel: float
    bytes_per_pixel: float
    quality: Mapping[str, float]
    plan: Plan | None = None
    plan_file: str | None = None
    not_lowered: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        plan = self.plan.to_dict() if self.plan else None
        # Not asdict(): it would deep-copy every layer of the plan only to be replaced.
        return {**self.__dict__, "quality": dict(self.quality), "plan": plan}

    @classmethod
    def from_dict(cls, data: Any, path: str = "engine") -> Engine:
        """Read and check; see the module."""
        fields = Fields(data, path)
        value = cls(
            name=fields.text("name", longest=64),
            file=fields.text("file", longest=200),
            budget=fields.text("budget", longest=64),
            kept_share=fields.number("kept_share", 0.0, 1.0),
            params=fields.integer("params", 0, MAX_COUNT),
            kept_weights=fields.integer("kept_weights", 0, MAX_COUNT),
            macs_per_pixel=fields.number("macs_per_pixel", 0.0, MAX_COUNT),
            bytes_per_pixel=fields.number("bytes_per_pixel", 1.0, MAX_COUNT),
            quality=fields.mapping("quality", finite_number),
            plan=_read_plan(fields.take("plan"), f"{path}.plan"),
            plan_file=fields.optional_text("plan_file", longest=200),
            not_lowered=fields.optional_text("not_lowered") or "",
        )
        fields.close()
        return value


def _read_plan(data: Any, path: str) -> Plan | None:
    if data is None:
        return None
    try:
        return Plan.from_dict(data)
    except PlanError as error:
        raise malformed(str(error), path) from None


@dataclass(frozen=True)
class Source:
    """The model file the bundle was compiled from: its name without folder, and its SHA-256 in hex."""

    name: str
    sha256: str

    @classmethod
    def from_dict(cls, data: Any, path: str = "source") -> Source:
        """Read and check; see the module."""
        fields = Fields(data, path)
        value = cls(fields.text("name"), fields.sha256("sha256"))
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
    """Everything a bundle says about itself; `engines[0]` is the one that runs unless another is asked for."""

    schema: int
    slsc_version: str
    source: Source
    io: ImageIO
    tile: TileGeometry
    engines: tuple[Engine, ...]
    entries: Mapping[str, Entry]

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
            "entries": {path: asdict(entry) for path, entry in self.entries.items()},
        }

    @classmethod
    def from_dict(cls, data: Any, path: str = "manifest") -> Manifest:
        """Read and check; a newer schema is refused with code `NEWER_SCHEMA` before anything else is looked at."""
        fields = Fields(data, path)
        schema = fields.integer("schema", 1, 10**6)
        if schema > SCHEMA:
            raise BundleError(
                BundleFault.NEWER_SCHEMA,
                "the bundle was made by a newer slsc",
                why=f"its schema is {schema}, this slsc reads up to {SCHEMA}",
                hint="upgrade: pip install --upgrade slsc",
            )
        value = cls(
            schema=schema,
            slsc_version=fields.text("slsc_version", longest=64),
            source=Source.from_dict(fields.take("source"), f"{path}.source"),
            io=ImageIO.from_dict(fields.take("io"), f"{path}.io"),
            tile=TileGeometry.from_dict(fields.take("tile"), f"{path}.tile"),
            engines=fields.items("engines", Engine.from_dict),
            entries=fields.mapping("entries", Entry.from_dict),
        )
        fields.close()
        _require_sound_engines(fields, value)
        return value


def _require_sound_engines(fields: Fields, manifest: Manifest) -> None:
    names = [engine.name for engine in manifest.engines]
    if not names or len(set(names)) != len(names):
        fields.refuse("engines", "need at least one engine, each with its own name")
    for engine in manifest.engines:
        for file in filter(None, (engine.file, engine.plan_file)):
            if file not in manifest.entries:
                fields.refuse("engines", f"engine {engine.name}: its file {file} is not among the entries")
