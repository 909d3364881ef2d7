"""A 1x1 convolution of a concatenation whose parts are made far apart -> a sum that grows part by part.

Networks of distillation blocks (IMDN, RFDN) end so. A part that waits for the last one leaves the cache, and all of
them together are the largest value of the network; their sum so far has the size of one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from slsc.passes.lowering.fuse import data_inputs
from slsc.passes.lowering.nmp_ops import Combine
from slsc.passes.lowering.steps import NO_ACTIVATION, Concat, Conv, GlobalMean, Pool, Resize, Space, Sparsity, Step

FAR = 48
"""Rows of the image that the native engine makes of one tensor before it goes on to the next, at most."""

WHOLE_HEIGHT = 1 << 16
"""What a mean over all rows lies behind: more than any image has."""


def accumulate(steps: Sequence[Step], spaces: dict[str, Space], output: str) -> list[Step]:
    """Replace such convolutions.

    Args:
        steps: fused steps, in the order they run.
        spaces: of every tensor; sums are added to it.
        output: the graph's output, which stays.

    Returns:
        Steps in the order they run. act(sum + bias) of the last part stands where the whole stood.
    """
    behind = _rows_behind(steps, spaces)
    uses = Counter(name for step in steps for name in step.inputs)
    uses[output] += 1
    makers = {step.output: index for index, step in enumerate(steps)}
    after: dict[int, list[Step]] = {}  # by index of the step that makes the part
    gone: set[int] = set()
    for index, step in enumerate(steps):
        joined = steps[makers[step.inputs[0]]] if step.inputs[0] in makers else None
        if not isinstance(step, Conv) or not isinstance(joined, Concat) or uses[joined.output] > 1:
            continue
        if not _splits(step, joined, spaces, makers, behind):
            continue
        gone.update((makers[joined.output], index))
        for maker, part in _parts(step, joined, spaces, makers):
            spaces[part.output] = spaces[step.output]
            after.setdefault(maker, []).append(part)
    kept = ([] if index in gone else [step] for index, step in enumerate(steps))
    return [each for index, own in enumerate(kept) for each in (*own, *after.get(index, ()))]


def _splits(
    conv: Conv, joined: Concat, spaces: Mapping[str, Space], makers: Mapping[str, int], behind: Mapping[str, Fraction]
) -> bool:
    """Whether the parts can be convolved one by one, and wait for each other long enough."""
    plain = conv.weight.shape[2:] == (1, 1) and conv.strides == (1, 1) and not any(conv.pads)
    if not plain or conv.integers or conv.groups > 1 or conv.combine != Combine.NONE or conv.shuffle > 1:
        return False
    if len(set(joined.inputs)) < len(joined.inputs) or any(name not in makers for name in joined.inputs):
        return False
    if conv.sparsity and any(spaces[name].channels % conv.sparsity.m for name in joined.inputs[:-1]):
        return False
    rows = [behind[name] for name in joined.inputs]
    return max(rows) - min(rows) > FAR


def _parts(
    conv: Conv, joined: Concat, spaces: Mapping[str, Space], makers: Mapping[str, int]
) -> list[tuple[int, Conv]]:
    """The convolutions of the parts as they are made, each with the index of the step that makes its part."""
    slices, start = {}, 0
    for name in joined.inputs:
        slices[name] = slice(start, start + spaces[name].channels)
        start = slices[name].stop
    names = sorted(joined.inputs, key=lambda name: makers[name])
    parts: list[tuple[int, Conv]] = []
    for name in names:
        last, channels = name == names[-1], slices[name]
        sums = [part.output for _, part in parts[-1:]]
        part = replace(
            conv,
            inputs=(name, *sums),
            output=conv.output if last else f"{conv.output}.sum{len(parts)}",
            weight=conv.weight[:, channels],
            bias=conv.bias if last else None,
            sparsity=conv.sparsity and Sparsity(conv.sparsity.n, conv.sparsity.m, conv.sparsity.ranks[:, channels]),
            act=conv.act if last else NO_ACTIVATION,
            combine=Combine.ADD_THEN_ACT if sums else Combine.NONE,
        )
        parts.append((makers[name], part))
    return parts


def _rows_behind(steps: Sequence[Step], spaces: Mapping[str, Space]) -> dict[str, Fraction]:
    """By tensor: rows of the image that must have been read beyond a row of it before that is made."""
    behind: dict[str, Fraction] = {}
    for step in steps:
        reads = data_inputs(step)
        most = max((behind.get(name, Fraction(0)) for name in reads), default=Fraction(0))
        behind[step.output] = most + _reads_ahead(step) / spaces[reads[0]].rows
    return behind


def _reads_ahead(step: Step) -> Fraction:
    """Rows of its input below its own that a step reads."""
    match step:
        case Conv():
            return Fraction((step.weight.shape[2] - 1) * step.dilations[0] - step.pads[0])
        case Pool():
            return Fraction(step.kernel[0] - 1 - step.pads[0])
        case Resize():
            return Fraction(1)
        case GlobalMean():
            return Fraction(WHOLE_HEIGHT)
        case _:
            return Fraction(0)
