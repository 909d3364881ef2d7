"""Which tiles a photo is cut into: the largest that the memory knob allows, with the halo that was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm

from slsc.errors import ResourceError
from slsc.runtime.bundle.manifest import ImageIO, Manifest
from slsc.runtime.image.photo import Photo
from slsc.runtime.memory import Costs, RunBytes, choose_core, require_fit, show, tile_costs
from slsc.runtime.tiles.tiling import Span, even_extent, round_up, spans

BATCH_COPIES = 2
"""Copies of a tile's input alive at once: the batch, and what a backend makes of it."""

BANDS = 2
"""Bands of output alive at once: one being filled, one being written."""


@dataclass(frozen=True)
class Limits:
    """What a restoration may use.

    Attributes:
        memory: bytes the process may have resident.
        resident: bytes it had before.
        run: what the backend holds in a run on a tile.
        tile: largest tile core in input pixels a side, None for the largest that fits.
        exact: tiled output must equal whole-image inference (up to float rounding).
    """

    memory: int
    resident: int
    run: RunBytes
    tile: int | None
    exact: bool


@dataclass(frozen=True)
class TilePlan:
    """Tiles of one photo, the product of `rows` and `columns`.

    They reach beyond the photo at the bottom and right where the network needs a multiple or a fixed size. `halo` and
    `align` are for cutting a tile further when memory runs out after all; `can_split` tells whether that is possible.
    """

    rows: tuple[Span, ...]
    columns: tuple[Span, ...]
    halo: int
    align: int
    can_split: bool


def plan_tiles(manifest: Manifest, photo: Photo, held_output: int, limits: Limits) -> TilePlan:
    """Choose the tiles for a photo.

    Args:
        manifest: of the bundle.
        photo: the input.
        held_output: bytes of output that are held whole, 0 when the output is streamed.
        limits: what may be used.

    Raises:
        ResourceError: no tile fits into the memory, or exact output is asked for and impossible within it.
    """
    io, geometry = manifest.io, manifest.tile
    align = lcm(geometry.align, *io.multiple_of)
    hw = _padded(photo, io, align)
    costs = _costs(io, limits.run, photo, held_output)
    if limits.exact and not geometry.exact:
        _require_whole(manifest, hw, costs, limits)
        return TilePlan(spans(hw[0], hw[0], 0, align), spans(hw[1], hw[1], 0, align), 0, align, can_split=False)
    halo = round_up((geometry.receptive_field or 0) if limits.exact else geometry.halo, align)
    if io.fixed_hw:
        extent = io.fixed_hw
        require_fit(limits.memory, limits.resident, costs.of(*extent), "the network's fixed input")
    else:
        core = choose_core(limits.memory, limits.resident, costs, hw, halo, limits.tile)
        largest = max(core // align, 1) * align + 2 * halo
        extent = (even_extent(hw[0], largest, halo, align), even_extent(hw[1], largest, halo, align))
    try:
        rows, columns = spans(hw[0], extent[0], halo, align), spans(hw[1], extent[1], halo, align)
    except ValueError as error:
        raise ResourceError(
            f"the network's fixed input of {extent[1]}x{extent[0]} is too small to tile a larger photo",
            why=str(error),
            hint="compile a model with free height and width",
        ) from None
    return TilePlan(rows, columns, halo, align, can_split=io.fixed_hw is None)


def _padded(photo: Photo, io: ImageIO, align: int) -> tuple[int, int]:
    """The photo's size, enlarged to what the network takes."""
    height, width = photo.pixels.shape[:2]
    if io.fixed_hw is None:
        return round_up(height, io.multiple_of[0]), round_up(width, io.multiple_of[1])
    fixed_h, fixed_w = io.fixed_hw
    return fixed_h + round_up(max(0, height - fixed_h), align), fixed_w + round_up(max(0, width - fixed_w), align)


def _costs(io: ImageIO, run: RunBytes, photo: Photo, held_output: int) -> Costs:
    channels = photo.pixels.shape[2] + (photo.alpha is not None)
    pixels = photo.pixels.shape[0] * photo.pixels.shape[1]
    sample = photo.pixels.dtype.itemsize
    return tile_costs(
        run,
        batch_bytes=BATCH_COPIES * io.channels * 4,
        row_bytes=BANDS * io.scale**2 * photo.pixels.shape[1] * channels * sample,
        held=pixels * channels * sample + held_output,
    )


def _require_whole(manifest: Manifest, hw: tuple[int, int], costs: Costs, limits: Limits) -> None:
    """Check that the whole image can go through the network at once, the only exact way for some networks."""
    geometry, fixed = manifest.tile, manifest.io.fixed_hw
    needed = limits.resident + costs.of(*hw)
    if needed <= limits.memory and fixed in (None, hw):
        return
    if fixed not in (None, hw):
        way = f"and the network takes {fixed[1]}x{fixed[0]} only"
        hint = "drop --exact"
    else:
        way = f"and the whole image takes {show(needed)} of memory, {show(limits.memory)} are allowed"
        hint = f"use --memory {show(needed, up=True)}, or drop --exact"
    raise ResourceError(
        "exact output is not possible",
        why=f"tiles cannot be exact ({geometry.exact_reason}), {way}",
        hint=f"{hint}: with a halo of {geometry.halo} pixels the difference measured was at most "
        f"{geometry.bound:.2g} of the range",
    )
