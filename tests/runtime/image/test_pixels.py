"""Pixels on their way into a network and out of it: ranges by channel, in the network's own order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from slsc.runtime.bundle.manifest import ImageIO
from slsc.runtime.bundle.value_range import UNIT, ValueRange
from slsc.runtime.image.photo import Photo
from slsc.runtime.image.pixels import compose, to_batch, wanted_batch

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
IMAGENET = ValueRange.normalised(MEAN, DEVIATION)
IO = ImageIO(3, "RGB", IMAGENET, ValueRange((0.0, 10.0, -1.0), (255.0, 20.0, 1.0)), "x", "y", 1, "restore")
PIXELS = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)


def test_what_goes_in_is_normalised_channel_by_channel() -> None:
    expected = (PIXELS / 255 - MEAN) / DEVIATION
    assert np.allclose(to_batch(PIXELS, IO)[0].transpose(1, 2, 0), expected, atol=1e-5)


def test_ranges_are_in_the_networks_order_of_channels() -> None:
    """A network of BGR has the mean of blue first."""
    blue_first = ValueRange(IMAGENET.low[::-1], IMAGENET.high[::-1])
    turned = to_batch(PIXELS, replace(IO, order="BGR", input_range=blue_first))
    assert np.array_equal(turned, to_batch(PIXELS, IO)[:, ::-1])


@pytest.mark.parametrize("order", ["RGB", "BGR"])
def test_what_comes_out_is_read_in_a_range_of_its_own(order: str) -> None:
    io = replace(IO, order=order)
    values = wanted_batch(PIXELS, io)[0]
    red, blue = (0, 2) if order == "RGB" else (2, 0)
    assert values[1].min() >= 10 and values[1].max() <= 20
    for channel, colour in ((red, 0), (blue, 2)):
        low, span = io.output_range.planes(3)[channel]
        assert np.allclose(values[channel], PIXELS[:, :, colour] / 255 * span + low, atol=1e-4)
    assert np.array_equal(compose(values, Photo(PIXELS, None), io, (0, 5), (0, 7)), PIXELS)


def test_one_value_holds_for_all_channels() -> None:
    alike = replace(IO, input_range=ValueRange((-1.0,) * 3, (1.0,) * 3))
    assert np.array_equal(to_batch(PIXELS, alike), to_batch(PIXELS, replace(IO, input_range=ValueRange.uniform(-1, 1))))


def test_grey_photos_and_luma_networks() -> None:
    grey = PIXELS[:, :, :1]
    assert np.allclose(to_batch(grey, IO)[0].transpose(1, 2, 0), (grey / 255 - MEAN) / DEVIATION, atol=1e-5)
    levels = ValueRange.uniform(0, 255)
    luma = replace(IO, channels=1, order="Y", input_range=UNIT, output_range=levels)
    assert np.array_equal(to_batch(grey, luma)[0, 0], grey[:, :, 0] * np.float32(1 / 255))
    assert np.array_equal(
        compose(grey.transpose(2, 0, 1).astype(np.float32), Photo(grey, None), luma, (0, 5), (0, 7)), grey
    )
