"""How far tiles must overlap: the smallest halo that keeps tiled and whole-image output together, measured."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import numpy.typing as npt

from slsc.errors import ModelError
from slsc.runtime.bundle.manifest import TILE_BOUND, ImageIO, TileGeometry
from slsc.runtime.tiles.tiling import round_up, spans

Batch = npt.NDArray[np.float32]
RestoreBatch = Callable[[Batch], Batch]
"""From one (1, C, H, W) image in the network's input range to its (1, C, sH, sW) restoration, black 0 and white 1."""

TILE = 64
"""Side of the tiles that the halo is measured with, input pixels."""

ALIGNS = (1, 2, 4, 8, 16, 32, 64)
"""Windows and strides that a network may have within it, though it takes any size since it pads the image itself."""

LARGEST_HALO = 64
"""A larger halo would cost more than it shows; the difference that remains is measured and kept in the manifest."""


def smallest_halo(
    networks: Sequence[RestoreBatch], images: Sequence[Batch], align: int, receptive_field: int | None
) -> tuple[int, float]:
    """The smallest halo, in input pixels, with which tiles stay within `TILE_BOUND` of the whole image.

    Args:
        networks: every network that will run with this halo; the worst counts.
        images: whole images to cut into tiles, of sides that are multiples of `align`.
        align: tile origins and sizes, and so the halo, are multiples of this.
        receptive_field: radius in input pixels, beyond which a halo changes nothing; None when unbounded.

    Returns:
        The halo, and max|tiled - whole| with it. Where even the largest halo tried exceeds
        `TILE_BOUND`, that one.
    """
    limit = LARGEST_HALO if receptive_field is None else min(LARGEST_HALO, receptive_field)
    halos = range(0, limit + align, align)
    wholes = [[network(image) for image in images] for network in networks]
    gaps: dict[int, float] = {}

    def suffices(halo: int) -> bool:
        gaps[halo] = max(
            _gap(network, image, whole, halo, align)
            for network, outputs in zip(networks, wholes, strict=True)
            for image, whole in zip(images, outputs, strict=True)
        )
        return gaps[halo] <= TILE_BOUND

    # The last one is taken whether it suffices or not.
    halo = halos[bisect.bisect_left(halos[:-1], True, key=suffices)]
    if halo not in gaps:
        suffices(halo)
    return halo, gaps[halo]


def least_align(networks: Sequence[RestoreBatch], images: Sequence[Batch], align: int) -> int:
    """The least multiple of `align` at which tiles may begin so that a wide halo makes them equal the whole image.

    Networks that pad the image to multiples of their windows take any size, yet cut a tile into other windows than the
    whole image where it begins between two of them. The graph of such a network does not tell.

    Args:
        networks, images, align: as in `smallest_halo`.

    Returns:
        `align` itself where no multiple helps.
    """
    wholes = [(network, image, network(image)) for network, image in product(networks, images)]
    for step in (align * factor for factor in ALIGNS if align * factor <= TILE):  # larger ones would be whole images
        wide = round_up(LARGEST_HALO, step)
        if all(_gap(network, image, whole, wide, step) <= TILE_BOUND for network, image, whole in wholes):
            return step
    return align


def far_influence(networks: Sequence[RestoreBatch], images: Sequence[Batch], ends: tuple[Batch, Batch]) -> float:
    """How much a tile's pixels depend on the rest of the photo: max|beside black or white - alone|, unit range.

    Parts of one photo are alike, so that its tiles hardly show what a network takes from the whole, such as its
    brightest pixel. What is within twice `LARGEST_HALO` of the rest does not count, nor do columns at the other end,
    which networks of shifted windows may wrap around to.

    Args:
        networks: as in `smallest_halo`.
        images: tiles, wider than `2.5 * LARGEST_HALO`, of sides that are multiples of what tiles are aligned to.
        ends: black and white, (1, C, 1, 1) in the network's input range.
    """
    return max(_influence(network, image, ends) for network, image in product(networks, images))


