"""Strict reading of untrusted JSON: every value is checked for type and range, every key must be known."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar

from slsc.errors import BundleError
from slsc.runtime.bundle.faults import BundleFault

T = TypeVar("T")

MAX_INTEGER_DIGITS = 18
MAX_ITEMS = 65536
MAX_COUNT = 10**15
MAX_TEXT = 4096
MAX_SHOWN = 80
"""Characters of a key that errors quote."""
SHA256 = re.compile(r"[0-9a-f]{64}")


def malformed(why: str, field: str = "manifest.json") -> BundleError:
    """The error that refuses a manifest; `field` is the dotted path of the value concerned."""
    return BundleError(
        BundleFault.BAD_MANIFEST,
        "the bundle's manifest is malformed",
        where=field,
        why=why,
        hint="make the bundle again with `slsc compile`",
    )


def parse_json(text: bytes) -> Mapping[str, Any]:
    """A JSON object, refusing NaN, infinities, repeated keys, integers beyond 18 digits and runaway nesting."""
    try:
        value = json.loads(
            text.decode("utf-8"),
            parse_constant=_refuse_constant,
            parse_int=_bounded_integer,
            object_pairs_hook=_unique_keys,
        )
    except RecursionError:
        raise malformed("it is nested too deeply") from None
    except ValueError as error:
        raise malformed(f"it is not strict JSON: {error}") from None
    if not isinstance(value, dict):
        raise malformed("it is not a JSON object")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _bounded_integer(text: str) -> int:
    if len(text.lstrip("-")) > MAX_INTEGER_DIGITS:
        raise ValueError(f"an integer has {len(text)} digits")
    return int(text)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key is repeated")
    return result


class Fields:
    """The fields of one JSON object, taken one by one; `close` refuses what nobody took.

    Args:
        data: the value found in the JSON, whatever its type.
        path: dotted path of the object, for error messages.
    """

    def __init__(self, data: Any, path: str) -> None:
        if not isinstance(data, dict):
            raise malformed(f"expected an object, found {_kind(data)}", path)
        self._data: dict[str, Any] = data
        self._path = path
        self._left = set(data)

    def refuse(self, name: str, why: str) -> NoReturn:
        """Refuse the manifest because of field `name`."""
        raise malformed(why, f"{self._path}.{name}")

    def take(self, name: str) -> Any:
        """The value of a field of any type."""
        if name not in self._data:
            self.refuse(name, "the field is missing")
        self._left.discard(name)
        return self._data[name]

    def close(self) -> None:
        """Refuse fields which no reader asked for."""
        if self._left:
            self.refuse(min(self._left)[:MAX_SHOWN], "this slsc knows no such field")

    def integer(self, name: str, low: int, high: int) -> int:
        """An integer in low..high."""
        return _integer(self.take(name), low, high, f"{self._path}.{name}")

    def optional_integer(self, name: str, low: int, high: int) -> int | None:
        """An integer in low..high, or null."""
        value = self.take(name)
        return None if value is None else _integer(value, low, high, f"{self._path}.{name}")

    def number(self, name: str, low: float, high: float) -> float:
        """A finite number in low..high."""
        return _number(self.take(name), low, high, f"{self._path}.{name}")

    def numbers(self, name: str, low: float, high: float) -> tuple[float, ...]:
        """A list of finite numbers in low..high."""
        return self.items(name, lambda value, path: _number(value, low, high, path), MAX_ITEMS)

    def boolean(self, name: str) -> bool:
        """True or false."""
        value = self.take(name)
        if not isinstance(value, bool):
            self.refuse(name, f"expected true or false, found {_kind(value)}")
        return value

    def text(self, name: str, *, longest: int = MAX_TEXT, empty: bool = False) -> str:
        """A string of printable characters."""
        return _text(self.take(name), longest, empty, f"{self._path}.{name}")

    def choice(self, name: str, allowed: tuple[str, ...]) -> str:
        """One of a few words."""
        value = self.text(name)
        if value not in allowed:
            self.refuse(name, f"found {value[:40]!r}, expected one of {', '.join(allowed)}")
        return value

    def sha256(self, name: str) -> str:
        """64 lower-case hex digits."""
        value = self.text(name)
        if not SHA256.fullmatch(value):
            self.refuse(name, "expected 64 lower-case hex digits")
        return value

    def pair(self, name: str, low: int, high: int) -> tuple[int, int]:
        """A list of two integers in low..high."""
        value = self.take(name)
        if not isinstance(value, (list, tuple)) or len(value) != 2:
            self.refuse(name, "expected a list of two integers")
        first, second = (_integer(item, low, high, f"{self._path}.{name}") for item in value)
        return first, second

    def optional_pair(self, name: str, low: int, high: int) -> tuple[int, int] | None:
        """A list of two integers in low..high, or null."""
        return self.pair(name, low, high) if self._data.get(name, ()) is not None else self.take(name)

    def items(self, name: str, read: Callable[[Any, str], T], most: int) -> tuple[T, ...]:
        """A list of at most `most` elements, each read by `read(value, path)`."""
        value = self.take(name)
        if not isinstance(value, (list, tuple)) or len(value) > most:
            self.refuse(name, f"expected a list of at most {most} values")
        return tuple(read(item, f"{self._path}.{name}[{index}]") for index, item in enumerate(value))

    def mapping(self, name: str, read: Callable[[Any, str], T]) -> dict[str, T]:
        """An object whose keys are free but printable, each value read by `read(value, path)`."""
        value = self.take(name)
        if not isinstance(value, dict) or len(value) > MAX_ITEMS:
            self.refuse(name, f"expected an object of at most {MAX_ITEMS} fields")
        path = f"{self._path}.{name}"
        return {text(key, path): read(item, f"{path}.{key[:MAX_SHOWN]}") for key, item in value.items()}


def finite_number(value: Any, path: str) -> float:
    """A finite number, for `Fields.mapping`."""
    return _number(value, -1e30, 1e30, path)


def text(value: Any, path: str) -> str:
    """A string of printable characters, for the keys and values of `Fields.mapping`."""
    return _text(value, MAX_TEXT, False, path)


def _text(value: Any, longest: int, empty: bool, path: str) -> str:
    if not isinstance(value, str):
        raise malformed(f"expected a string, found {_kind(value)}", path)
    if len(value) > longest or (not value and not empty) or not value.isprintable():
        raise malformed(f"expected {'0' if empty else '1'}..{longest} printable characters", path)
    return value


def _integer(value: Any, low: int, high: int, path: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise malformed(f"expected an integer in {low}..{high}, found {_kind(value)}", path)
    return value


def _number(value: Any, low: float, high: float, path: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise malformed(f"expected a finite number, found {_kind(value)}", path)
    if not low <= value <= high:
        raise malformed(f"expected a number in {low:g}..{high:g}, found {value:g}", path)
    return float(value)


def _kind(value: Any) -> str:
    return str(value) if isinstance(value, (int, float)) else "null" if value is None else type(value).__name__
