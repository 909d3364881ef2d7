"""What is measured of a region to tell how hard it is to restore: contrast and detail of its luma, and of its surround.

Everything is measured on luma of 0..255 in whole-image filters, then brought together by regions, so that it costs a
fraction of a percent of what the cheapest network does.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from slsc.runtime.adaptive.regions import Regions, Size
from slsc.runtime.image.colour import luma
from slsc.runtime.image.pixels import WHITES

Plane = npt.NDArray[np.float32]

BLOCK = 4
"""Side of the blocks whose spread tells whether detail fills a region or lies in a corner of it, input pixels."""

FLOOR = 0.25
"""Added before logarithms are taken, square levels: what rounding to 8 bit does to a flat region."""

MACS = 160
"""Multiply-accumulates that `features` takes for an input pixel, generously: 20 filters of 1 to 16 taps."""

BAND_PIXELS = 1 << 18
"""Input pixels measured at a time, which bounds what large photos take."""

CONTEXT = 2
"""Rows of regions measured beside, above and below: further no filter, nor the surround of a region, reaches."""

PLANES = ("laplacian", "gradient", "halving", "quartering", "skipping")
"""Squares that are measured pixel by pixel: of second and first differences, and of what is missing when an image of
half, a quarter, or every second pixel of it is enlarged again."""

NAMES = (
    *(f"{plane} {part}" for plane in PLANES for part in ("mean", "most", "spread")),
    "deviation",
    "brightness",
    "direction",
    *(f"{plane} around" for plane in PLANES),
)
"""Features in the order of their values; logarithms but for brightness and direction, 0..1."""


def features(pixels: npt.NDArray[Any], regions: Regions) -> npt.NDArray[np.float32]:
    """Features of every region of an image.

    Args:
        pixels: HxWx1 or HxWx3, of a dtype of `slsc.runtime.image.pixels.WHITES`.
        regions: of the image; their sides are multiples of `BLOCK`.

    Returns:
        (features, rows, columns), finite.
    """
    height, (rows, _) = regions.size[0], regions.shape
    step = max(1, BAND_PIXELS // (height * regions.width))
    bands = []
    for first in range(0, rows, step):
        stop = min(first + step, rows)
        above, below = max(0, first - CONTEXT), min(rows, stop + CONTEXT)
        part = pixels[above * height : below * height]
        found = _features(part, Regions(part.shape[0], regions.width, regions.size))
        bands.append(found[:, first - above : stop - above])
    return np.concatenate(bands, 1)


def _features(pixels: npt.NDArray[Any], regions: Regions) -> npt.NDArray[np.float32]:
    y = _padded(pixels, regions)
    dx, dy = cv2.Sobel(y, cv2.CV_32F, 1, 0, scale=0.125), cv2.Sobel(y, cv2.CV_32F, 0, 1, scale=0.125)
    xx, yy, xy = dx * dx, dy * dy, dx * dy
    lost = {name: y - _again(small, y.shape) for name, small in _reduced(y).items()}
    planes = [np.square(cv2.Laplacian(y, cv2.CV_32F)), xx + yy, *(plane * plane for plane in lost.values())]
    blocks = np.stack([_mean(plane, (BLOCK, BLOCK)) for plane in planes])
    cells = _cells(blocks, regions.shape)
    means, most = cells.mean(-1), cells.max(-1)
    spread = np.log(cells + FLOOR).mean(-1) - np.log(means + FLOOR)
    own = np.stack([np.log(means + FLOOR), np.log(most + FLOOR), spread], 1).reshape(-1, *regions.shape)
    size = regions.size
    brightness, power = _mean(y, size), _mean(y * y, size)
    deviation = np.log(np.maximum(power - brightness * brightness, 0) + FLOOR)
    gxx, gyy, gxy = (_mean(plane, size) for plane in (xx, yy, xy))
    direction = np.sqrt((gxx - gyy) ** 2 + 4 * gxy**2) / (gxx + gyy + FLOOR)
    around = np.log(np.stack([_blurred(mean) for mean in means]) + FLOOR)
    rest = np.stack([deviation, brightness / 255, direction])
    return np.concatenate([own, rest, around]).astype(np.float32)


def _padded(pixels: npt.NDArray[Any], regions: Regions) -> Plane:
    """Luma, 0..255, mirrored on to whole regions."""
    grey = luma(pixels)[:, :, 0] if pixels.shape[2] == 3 else pixels[:, :, 0].astype(np.float32)
    grey = grey.astype(np.float32, copy=False) * np.float32(255 / WHITES[pixels.dtype.name])
    more = [count * side - extent for count, side, extent in zip(regions.shape, regions.size, grey.shape, strict=True)]
    return np.pad(grey, ((0, more[0]), (0, more[1])), "symmetric")


def _reduced(y: Plane) -> dict[str, Plane]:
    return {"halving": _mean(y, (2, 2)), "quartering": _mean(y, (4, 4)), "skipping": np.ascontiguousarray(y[::2, ::2])}


def _again(small: Plane, shape: tuple[int, ...]) -> Plane:
    """Enlarged to a size again; the pixels kept by skipping lie half a pixel off, the same for every image."""
    return cv2.resize(small, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC).astype(np.float32, copy=False)


def _mean(plane: Plane, size: Size) -> Plane:
    """Means over rectangles."""
    whole = (plane.shape[1] // size[1], plane.shape[0] // size[0])
    return cv2.resize(plane, whole, interpolation=cv2.INTER_AREA).astype(np.float32, copy=False)


def _cells(blocks: npt.NDArray[np.float32], shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    """(planes, rows, columns, blocks of a region)."""
    rows, columns = shape
    planes, height, width = blocks.shape
    apart = blocks.reshape(planes, rows, height // rows, columns, width // columns).transpose(0, 1, 3, 2, 4)
    return apart.reshape(planes, rows, columns, -1)


def _blurred(values: Plane) -> Plane:
    return cv2.blur(values, (3, 3), borderType=cv2.BORDER_REPLICATE).astype(np.float32, copy=False)
