"""Which TIFFs are refused: those whose pixels Pillow or OpenCV would hand out wrong without a word."""

from __future__ import annotations

from typing import Any

from PIL.TiffImagePlugin import BITSPERSAMPLE, PHOTOMETRIC_INTERPRETATION, SAMPLEFORMAT, SAMPLESPERPIXEL, TiffImageFile

PLANAR_CONFIGURATION, EXTRA_SAMPLES = 284, 338
MIN_IS_WHITE, MIN_IS_BLACK, RGB = 0, 1, 2
PREMULTIPLIED, PLAIN_ALPHA = 1, 2
UNSIGNED, SIGNED, FLOAT = 1, 2, 3
DEPTHS = (1, 2, 4, 8, 16)


def reason_to_refuse(image: TiffImageFile) -> str | None:
    """Why a TIFF's pixels cannot be trusted to the decoders; None where they can."""
    tags: Any = image.tag_v2
    depths = tags.get(BITSPERSAMPLE, (1,))
    samples, apart = tags.get(SAMPLESPERPIXEL, 1), tags.get(PLANAR_CONFIGURATION, 1) != 1
    meaning = tags.get(PHOTOMETRIC_INTERPRETATION)
    kinds = set(tags.get(SAMPLEFORMAT, (UNSIGNED,)))
    if FLOAT in kinds:
        return "floating-point pixels have no stated range"
    if kinds & {SIGNED} or max(depths) > max(DEPTHS):
        return f"{'signed' if kinds & {SIGNED} else f'{max(depths)}-bit'} pixels have no stated range"
    if kinds != {UNSIGNED} or any(depth not in DEPTHS for depth in depths):
        return f"samples of {max(depths)} bits in this form are not known"
    if apart and samples == 2:
        return "its grey and its alpha lie apart"
    if max(depths) <= 8:
        return "its colours are CIE Lab" if image.mode == "LAB" else None
    if samples == 1:
        return None if meaning in (MIN_IS_WHITE, MIN_IS_BLACK) else "its 16-bit samples are no greys"
    if apart:
        return "its 16-bit channels lie apart"
    return None if meaning == RGB and samples in (3, 4) else "its 16-bit samples are not RGB"


def white_is_zero(image: TiffImageFile) -> bool:
    """Whether 16-bit greys are stored as negatives; smaller ones Pillow turns by itself."""
    tags: Any = image.tag_v2
    return tags.get(PHOTOMETRIC_INTERPRETATION) == MIN_IS_WHITE and max(tags.get(BITSPERSAMPLE, (1,))) > 8


def fourth_sample(image: TiffImageFile) -> int:
    """What the fourth sample of 16-bit RGB is: `PREMULTIPLIED`, `PLAIN_ALPHA`, or 0 for nothing to be shown.

    Writers that do not say, such as OpenCV, mean alpha.
    """
    tags: Any = image.tag_v2
    extra = tags.get(EXTRA_SAMPLES, (PLAIN_ALPHA,))
    return int(extra[0]) if extra and extra[0] in (PREMULTIPLIED, PLAIN_ALPHA) else 0
