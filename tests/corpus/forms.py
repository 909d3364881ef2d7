"""Photos as people have them: odd sizes, a single pixel, grey, transparent, 16 bits a channel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument as OrtError

from corpus.commands import Outcome, slsc
from corpus.feeding import Feed, Pixels, values_of, within
from corpus.tasks import grey
from slsc.data.images import mirrored
from slsc.runtime.image.colour import luma


@dataclass(frozen=True)
class Form:
    """One kind of photo.

    Attributes:
        cut: what of an HxWx3 photo it shows, HxWx3.
        stored: as the file holds it, HxW or HxWxC, blue first where there is colour.
        seen: HxWx3 of 255, blue first, of what the restored file holds.
        colourless: what is restored has no colour either.
    """

    cut: Callable[[Pixels], Pixels]
    stored: Callable[[Pixels], npt.NDArray[np.generic]] = lambda pixels: pixels[:, :, ::-1]
    seen: Callable[[npt.NDArray[np.generic]], npt.NDArray[np.generic]] = lambda file: file
    colourless: bool = False


def _with_alpha(pixels: Pixels) -> Pixels:
    alpha = np.linspace(1, 255, pixels.shape[1]).astype(np.uint8)  # none is fully transparent, so no colour is lost
    return np.dstack([pixels[:, :, ::-1], np.broadcast_to(alpha, pixels.shape[:2])])


def _odd(pixels: Pixels) -> Pixels:
    return pixels[:37, :53]


FORMS: Mapping[str, Form] = {
    "odd sides": Form(_odd),
    "one pixel": Form(lambda pixels: pixels[:1, :1]),
    "one row": Form(lambda pixels: pixels[:1, :41]),
    "grey": Form(
        lambda pixels: grey(_odd(pixels)),
        lambda pixels: pixels[:, :, 0],
        lambda file: np.repeat(file[:, :, None], 3, axis=2),
        colourless=True,
    ),
    "transparent": Form(_odd, _with_alpha, lambda file: file[:, :, :3]),
    "16 bits": Form(_odd, lambda pixels: pixels[:, :, ::-1].astype(np.uint16) * 257, lambda file: file / 257),
}


def off_by(
    form: Form, bundle: Path, model: Path, feed: Feed, given: Pixels, folder: Path
) -> tuple[Outcome, float | None]:
    """Restore a photo of this form, and compare.

    Returns:
        what `slsc run` did, and the largest difference, of 255; None where it refused, and where there is nothing to
        compare with: the network takes one size only, the photo is all border, or smaller than ONNX Runtime takes.
    """
    pixels = form.cut(given)
    source, output = folder / "given.png", folder / "restored.png"
    cv2.imwrite(str(source), form.stored(pixels))
    ran = slsc("run", bundle, source, "-o", output)
    if ran.code:
        return ran, None
    result = form.seen(cv2.imread(str(output), cv2.IMREAD_UNCHANGED))[:, :, ::-1]
    height, width = pixels.shape[:2]
    scale = result.shape[0] // height
    if result.shape != (height * scale, width * scale, 3):
        raise AssertionError(f"{width}x{height} became {result.shape}")
    rows, columns = height * scale - 2 * feed.border, width * scale - 2 * feed.border
    if feed.fixed_hw or rows <= 0 or columns <= 0:
        return ran, None
    size = [-(-side // feed.multiple) * feed.multiple for side in (height, width)]
    try:
        right = values_of(model, feed, mirrored(pixels, size))[:rows, :columns]
    except OrtError:
        return ran, None
    if form.colourless:
        right = luma(right)
    return ran, float(np.abs(within(result, feed.border) - right.clip(0, 255)).max())
