"""Which value of the plan holds each tensor, and from which channel on.

A concatenation is one value; what makes its parts writes there. A part that cannot be written there, because it is the
image, lies in another concatenation already, or is part of a larger tensor, is copied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from slsc.passes.lowering.nmp import DType
from slsc.passes.lowering.steps import ChannelSlice, Concat, Space, Step, Unary


@dataclass(frozen=True)
class Place:
    """Where a tensor lies: `channel` is the first one of the value that is its."""

    value: int
    channel: int


@dataclass
class Layout:
    """The result.

    Attributes:
        steps: those that do work, copies among them, in the order they run.
        places: of every tensor.
        values: channels of each value.
        dtypes: of each value.
    """

    steps: list[Step] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)
    values: list[int] = field(default_factory=list)
    dtypes: list[DType] = field(default_factory=list)


def place(steps: Sequence[Step], spaces: dict[str, Space], image: str, output: str) -> Layout:
    """Lay out the tensors of `steps`.

    Args:
        steps: fused steps, in the order they run.
        spaces: of every tensor; copies are added to it.
        image: the graph's input.
        output: the graph's output; it gets a value of its own.
    """
    placer = _Placer(steps, spaces)
    placer.open(image)
    if output == image or isinstance(placer.makers.get(output), ChannelSlice):
        placer.copies[output] = [f"{output}.copy"]
        placer.open(f"{output}.copy", like=output)
    else:
        placer.open(output)
    for step in reversed(steps):
        if isinstance(step, Concat):
            placer.concat(step)
    for step in steps:
        if not isinstance(step, ChannelSlice) and step.output not in placer.layout.places:
            placer.open(step.output)
    return placer.finished()


class _Placer:
    def __init__(self, steps: Sequence[Step], spaces: dict[str, Space]) -> None:
        self.steps, self.spaces = steps, spaces
        self.makers = {step.output: step for step in steps}
        self.layout = Layout()
        self.copies: dict[str, list[str]] = {}

    def open(self, name: str, like: str | None = None) -> Place:
        """Give a tensor a value of its own."""
        if like:
            self.spaces[name] = self.spaces[like]
        self.layout.values.append(self.spaces[name].channels)
        self.layout.dtypes.append(self.spaces[name].dtype)
        self.layout.places[name] = Place(len(self.layout.values) - 1, 0)
        return self.layout.places[name]

    def concat(self, step: Concat) -> None:
        """Place the parts; later concatenations have been placed before."""
        places = self.layout.places
        if step.output not in places:
            there = self._joined(step)
            if there is not None:
                places[step.output] = there
                return
            self.open(step.output)
        start = places[step.output]
        channel = start.channel
        for name in step.inputs:
            here = Place(start.value, channel)
            if name in places or name not in self.makers or isinstance(self.makers[name], ChannelSlice):
                copy = f"{name}.copy{here.value}.{here.channel}"
                self.spaces[copy] = self.spaces[name]
                self.copies.setdefault(name, []).append(copy)
                places[copy] = here
            else:
                places[name] = here
            channel += self.spaces[name].channels

    def _joined(self, step: Concat) -> Place | None:
        """Where all parts lie one after the other already, as those of a shorter concatenation of the same tensors."""
        if any(name not in self.layout.places for name in step.inputs):
            return None
        first = self.layout.places[step.inputs[0]]
        channel = first.channel
        for name in step.inputs:
            if self.layout.places[name] != Place(first.value, channel):
                return None
            channel += self.spaces[name].channels
        return first

    def finished(self) -> Layout:
        """Resolve slices, and put every copy right after what it copies."""
        layout = self.layout
        for name in self.copies:
            if name not in self.makers:
                layout.steps.extend(self._copies_of(name, name))
        for step in self.steps:
            if isinstance(step, ChannelSlice):
                whole = layout.places[step.inputs[0]]
                layout.places[step.output] = Place(whole.value, whole.channel + step.start)
            elif not isinstance(step, Concat):
                layout.steps.append(step)
            layout.steps.extend(self._copies_of(step.output, step.label))
        return layout

    def _copies_of(self, name: str, label: str) -> list[Step]:
        return [Unary(label=label, inputs=(name,), output=copy) for copy in self.copies.get(name, [])]
