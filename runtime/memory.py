"""The memory knob: what the process uses, and which tile keeps a restoration within a given number of bytes."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from slsc.errors import ResourceError, UsageError

ASSUMED_RESIDENT_BYTES = 160 << 20
"""For systems that do not say: what Python, numpy, Pillow and ONNX Runtime take with a small network, generously."""

DEFAULT_WORKING_BYTES = 768 << 20
"""Without a knob: allowed on top of what the process has when a restoration begins."""

MARGIN_BYTES = 24 << 20
"""Code pages touched in the first run, the PNG encoder, pieces of pixels being converted."""

CORES = (384, 256, 192, 128, 96, 64, 48, 32, 24, 16, 8)
"""Tile cores tried, input pixels. Coarse steps, so that the choice, and with it the output, seldom depends on a few
megabytes more or less. Larger ones gain nothing: CPU time of a 768x768 photo with cores of 128 / 256 / 384 / 512 was
6.0 / 5.2 / 4.6 / 4.6 s for RFDN x4 and 6.0 / 4.9 / 4.8 / 4.7 s for EDSR of 8 blocks x2."""

RunBytes = Callable[[int, int], int]
"""Height and width of a tile, input pixels, to the bytes that a run on it holds."""

UNITS = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3, "ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30}


def parse_bytes(text: str) -> int:
    """A number of bytes such as `512MiB`, `1.5GB` or `800000000`.

    Raises:
        UsageError: anything else, or zero.
    """
    match = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,6})?)\s*([kmg]i?)?b?", text.strip().lower())
    size = int(float(match[1]) * UNITS[match[2] or ""]) if match else 0
    if size < 1:
        raise UsageError(f"{text!r} is not an amount of memory", hint="write it as 512MiB or 1.5GB")
    return size


def resident_bytes() -> int:
    """The process's resident set, or an assumption where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return ASSUMED_RESIDENT_BYTES
    import resource

    return pages * resource.getpagesize()


def available_bytes() -> int | None:
    """Memory the system can still give away without swapping; None where it does not tell."""
    try:
        match = re.search(r"MemAvailable:\s*(\d+) kB", Path("/proc/meminfo").read_text())
    except OSError:
        return None
    return int(match[1]) << 10 if match else None


def default_limit(resident: int) -> int:
    """The knob's value when nobody set it: some work space over `resident`, at most half of what is free."""
    free = available_bytes()
    return resident + (DEFAULT_WORKING_BYTES if free is None else min(DEFAULT_WORKING_BYTES, free // 2))


@dataclass(frozen=True)
class Costs:
    """Bytes a restoration takes besides what the process had before.

    Attributes:
        held: whatever the tile: the photo, an output that cannot be streamed, the margin.
        run: of a run on a tile of (height, width) input pixels.
        per_pixel: per input pixel of a tile, besides.
        per_row: per input row of a tile, for the output rows collected until they are complete.
    """

    held: int
    run: RunBytes
    per_pixel: int
    per_row: int

    def of(self, height: int, width: int) -> int:
        """Bytes for tiles of this extent."""
        return self.held + self.run(height, width) + self.per_pixel * height * width + self.per_row * height


def tile_costs(run: RunBytes, *, batch_bytes: int, row_bytes: int, held: int) -> Costs:
    """Costs of tiles.

    Args:
        run: what the backend holds in a run.
        batch_bytes: bytes of the network's input per pixel.
        row_bytes: bytes of output made of one input row.
        held: bytes held whatever the tile.
    """
    return Costs(held + MARGIN_BYTES, run, batch_bytes, row_bytes)


def require_fit(limit: int, resident: int, needed: int, what: str) -> None:
    """Refuse what does not fit.

    Raises:
        ResourceError: `resident` + `needed` exceeds `limit`.
    """
    if resident + needed > limit:
        raise ResourceError(
            f"{what} does not fit into {show(limit)} of memory",
            why=f"the process has {show(resident)} and needs {show(needed)} more",
            hint=f"use --memory {show(resident + needed, up=True)} or more",
        )


def choose_core(limit: int, resident: int, costs: Costs, hw: tuple[int, int], halo: int, largest: int | None) -> int:
    """The largest tile core, in input pixels a side, whose tiles keep the process within `limit`.

    Args:
        limit: bytes the process may have resident.
        resident: bytes it has before the restoration.
        costs: of the restoration.
        hw: size of the image; tiles do not exceed it.
        halo: input pixels on each side of a core.
        largest: core the user asked for; not exceeded.

    Raises:
        ResourceError: not even the smallest tile fits.
    """
    cores = CORES if largest is None else (largest, *(core for core in CORES if core < largest))
    for core in cores:
        extent = [min(side, core + 2 * halo) for side in hw]
        if resident + costs.of(*extent) <= limit:
            return core
    require_fit(limit, resident, costs.of(*extent), "the smallest tile")
    raise AssertionError("unreachable: the last extent was found too large")


def show(size: int, *, up: bool = False) -> str:
    """Bytes as whole MiB, rounded up on demand."""
    return f"{-(-size // (1 << 20)) if up else round(size / (1 << 20))}MiB"
