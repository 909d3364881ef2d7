"""The argument parser: verbs, the options every verb has, and suggestions for what was mistyped."""

from __future__ import annotations

import argparse
import difflib
import importlib
import itertools
import textwrap
from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import Any, NoReturn

import slsc
from slsc.errors import UsageError

VERBS = ("compile", "inspect", "check", "run", "eval", "profile", "build", "type", "train")

_DESCRIPTION = "Compile image-restoration networks with layer-wise N:M sparsity, and restore photos with them."

_EPILOG = (
    "Exit codes: 0 done; 1 a check failed; 2 wrong usage or unusable input; 3 a requirement cannot be met; "
    "4 a backend or device is missing; 70 a fault in slsc itself; 130 interrupted."
)


class Parser(argparse.ArgumentParser):
    """An `ArgumentParser` that raises `UsageError` instead of exiting, and names the nearest to an unknown option."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **kwargs)

    def error(self, message: str) -> NoReturn:
        """Raise what argparse would print.

        Raises:
            UsageError: always.
        """
        raise UsageError(message, hint=f"see {self.prog} --help")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Look for mistyped options before argparse can complain of what they left missing.

        Raises:
            UsageError: an option of a verb is unknown.
        """
        if self._subparsers is None:
            for word in itertools.takewhile(lambda word: word != "--", args):
                if word.startswith("--") and word.partition("=")[0] not in self._option_string_actions:
                    raise _unknown("option", word.partition("=")[0], tuple(self._option_string_actions), self.prog)
        return super().parse_known_args(args, namespace)


def build_parser(verbs: Iterable[str] = VERBS) -> Parser:
    """The parser of the whole command line, or of some of its verbs."""
    parser = Parser(prog="slsc", description=_DESCRIPTION, epilog=textwrap.fill(_EPILOG, 100))
    parser.add_argument("--version", action="version", version=f"slsc {slsc.__version__}")
    subparsers = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for verb in verbs:
        module = verb_module(verb)
        text = (module.__doc__ or "").strip()
        sub = subparsers.add_parser(verb, help=text.partition("\n")[0].rstrip("."), description=text)
        module.add_arguments(sub)
        _add_common(sub)
    return parser


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Parse a command line.

    Raises:
        UsageError: an unknown verb or option, a missing or malformed argument.
        SystemExit: after `--help` or `--version`.
    """
    verb = next((word for word in argv if not word.startswith("-")), None)
    if verb is not None and verb not in VERBS:
        raise _unknown("verb", verb, VERBS, "slsc")
    args: argparse.Namespace = build_parser(VERBS if verb is None else (verb,)).parse_args(argv)
    return args


def verb_module(verb: str) -> ModuleType:
    """The module of a verb: its docstring, `add_arguments(parser)` and `run(args, console) -> exit code`."""
    return importlib.import_module(f"slsc.cli.{verb}")


def _add_common(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("output")
    loudness = group.add_mutually_exclusive_group()
    loudness.add_argument("-q", "--quiet", action="store_true", help="print nothing but the path of what was written")
    loudness.add_argument("-v", "--verbose", action="store_true", help="say more, and show tracebacks of faults")
    group.add_argument("--json", action="store_true", help="print one JSON object on stdout, also for errors")


def _unknown(kind: str, word: str, choices: Sequence[str], prog: str) -> UsageError:
    near = difflib.get_close_matches(word, choices, n=1)
    hint = f"did you mean {near[0]}?" if near else f"see {prog} --help"
    return UsageError(f"unknown {kind} {word!r}", hint=hint)
