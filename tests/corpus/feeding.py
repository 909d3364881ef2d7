"""What is right: a whole photo restored by ONNX Runtime, fed as the network wants it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from corpus.exporting import Levels
from slsc.runtime.image.colour import luma, with_luma
from slsc.runtime.image.resample import imresize

Pixels = npt.NDArray[np.uint8]

TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}


@dataclass(frozen=True)
class Feed:
    """How a network's file wants to be used.

    Attributes:
        given, made: levels of the image that goes in and of the one that comes out.
        order: "RGB", "BGR", or "Y" for luma.
        channels_last: NHWC instead of NCHW.
        batch: images it takes at a time.
        numbers: further inputs by name, as nested lists.
        level: value of a fourth channel, None for none.
        output: index of the output that is the image.
        residual: 0, or the factor of the difference to the input that is put out instead of an image.
        border: output pixels of the photo that are missing at each side.
        multiple: the photo's sides must be multiples of this.
        fixed_hw: the only size it takes.
    """

    given: Levels = field(default_factory=Levels)
    made: Levels = field(default_factory=Levels)
    order: str = "RGB"
    channels_last: bool = False
    batch: int = 1
    numbers: Mapping[str, Any] = field(default_factory=dict)
    level: float | None = None
    output: int = 0
    residual: float = 0
    border: int = 0
    multiple: int = 1
    fixed_hw: tuple[int, int] | None = None


def restored(path: Path, feed: Feed, photo: Pixels) -> Pixels:
    """An HxWx3 photo restored whole; without the border where the network leaves one out."""
    return np.rint(values_of(path, feed, photo).clip(0, 255)).astype(np.uint8)


def values_of(path: Path, feed: Feed, photo: Pixels) -> npt.NDArray[np.float64]:
    """The same of 255, neither rounded nor clamped."""
    options = onnxruntime.SessionOptions()
    # Without VNNI it else adds two products of bytes in 16 bits, which overflow.
    options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])
    image, *others = session.get_inputs()
    types = {one.name: TYPES[one.type] for one in (image, *others)}
    values = {image.name: batch_of(photo, feed), **feed.numbers}
    if types[image.name] == np.uint8:
        values[image.name] = np.rint(values[image.name])
    outputs = session.run(None, {name: np.asarray(value, types[name]) for name, value in values.items()})
    result = np.asarray(outputs[feed.output][0], np.float64)
    result = result if feed.channels_last else result.transpose(1, 2, 0)
    unit = (result - np.array(feed.made.black)) / (np.array(feed.made.white) - np.array(feed.made.black))
    if feed.order == "BGR":
        unit = unit[:, :, ::-1]
    if feed.residual:
        unit = unit / feed.residual + (luma(photo / 255) if feed.order == "Y" else photo / 255)
    if feed.order == "Y":
        scale = unit.shape[0] // photo.shape[0]
        hw = (photo.shape[0] * scale, photo.shape[1] * scale)
        unit = with_luma(imresize(photo / 255, hw, round_passes=False), unit)
    return unit * 255


def batch_of(photo: Pixels, feed: Feed) -> npt.NDArray[np.float64]:
    """The network's image input, before it is rounded to its type."""
    pixels = photo / 255
    if feed.order == "Y":
        pixels = luma(pixels)
    elif feed.order == "BGR":
        pixels = pixels[:, :, ::-1]
    values = pixels * (np.array(feed.given.white) - np.array(feed.given.black)) + np.array(feed.given.black)
    if feed.level is not None:
        values = np.concatenate([values, np.full_like(values[:, :, :1], feed.level)], axis=2)
    values = values if feed.channels_last else values.transpose(2, 0, 1)
    return np.repeat(values[None], feed.batch, axis=0)


def within(pixels: Pixels, border: int) -> Pixels:
    """Pixels without `border` at each side."""
    return pixels[border : pixels.shape[0] - border, border : pixels.shape[1] - border]