def _influence(network: RestoreBatch, image: Batch, ends: tuple[Batch, Batch]) -> float:
    alone = network(image)
    scale = alone.shape[2] // image.shape[2]
    inside = slice(LARGEST_HALO // 2 * scale, (image.shape[3] - 2 * LARGEST_HALO) * scale)
    photos = (np.concatenate([image, np.broadcast_to(end, image.shape)], 3) for end in ends)
    return max(float(np.abs(network(photo)[..., inside] - alone[..., inside]).max()) for photo in photos)


def smallest_fixed_halo(
    networks: Sequence[RestoreBatch], images: Sequence[Batch], hw: tuple[int, int]
) -> tuple[int, float]:
    """As `smallest_halo` for networks that take images of size `hw` only: compares windows that overlap.

    They overlap by half, and by an odd number of pixels besides: networks that cut the image into blocks do so at other
    places then, as they do in tiles.

    Args:
        networks: as there.
        images: at least 1.5 times as high and wide as `hw`.
        hw: the one input size, pixels.

    Returns:
        The halo, at most an eighth of the shorter side, and max|window - window| among pixels further from the
        windows' borders than it.
    """
    shifts = [[side // 2 for side in hw], [(3 * side // 8) | 1 for side in hw]]
    gaps = np.max([_window_gaps(*each, hw) for each in product(networks, images, shifts)], axis=0)
    enough = np.flatnonzero(gaps <= TILE_BOUND)
    halo = int(enough[0]) if len(enough) else len(gaps) - 1
    return halo, float(gaps[halo])


def tiles_of(io: ImageIO, tile: TileGeometry, output_hw: tuple[int, int]) -> int:
    """Tiles, halo included, that a network of one size makes an image of `output_hw` pixels in; 1 where any is taken.

    Raises:
        ModelError: the size leaves no room between the halos.
    """
    if io.fixed_hw is None:
        return 1
    halo, count = round_up(tile.halo, tile.align), 1
    for side, extent in zip(output_hw, io.fixed_hw, strict=True):
        size = extent + round_up(max(0, -(-side // io.scale) - extent), tile.align)
        try:
            count *= len(spans(size, extent, halo, tile.align))
        except ValueError as error:
            raise ModelError("the network's one size is too small for tiles", why=str(error)) from None
    return count


def _gap(network: RestoreBatch, image: Batch, whole: Batch, halo: int, align: int) -> float:
    """max|tiled - whole| over the tiles along an image's diagonal, and one that lies between two of them.

    That one, its halo included, begins `align` from the border: what meets windows and strides by chance elsewhere does
    not there.
    """
    side = -(-TILE // align) * align
    extent = min(image.shape[2:])
    corners = [*range(0, extent, side), *([halo + align] if halo + align < extent else [])]
    return max(_tile_gap(network, image, whole, (start, start), side, halo) for start in corners)


def _tile_gap(
    network: RestoreBatch, image: Batch, whole: Batch, corner: tuple[int, int], side: int, halo: int
) -> float:
    scale = whole.shape[2] // image.shape[2]
    inside, outside = [], []
    for start, extent in zip(corner, image.shape[2:], strict=True):
        stop = min(start + side, extent)
        outside.append(slice(max(0, start - halo), min(extent, stop + halo)))
        inside.append(slice(start, stop))
    tile = network(image[:, :, outside[0], outside[1]])
    rows, columns = (
        slice((i.start - o.start) * scale, (i.stop - o.start) * scale) for i, o in zip(inside, outside, strict=True)
    )
    top, left = (slice(i.start * scale, i.stop * scale) for i in inside)
    return float(np.abs(tile[:, :, rows, columns] - whole[:, :, top, left]).max())


def _window_gaps(network: RestoreBatch, image: Batch, shift: Sequence[int], hw: tuple[int, int]) -> list[float]:
    """max|first - second| of two windows, over what lies further inside both than 0, 1, 2 ... input pixels."""
    height, width = hw
    down, right = shift
    first = network(image[:, :, :height, :width])
    second = network(image[:, :, down : down + height, right : right + width])
    scale = first.shape[2] // height
    rows, columns = (height - down) * scale, (width - right) * scale
    difference = np.abs(first[:, :, -rows:, -columns:] - second[:, :, :rows, :columns])
    margins = (halo * scale for halo in range(min(hw) // 8 + 1))
    return [float(difference[:, :, m : rows - m, m : columns - m].max()) for m in margins]
