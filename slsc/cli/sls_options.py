"""How `--method sls` searches: a preset, and the paper's ablations one by one."""

from __future__ import annotations

import argparse
from dataclasses import replace

from slsc.errors import UsageError
from slsc.jobs.train.presets import preset
from slsc.search.sls.settings import SlsSettings


def add_sls_options(group: argparse._ArgumentGroup) -> None:
    """Declare the options that change a preset."""
    group.add_argument("--lambda", dest="strength", type=float, metavar="L", help="lambda_reg to begin with")
    group.add_argument("--no-priority", action="store_true", help="every unit for itself, without Eq. 4's order")
    group.add_argument("--no-annealing", action="store_true", help="leave lambda_reg as it is, without Eq. 7")
    group.add_argument(
        "--refresh",
        metavar="WHEN",
        help="when weights are ranked anew: never, step, epoch, or a number of epochs such as 10",
    )


def sls_settings(args: argparse.Namespace) -> SlsSettings:
    """The preset of `args.preset` with the options' changes.

    Raises:
        UsageError: a value that cannot be.
    """
    settings = preset(args.preset).sls
    if args.strength is not None:
        settings = replace(settings, strength=args.strength)
    if args.no_priority:
        settings = replace(settings, ordered=False)
    if args.no_annealing:
        settings = replace(settings, anneal_every=None, pace=None)
    if args.refresh is not None:
        settings = replace(settings, refresh_every=_period(args.refresh, settings.epoch))
    return settings


def _period(text: str, epoch: int) -> int | None:
    """Steps between rankings; None for never."""
    named = {"never": None, "step": 1, "epoch": epoch}
    if text in named:
        return named[text]
    if text.isdecimal() and int(text):
        return int(text) * epoch
    raise UsageError(f"--refresh {text} is no period", hint="use never, step, epoch, or a number of epochs")
