"""Check a bundle: integrity, N:M of every layer against its plan, that its engines run, and what they lost.

With --against, every engine is compared on photos with the dense network the bundle was compiled from, in dB. Exit
code 1 when any check fails.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
from pathlib import Path

from slsc.cli.arguments import add_provider, each_provider, existing_folder
from slsc.cli.console import Console

WORDS = {True: "pass", False: "FAIL", None: "skip"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own arguments."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE.slsb", help="what to check")
    parser.add_argument("--against", type=Path, metavar="MODEL.onnx", help="the dense network to compare with")
    parser.add_argument(
        "--data", type=existing_folder, metavar="DIR", help="photos to compare on (default: scikit-image's own)"
    )
    add_provider(parser, "all are checked")


def run(args: argparse.Namespace, console: Console) -> int:
    """Run the verb."""
    from slsc.jobs.check.checking import check_against, check_bundle

    checks = []
    for check in itertools.chain(
        check_bundle(args.bundle, each_provider(args.provider)),
        check_against(args.bundle, args.against, args.data) if args.against else (),
    ):
        console.report(f"{WORDS[check.passed]}  {check.name}: {check.detail}")
        checks.append(check)
    failed = sum(check.passed is False for check in checks)
    console.report(f"{sum(check.passed is True for check in checks)} of {len(checks)} passed, {failed} failed")
    console.result(checks=[dataclasses.asdict(check) for check in checks])
    return 1 if failed else 0
