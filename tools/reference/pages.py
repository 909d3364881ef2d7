"""The generated pages by file name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from slsc.tools.reference.c_api import c_api_page
from slsc.tools.reference.command_line import command_line_page
from slsc.tools.reference.operators import operators_page
from slsc.tools.reference.python_api import python_api_page

PAGES: Mapping[str, Callable[[], str]] = MappingProxyType(
    {
        "cli.md": command_line_page,
        "python.md": python_api_page,
        "c.md": c_api_page,
        "operators.md": operators_page,
    }
)
"""File name in docs/reference -> the function that makes its text."""
