"""Which tiles an image is cut into: the largest that the memory knob allows, with the halo that was asked for.

An image whose tiles are known to differ visibly from it goes through the network whole where it fits.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm

from slsc.errors import ResourceError
from slsc.runtime.bundle.manifest import ImageIO, TileGeometry
from slsc.runtime.memory import Costs, RunBytes, choose_core, require_fit, show, tile_costs
from slsc.runtime.tiles.tiling import Span, even_extent, round_up, spans

BATCH_COPIES = 2
"""Copies of a tile's input alive at once: the batch, and what a backend makes of it."""

BANDS = 2
"""Bands of output alive at once: one being filled, one being written."""


@dataclass(frozen=True)
class ImageShape:
    """What an image takes: tiles are laid before there is one.

    Attributes:
        height, width: pixels.
        channels: samples a pixel, alpha included.
        sample_bytes: bytes a sample.
    """

    height: int
    width: int
    channels: int
    sample_bytes: int

    @property
    def bytes(self) -> int:
        """Of all samples."""
        return self.height * self.width * self.channels * self.sample_bytes


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
class TileGrid:
    """Tiles of one image, the product of `rows` and `columns`.

    They reach beyond the image at the bottom and right where the network needs a multiple or a fixed size. `halo` and
    `align` are for cutting a tile further when memory runs out after all; `can_split` tells whether that is possible.
    """

    rows: tuple[Span, ...]
    columns: tuple[Span, ...]
    halo: int
    align: int
    can_split: bool


def tile_grid(io: ImageIO, geometry: TileGeometry, image: ImageShape, held_output: int, limits: Limits) -> TileGrid:
    """Choose the tiles of an image.

    Args:
        io: how pixels enter and leave the network.
        geometry: how far its tiles must overlap.
        image: the input.
        held_output: bytes of output that are held whole, 0 when the output is streamed.
        limits: what may be used.

    Raises:
        ResourceError: no tile fits into the memory, or exact output is asked for and impossible within it.
    """
    align = lcm(geometry.align, *io.multiple_of)
    hw = _padded(image, io, align)
    costs = _costs(io, limits.run, image, held_output)
    if limits.exact and not geometry.exact:
        _require_whole(io, geometry, hw, costs, limits)
        return _whole(hw, align)
    if not (limits.exact or limits.tile or geometry.faithful) and _fits_whole(io, hw, costs, limits):
        return _whole(hw, align)
    halo = round_up((geometry.receptive_field or 0) if limits.exact else geometry.halo, align)
    extent = _extent(io, costs, limits, hw, halo, align)
    try:
        rows, columns = spans(hw[0], extent[0], halo, align), spans(hw[1], extent[1], halo, align)
    except ValueError as error:
        raise ResourceError(
            f"the network's fixed input of {extent[1]}x{extent[0]} is too small to tile a larger photo",
            why=str(error),
            hint="compile a model with free height and width",
        ) from None
    return TileGrid(rows, columns, halo, align, can_split=io.fixed_hw is None)


def _extent(io: ImageIO, costs: Costs, limits: Limits, hw: tuple[int, int], halo: int, align: int) -> tuple[int, int]:
    """Height and width of every tile, halo included."""
    if io.fixed_hw:
        require_fit(limits.memory, limits.resident, costs.of(*io.fixed_hw), "the network's fixed input")
        return io.fixed_hw
    core = choose_core(limits.memory, limits.resident, costs, hw, halo, limits.tile)
    largest = max(core // align, 1) * align + 2 * halo
    return even_extent(hw[0], largest, halo, align), even_extent(hw[1], largest, halo, align)


def _padded(image: ImageShape, io: ImageIO, align: int) -> tuple[int, int]:
    """The image's size, enlarged to what the network takes."""
    if io.fixed_hw is None:
        return round_up(image.height, io.multiple_of[0]), round_up(image.width, io.multiple_of[1])
    fixed_h, fixed_w = io.fixed_hw
    return (
        fixed_h + round_up(max(0, image.height - fixed_h), align),
        fixed_w + round_up(max(0, image.width - fixed_w), align),
    )


def _costs(io: ImageIO, run: RunBytes, image: ImageShape, held_output: int) -> Costs:
    return tile_costs(
        run,
        batch_bytes=BATCH_COPIES * io.channels * 4,
        row_bytes=BANDS * io.scale**2 * image.width * image.channels * image.sample_bytes,
        held=image.bytes + held_output,
    )


def _whole(hw: tuple[int, int], align: int) -> TileGrid:
    """The image as one tile, which is not to be cut: its parts would be something else."""
    return TileGrid(spans(hw[0], hw[0], 0, align), spans(hw[1], hw[1], 0, align), 0, align, can_split=False)


def _fits_whole(io: ImageIO, hw: tuple[int, int], costs: Costs, limits: Limits) -> bool:
    return io.fixed_hw in (None, hw) and limits.resident + costs.of(*hw) <= limits.memory


def _require_whole(io: ImageIO, geometry: TileGeometry, hw: tuple[int, int], costs: Costs, limits: Limits) -> None:
    """Check that the whole image can go through the network at once, the only exact way for some networks."""
    if _fits_whole(io, hw, costs, limits):
        return
    fixed = io.fixed_hw
    needed = limits.resident + costs.of(*hw)
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
