"""Conventions: ways in which a network may take pixels and give them back, and those that are tried."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from slsc.runtime.bundle.value_range import UNIT, ValueRange


class Form(Enum):
    """What a network puts out: the picture, or what is to be taken from or added to its input for that."""

    PICTURE = "picture"
    SUBTRACT = "subtract"
    ADD = "add"

    @property
    def words(self) -> str:
        """As findings say it."""
        return {"picture": "the output", "subtract": "input - output", "add": "input + output"}[self.value]


LEVELS, SIGNED, CENTRED = ValueRange.uniform(0, 255), ValueRange.uniform(-1, 1), ValueRange.uniform(-0.5, 0.5)
IMAGENET = ValueRange.normalised((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and deviation of ImageNet's photos, as torchvision has them; red first."""

CAFFE = ValueRange.normalised([mean / 255 for mean in (103.939, 116.779, 123.68)], [1 / 255] * 3)
"""0..255 less the means of ImageNet's photos, as Caffe's networks take it; blue first."""

DIV2K = ValueRange.normalised((0.4488, 0.4371, 0.4040), [1 / 255] * 3)
"""0..255 less the means of DIV2K's photos, as EDSR's kin takes it where that is left out of the file; red first."""

CLIP = ValueRange.normalised((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
"""Mean and deviation of the photos that CLIP was trained on; red first."""

UNIT_LESS_IMAGENET = ValueRange.normalised((0.485, 0.456, 0.406), [1.0] * 3)
UNIT_LESS_DIV2K = ValueRange.normalised((0.4488, 0.4371, 0.4040), [1.0] * 3)
"""0..1 less the means of photos; red first."""

CENTRED_LEVELS = ValueRange.uniform(-127.5, 127.5)

RANGES = (UNIT, LEVELS, SIGNED, CENTRED)
"""Tried for input and output, the commonest first: it is taken where the measurement cannot tell."""

DEEP = (ValueRange.uniform(0, 1023), ValueRange.uniform(0, 4095), ValueRange.uniform(0, 65535))
"""Levels of 10, 12 and 16 bits: rare, and looked at where 0..255 or nothing suits, since to most networks of these
0..255 is a dim photo with little noise."""

AMPLITUDES = (0.5, 2.0)
"""Of differences that are put out, as factors of what is wrong with the image, beside 1."""


@dataclass(frozen=True)
class Convention:
    """How pixels enter and leave a network.

    Attributes:
        order: "RGB", "BGR", or "Y".
        input: network values of black and white, in the network's own order of channels.
        output: likewise where they leave; of a network whose form is not PICTURE, only the span counts.
        form: what it puts out.
        grey: of a network whose form is not PICTURE, what it puts out where nothing is wrong, in spans of its output.
    """

    order: str
    input: ValueRange
    output: ValueRange
    form: Form = Form.PICTURE
    grey: float = 0.0

    @property
    def plain(self) -> bool:
        """Whether the picture leaves as it enters."""
        return self.input == self.output and self.form is Form.PICTURE

    @property
    def words(self) -> str:
        """What it puts out, as findings say it."""
        centred = f"(output - {self.grey * self.output.mean_span:g})"
        return self.form.words.replace("output", centred) if self.grey else self.form.words

    def turned(self, order: str) -> Convention:
        """The same for another order of colours: what belongs to a colour goes with it."""
        if order == self.order:
            return self
        return Convention(order, reversed_channels(self.input), reversed_channels(self.output), self.form, self.grey)


@dataclass(frozen=True)
class Known:
    """What the user says of the interface; None for what is to be found out.

    Attributes:
        scale: output pixels per input pixel along each side.
        task: "sr" or "restore".
        input: values of black and white in the network's input.
        output: likewise in its output.
        order: "RGB", "BGR", or "Y".
        form: what the network puts out.
    """

    scale: int | None = None
    task: str | None = None
    input: ValueRange | None = None
    output: ValueRange | None = None
    order: str | None = None
    form: Form | None = None


def inputs_tried(known: Known, order: str) -> tuple[ValueRange, ...]:
    """Ranges that an input of this order may have, the likeliest first."""
    if known.input is not None:
        return (known.input,)
    return RANGES if order == "Y" else (*RANGES, *_by_channel(order))


def all_tried(known: Known, channels: int, *, same_size: bool) -> list[Convention]:
    """Every convention there is to be tried, the likeliest first: those whose picture leaves as it enters, then those
    whose picture leaves otherwise, then differences.

    Red comes first, save where a network has values of its own for each colour: those are tried blue first, too.
    """
    order = known.order or ("Y" if channels == 1 else "RGB")
    inputs = [(order, values) for values in inputs_tried(known, order)]
    if order == "RGB" and known.order is None and known.input is None:
        inputs += [("BGR", values) for values in _by_channel("BGR")]
    tried = [one for given in inputs for one in conventions(given[1], known, given[0], same_size=same_size)]
    return sorted(tried, key=lambda one: 0 if one.plain else 1 if one.form is Form.PICTURE else 2)


def deep_tried(known: Known, channels: int, *, same_size: bool) -> list[list[Convention]]:
    """As `all_tried`, of each range in `DEEP` alone, which leaves as it enters: given too bright, and read as they
    should be, dark photos are well restored by many a network. None where the output is known to be another: whatever
    is given too bright then leaves so, and passes for brightened."""
    same = [replace(known, input=values, output=values) for values in DEEP if known.output in (None, values)]
    return [all_tried(each, channels, same_size=same_size) for each in same]


def conventions(given: ValueRange, known: Known, order: str, *, same_size: bool) -> list[Convention]:
    """All there is to be tried for one range of the input, the likeliest first."""
    others = [one for one in inputs_tried(replace(known, input=None), order) if one != given]
    outputs = [known.output] if known.output else [given, *others]
    forms = [known.form] if known.form else list(Form) if same_size else [Form.PICTURE]
    spans: dict[tuple[float, ...], ValueRange] = {}
    for output in outputs:
        if len(output.span) > 1 and output not in (given, known.output):
            continue  # of differences, a deviation by channel is taken to be the input's or none
        spans.setdefault(output.span, output)
    if known.output is None and len(given.span) == 1:
        for amplitude in AMPLITUDES:
            spans.setdefault((amplitude * given.mean_span,), ValueRange.uniform(0, amplitude * given.mean_span))
    return [
        Convention(order, given, output, form)
        for form in forms
        for output in (outputs if form is Form.PICTURE else spans.values())
    ]


def name_of(values: ValueRange) -> str:
    """A range in words."""
    names = {
        IMAGENET: "ImageNet's mean and deviation",
        CLIP: "CLIP's mean and deviation",
        CAFFE: "0..255 less Caffe's means",
        DIV2K: "0..255 less DIV2K's means",
        UNIT_LESS_IMAGENET: "0..1 less ImageNet's means",
        UNIT_LESS_DIV2K: "0..1 less DIV2K's means",
    }
    return names.get(values) or names.get(reversed_channels(values)) or str(values)


def _by_channel(order: str) -> tuple[ValueRange, ...]:
    """Ranges with values of their own for each colour."""
    return (IMAGENET,) if order == "RGB" else (reversed_channels(IMAGENET),)


def reversed_channels(values: ValueRange) -> ValueRange:
    """Of the reverse order of channels."""
    return ValueRange(values.low[::-1], values.high[::-1])
