"""The page of the Python API: signatures and docstrings of the modules that programs use, read from their source."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from slsc.tools.reference.markdown import bullets, fenced, from_docstring, page, paragraph

WIDTH = 100
"""Longer signatures are broken, columns."""


class Chapter(NamedTuple):
    """One module of the page.

    Attributes:
        title: heading.
        module: dotted name.
        names: what is shown of it, in this order; empty for all that is public.
    """

    title: str
    module: str
    names: tuple[str, ...] = ()


CHAPTERS = (
    Chapter("Restoring photos", "slsc.runtime.session", ("Session",)),
    Chapter("Options of a session", "slsc.runtime.options", ("Options",)),
    Chapter("In the manner of a C library", "slsc.runtime.capi"),
    Chapter("Errors", "slsc.errors"),
    Chapter("Groups, ranks and masks", "slsc.pattern"),
    Chapter("Plans", "slsc.plan"),
    Chapter("Methods", "slsc.methods"),
    Chapter("The contract of a method", "slsc.search.method"),
    Chapter("The contract of a recipe", "slsc.trainer.recipe", ("Recipe",)),
    Chapter("The contract of a pass", "slsc.passes.base"),
    Chapter("The contract of a backend", "slsc.runtime.backends.base"),
)


def python_api_page() -> str:
    """The whole page."""
    intro = (
        "What programs use, and the contracts that extensions fulfil. Everything else may change without notice. "
        "Arrays are numpy's; shapes are given in the order of the axes, sizes as height, width."
    )
    return page("Python API", (intro, *(block for chapter in CHAPTERS for block in _chapter(chapter))))


def _chapter(chapter: Chapter) -> Iterator[str]:
    spec = importlib.util.find_spec(chapter.module)
    assert spec is not None and spec.origin is not None
    tree = ast.parse(Path(spec.origin).read_text())
    yield f"## {chapter.title}"
    yield f"Module `{chapter.module}`."
    yield from from_docstring(ast.get_docstring(tree))
    members = _members(tree.body)
    for name in chapter.names or members:
        yield from _entry(name, *members[name])


def _members(body: Sequence[ast.stmt]) -> dict[str, tuple[ast.stmt, str | None]]:
    """Public classes, functions and documented values by name, with their docstrings, in the order of the source."""
    found: dict[str, tuple[ast.stmt, str | None]] = {}
    for statement, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(statement, ast.ClassDef | ast.FunctionDef):
            found[statement.name] = statement, ast.get_docstring(statement)
        elif isinstance(statement, ast.Assign | ast.AnnAssign) and (text := _text(after)):
            target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
            found[ast.unparse(target).strip("()")] = statement, text
    return {name: value for name, value in found.items() if not name.startswith("_")}


def _text(statement: ast.stmt | None) -> str | None:
    """The string that a statement consists of: the docstring of what stands before it."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return statement.value.value if isinstance(statement.value.value, str) else None
    return None


def _entry(name: str, statement: ast.stmt, docstring: str | None) -> Iterator[str]:
    yield f"### {name}"
    yield fenced(_signature(statement), "python")
    yield from from_docstring(docstring)
    if isinstance(statement, ast.ClassDef):
        yield bullets(_values(statement))
        for inner, (member, text) in _members(statement.body).items():
            if isinstance(member, ast.FunctionDef):
                yield f"#### {name}.{inner}"
                yield fenced(_signature(member), "python")
                yield from from_docstring(text)


def _values(statement: ast.ClassDef) -> Iterator[str]:
    """What a class holds besides functions: documented attributes, and every value of an enumeration."""
    told = _members(statement.body)
    enumeration = any("Enum" in ast.unparse(base) for base in statement.bases)
    for inner in statement.body:
        if isinstance(inner, ast.Assign | ast.AnnAssign):
            target = ast.unparse(inner.targets[0] if isinstance(inner, ast.Assign) else inner.target)
            if target in told or enumeration:
                _, text = told.get(target, (inner, None))
                yield f"`{ast.unparse(inner)}`" + (f": {paragraph(text)}" if text else "")


def _signature(statement: ast.stmt) -> str:
    if isinstance(statement, ast.FunctionDef):
        marks = "".join(f"@{ast.unparse(mark)}\n" for mark in statement.decorator_list)
        returns = f" -> {ast.unparse(statement.returns)}" if statement.returns else ""
        return f"{marks}def {_call(statement.name, _parameters(statement.args))}{returns}"
    if isinstance(statement, ast.ClassDef):
        return _class_signature(statement)
    return ast.unparse(statement)


def _class_signature(statement: ast.ClassDef) -> str:
    """A class with its bases and what it is made from: `__init__`'s parameters, or a record's fields."""
    bases = ", ".join(ast.unparse(base) for base in statement.bases)
    head = f"class {statement.name}({bases})" if bases else f"class {statement.name}"
    for inner in statement.body:
        if isinstance(inner, ast.FunctionDef) and inner.name == "__init__":
            return f"{head}\n{_call(statement.name, _parameters(inner.args))}"
    fields = [ast.unparse(inner) for inner in statement.body if isinstance(inner, ast.AnnAssign)]
    return f"{head}\n{_call(statement.name, fields)}" if fields and _is_record(statement) else head


def _call(name: str, parameters: Sequence[str]) -> str:
    """`name(parameters)`, one a line where they are long."""
    line = f"{name}({', '.join(parameters)})"
    return line if len(line) <= WIDTH else f"{name}(\n" + "".join(f"    {each},\n" for each in parameters) + ")"


def _parameters(arguments: ast.arguments) -> list[str]:
    """A function's parameters, without `self`."""
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(plain) - len(arguments.defaults))
    found = [_parameter(*pair) for pair in zip(plain, [*defaults, *arguments.defaults], strict=True)]
    if plain and plain[0].arg in ("self", "cls"):
        del found[0]
    if arguments.vararg or arguments.kwonlyargs:
        found.append(f"*{ast.unparse(arguments.vararg) if arguments.vararg else ''}")
    found += [_parameter(*pair) for pair in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    if arguments.kwarg:
        found.append(f"**{ast.unparse(arguments.kwarg)}")
    return found


def _parameter(argument: ast.arg, default: ast.expr | None) -> str:
    return ast.unparse(argument) + ("" if default is None else f" = {ast.unparse(default)}")


def _is_record(statement: ast.ClassDef) -> bool:
    """Whether a class is a dataclass or a NamedTuple, made from its fields."""
    marks = [ast.unparse(mark) for mark in (*statement.decorator_list, *statement.bases)]
    return any(mark.startswith(("dataclass", "NamedTuple")) for mark in marks)
