"""Options of `slsc compile` that fit a network to 2:4 hardware, and what is told of it."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from slsc.cli.inspect import DEVICES
from slsc.cli.timing_options import device
from slsc.errors import UsageError
from slsc.pattern import RULES

if TYPE_CHECKING:
    from slsc.jobs.compile.hardware import Hardware, HardwareRequest
    from slsc.passes.sparsity24.mapping import MappedLayer

MAPPINGS, PADDINGS = ("never", "auto", "require"), ("never", "auto", "always")
MULTIPLES = (4, 8, 16, 32)


def add_hardware_options(parser: argparse._ArgumentGroup) -> None:
    """Declare them."""
    parser.add_argument(
        "--map-2to4",
        choices=MAPPINGS,
        default=MAPPINGS[0],
        help="make layers that keep at most half fit 2:4 tensor cores: not (default); where possible, by the rule "
        "magnitude+2:4, or with --plan by permuting channels and dropping what then is too much; or exit with 3 unless "
        "all of them fit",
    )
    parser.add_argument(
        "--pad",
        choices=PADDINGS,
        default=PADDINGS[0],
        help="widen hidden layers to multiples of --pad-to: none (default), those with which a roofline of --device "
        "says that 2:4 gains (with --map-2to4 require: without which a layer would not fit), or all; every backend "
        "runs the wider network, and budgets are still of the one given",
    )
    parser.add_argument(
        "--pad-to",
        type=int,
        choices=MULTIPLES,
        default=MULTIPLES[0],
        help="channels; 4 is what 2:4 needs, 16 what fp16 and 32 what int8 tensor cores take at once (default: 4)",
    )
    parser.add_argument(
        "--device",
        type=device,
        default=DEVICES[0],
        metavar="NAME|PROFILE.json",
        help=f"of --pad auto: {', '.join(DEVICES)} (default: %(default)s); of --latency: the profile of a device, with "
        "which the time of each engine is predicted as well",
    )
    parser.add_argument(
        "--permute-seconds",
        type=float,
        default=60.0,
        metavar="S",
        help="most that --map-2to4 with --plan looks for an order of the channels (default: 60)",
    )


def hardware_request(args: argparse.Namespace) -> HardwareRequest:
    """What the options ask for.

    Raises:
        UsageError: the time is not a positive number.
    """
    from slsc.jobs.compile.hardware import HardwareRequest

    if not 0 <= args.permute_seconds < float("inf"):
        raise UsageError(f"--permute-seconds {args.permute_seconds} is no time", hint="give seconds, 0 or more")
    named = args.device if isinstance(args.device, str) else DEVICES[0]
    return HardwareRequest(args.map_2to4, args.pad, args.pad_to, named, args.permute_seconds)


def rule_of(args: argparse.Namespace) -> str:
    """The mask rule that goes with the options.

    Raises:
        UsageError: the rule asked for is not the one that fits 2:4.
    """
    plain, fitting = RULES
    if args.map_2to4 == MAPPINGS[0]:
        return str(args.rule or plain)
    if args.rule == plain:
        raise UsageError(
            f"--rule {plain} does not go with --map-2to4 {args.map_2to4}",
            why="its masks do not fit 2:4 hardware",
            hint=f"leave --rule out, or use --rule {fitting}",
        )
    return fitting


def show_hardware(hardware: Hardware) -> Iterator[str]:
    """What was padded, permuted and mapped, and at what price, line by line."""
    padded, ordered = hardware.padded, hardware.ordered
    if padded:
        before, after = padded.macs
        wider = sum(width.added > 0 for width in padded.widths)
        widths = f"{wider} widths to multiples of {hardware.request.multiple}" if wider else "nothing"
        yield (
            f"padded: {widths}; dense MACs {before / 1e9:.3f} G -> {after / 1e9:.3f} G, x{after / before:.2f}; "
            f"least time on {hardware.request.device} {1e3 * padded.seconds[0]:.2f} -> {1e3 * padded.seconds[1]:.2f} ms"
        )
        yield from (f"not padded: {width.value}: {width.refused}" for width in padded.widths if width.refused)
    if ordered and ordered.search and ordered.search.kept:
        kept = list(ordered.search.kept.values())
        first, last = (sum(pair[at] for pair in kept) / len(kept) for at in (0, 1))
        cut = "" if ordered.search.finished else ", stopped before there were none left to make"
        yield (
            f"permuted: {ordered.search.exchanges} exchanges of channels{cut}; energy that masks keep "
            f"{100 * first:.2f} -> {100 * last:.2f} % on average; output changed by {ordered.max_abs:.2g} at most"
        )
    for name, layers in hardware.layers.items():
        yield f"2:4 of engine {name}: {_states(layers)}"
        yield from (
            f"  {layer.name}: {layer.n}:{layer.m}, {layer.reason}: {layer.detail}"
            for layer in layers
            if layer.must_fit and layer.reason
        )
        yield from (
            f"  {layer.name}: {layer.dropped} weights dropped, {100 * layer.energy_lost:.3f} % of the layer's energy"
            for layer in layers
            if layer.dropped
        )
        to_given = hardware.to_given.get(name)
        if to_given is not None:
            yield f"  {to_given:.2f} dB from the network that was given"


def _states(layers: Sequence[MappedLayer]) -> str:
    bound = [layer for layer in layers if layer.must_fit]
    fit = sum(not layer.reason for layer in bound)
    counts = Counter(layer.state if not layer.reason else f"dense: {layer.reason}" for layer in layers)
    worst = max((layer.energy_lost for layer in layers), default=0.0)
    told = ", ".join(f"{count} {state}" for state, count in counts.most_common())
    return (
        f"{fit} of {len(bound)} layers that keep at most half are eligible; of all {len(layers)}: {told}; "
        f"at most {100 * worst:.2f} % of a layer's energy lost"
    )
