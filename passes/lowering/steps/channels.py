"""Where channels lie. `ChannelSlice` and `Concat` become offsets, `Permute` a part of a convolution."""

from __future__ import annotations

from dataclasses import dataclass, replace

from slsc.passes.lowering.steps.base import Array, Space, Step


@dataclass(frozen=True, eq=False, kw_only=True)
class Permute(Step):
    """Output channel k is input channel `order[k]` of `channels`. Becomes part of the convolution before it, or one of
    its own."""

    order: Array
    channels: int

    def space(self, *ins: Space) -> Space:
        """See `Step.space`."""
        return replace(ins[0], channels=len(self.order))


@dataclass(frozen=True, eq=False, kw_only=True)
class ChannelSlice(Step):
    """Channels `start` to `start + count`."""

    start: int
    count: int

    def space(self, *ins: Space) -> Space:
        """See `Step.space`."""
        return replace(ins[0], channels=self.count)


@dataclass(frozen=True, eq=False, kw_only=True)
class Concat(Step):
    """All inputs' channels one after the other."""

    def space(self, *ins: Space) -> Space:
        """See `Step.space`."""
        return replace(ins[0], channels=sum(each.channels for each in ins))
