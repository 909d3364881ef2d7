"""The page of the verbs: each module's docstring, and what its parser declares."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from slsc.cli.parser import VERBS, Parser, build_parser
from slsc.tools.reference.markdown import bullets, fenced, from_docstring, page, paragraph

COMMON = "output"
"""The group of options that every verb has; it is shown once."""

TITLES = {"positional arguments": "Arguments", "options": "Options", "sls": "SLS"}
"""argparse's own headings -> ours."""


def command_line_page() -> str:
    """The whole page."""
    whole = build_parser()
    verbs = {verb: _verb(verb) for verb in VERBS}
    common = next(group for group in next(iter(verbs.values()))._action_groups if group.title == COMMON)
    return page(
        "Command line",
        (
            paragraph(whole.description or ""),
            paragraph(whole.epilog or ""),
            "Every verb takes:",
            bullets(_entry(action) for action in common._group_actions),
            *(block for verb, parser in verbs.items() for block in _section(verb, parser)),
        ),
    )


def _verb(verb: str) -> Parser:
    """The parser of one verb."""
    (action,) = (a for a in build_parser([verb])._actions if isinstance(a, argparse._SubParsersAction))
    parser: Parser = action.choices[verb]
    return parser


def _section(verb: str, parser: Parser) -> Iterator[str]:
    yield f"## slsc {verb}"
    yield fenced(_usage(verb, parser), "text")
    yield from from_docstring(parser.description)
    for group in parser._action_groups:
        entries = [_entry(action) for action in group._group_actions if action.dest != "help"]
        if entries and group.title != COMMON:
            title = TITLES.get(group.title or "", (group.title or "").capitalize())
            yield f"**{title}**" + (f": {group.description}" if group.description else "")
            yield bullets(entries)
    for exclusive in parser._mutually_exclusive_groups:
        names = [_names(action)[-1] for action in exclusive._group_actions]
        if "--quiet" not in names:
            yield f"{'Exactly' if exclusive.required else 'At most'} one of {', '.join(f'`{name}`' for name in names)}."


def _usage(verb: str, parser: Parser) -> str:
    """The words that must be there; options that need not be are told below."""
    positional = [_words(action) for action in parser._actions if not action.option_strings]
    required = [f"{_names(action)[0]} {_words(action)}" for action in parser._actions if _is_required_option(action)]
    return " ".join(("slsc", verb, *positional, *required, "[options]"))


def _is_required_option(action: argparse.Action) -> bool:
    return bool(action.option_strings) and action.required


def _names(action: argparse.Action) -> list[str]:
    return list(action.option_strings) or [_words(action)]


def _words(action: argparse.Action) -> str:
    """What follows an option's name; empty for a switch."""
    if action.nargs == 0:
        return ""
    if isinstance(action.metavar, tuple):
        return " ".join(action.metavar)
    return action.metavar or (action.dest.upper() if action.option_strings else action.dest)


def _entry(action: argparse.Action) -> str:
    names = ", ".join(f"`{name}`" for name in _names(action)[:-1])
    last = _names(action)[-1]
    value = f" {_words(action)}" if action.option_strings and _words(action) and not action.choices else ""
    choices = f": {', '.join(f'`{choice}`' for choice in action.choices)}" if action.choices else ""
    text = argparse.HelpFormatter("")._expand_help(action) if action.help else ""
    return f"{names}{', ' if names else ''}`{last}{value}`{choices} — {paragraph(text)}"
