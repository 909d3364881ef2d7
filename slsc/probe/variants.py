"""Ranges beside one that is tried: the same moved, stretched, or with other means and deviations of photos."""

from __future__ import annotations

from dataclasses import replace

from slsc.probe.convention import (
    CAFFE,
    CENTRED,
    CENTRED_LEVELS,
    CLIP,
    DIV2K,
    IMAGENET,
    LEVELS,
    SIGNED,
    UNIT_LESS_DIV2K,
    UNIT_LESS_IMAGENET,
    Convention,
    Form,
    Known,
    reversed_channels,
)
from slsc.runtime.bundle.value_range import UNIT, ValueRange

SIBLINGS = (
    (UNIT, CENTRED, UNIT_LESS_IMAGENET, UNIT_LESS_DIV2K),
    (LEVELS, CENTRED_LEVELS, reversed_channels(CAFFE), DIV2K),
    (SIGNED, IMAGENET, CLIP),
)
"""Ranges so near to each other that a network of one does about as well in another; red first."""


def siblings(convention: Convention) -> list[Convention]:
    """A convention with each of the ranges that are easily taken for that of its input.

    DIV2K's means go with red first: the networks that take them are of PyTorch's time.
    """
    blue_first = convention.order == "BGR"
    own = convention.turned("RGB").input if blue_first else convention.input
    others = [values for group in SIBLINGS if own in group for values in group if values != own]
    fitting = [values for values in others if _fits(values, convention.order)]
    return [with_input(convention, reversed_channels(values) if blue_first else values) for values in fitting]


def is_rare(convention: Convention) -> bool:
    """Whether networks of this range are so rare that it is not taken before one beside it, however it does."""
    return convention.input in (CLIP, reversed_channels(CLIP))


def orders(convention: Convention, known: Known) -> list[Convention]:
    """A convention in every order it may have, blue first."""
    if convention.order == "Y" or known.order is not None:
        return [convention]
    return [convention.turned("BGR"), convention.turned("RGB")]


def moved(convention: Convention, share: float) -> Convention:
    """A convention with black and white of its input moved by a share of the span."""
    values = convention.input
    low, high = (
        tuple(value + share * span for value, span in zip(ends, values.span, strict=True))
        for ends in (values.low, values.high)
    )
    return with_input(convention, ValueRange(low, high))


def stretched(convention: Convention, factor: float) -> Convention:
    """A convention with all values that enter and leave multiplied."""
    return replace(convention, input=_times(convention.input, factor), output=_times(convention.output, factor))


def with_input(convention: Convention, values: ValueRange) -> Convention:
    """A convention with another range of the input, and of the output where that was the same."""
    same = convention.output == convention.input or (
        convention.form is not Form.PICTURE and convention.output.span == convention.input.span
    )
    return replace(convention, input=values, output=values if same else convention.output)


def _fits(values: ValueRange, order: str) -> bool:
    if order == "Y":
        return len(values.low) == 1
    return order == "RGB" or values not in (DIV2K, UNIT_LESS_DIV2K)


def _times(values: ValueRange, factor: float) -> ValueRange:
    """A range with black and white multiplied."""
    return ValueRange(*(tuple(factor * value for value in ends) for ends in (values.low, values.high)))
