"""What a user says of a network's interface: which input is the image, what the others hold, which output is wanted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from slsc.errors import UsageError

MAX_VALUES = 128
"""Most numbers that one input can be given."""


@dataclass(frozen=True)
class Binding:
    """What is known beforehand of a network's inputs and outputs.

    Attributes:
        values: numbers by name of an input that is not the image: one for all of its elements, or one each.
        extra_channels: the value of each channel that the image input has after the image's own, such as a noise level.
        input: name of the image input, None where it is plain.
        output: name of the output that is wanted, None where there is one only.
    """

    values: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    extra_channels: tuple[float, ...] = ()
    input: str | None = None
    output: str | None = None

    def options(self) -> tuple[str, ...]:
        """As on the command line, one option each, such as `--set sigma=0.1`."""
        return tuple(self._options())

    def _options(self) -> Iterator[str]:
        for name, numbers in self.values.items():
            yield f"--set {name}={','.join(map(repr, numbers))}"
        for value in self.extra_channels:
            yield f"--extra-channel {value!r}"
        if self.input is not None:
            yield f"--input {self.input}"
        if self.output is not None:
            yield f"--output {self.output}"

    @classmethod
    def from_options(cls, options: Sequence[str]) -> Binding:
        """The inverse of `options`.

        Raises:
            UsageError: one of them is none of these options.
        """
        values: dict[str, tuple[float, ...]] = {}
        channels: list[float] = []
        names: dict[str, str] = {}
        for text in options:
            option, _, value = text.partition(" ")
            if option == "--set":
                name, numbers = named_numbers(value)
                values[name] = numbers
            elif option == "--extra-channel":
                channels.append(number(value))
            elif option in ("--input", "--output"):
                names[option] = value
            else:
                raise UsageError(f"{text!r} says nothing of a network's inputs and outputs")
        return cls(values, tuple(channels), names.get("--input"), names.get("--output"))


NOTHING_BOUND = Binding()
"""A network of one input and one output."""


def named_numbers(text: str) -> tuple[str, tuple[float, ...]]:
    """`sigma=25/255` or `mean=0.1,0.2,0.3` as name and numbers.

    Raises:
        UsageError: anything else.
    """
    name, equals, value = text.rpartition("=")
    if not (name and equals):
        raise UsageError(f"{text!r} is not NAME=VALUE", hint="write it as sigma=0.1, or sigma=25/255")
    parts = value.split(",")
    if len(parts) > MAX_VALUES:
        raise UsageError(f"{len(parts)} values for {name!r}", hint=f"give at most {MAX_VALUES}")
    return name, tuple(map(number, parts))


def number(text: str) -> float:
    """A number such as `0.1`, or a fraction such as `25/255`.

    Raises:
        UsageError: anything else, infinity and NaN included.
    """
    above, slash, below = text.strip().partition("/")
    try:
        value = float(above) / float(below) if slash else float(above)
    except (ValueError, ZeroDivisionError, OverflowError):
        value = float("nan")
    if not abs(value) <= 1e30:
        raise UsageError(f"{text[:40]!r} is not a number", hint="write it as 0.1, or 25/255")
    return value
