"""How the files that restorations become are named."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from slsc.errors import UsageError

FORMATS = ("png", "jpg", "webp", "tiff")
"""What `--format` takes: extensions of the output."""


@dataclass(frozen=True)
class Naming:
    """How outputs are named.

    Attributes:
        suffix: comes after the photo's name, before the extension.
        format: one of `FORMATS`; None for PNG, or what the name of a single output asks for.
        recursive: photos of sub-folders, too, into sub-folders of the same names.
        skip_existing: leave alone what is there already.

    Raises:
        UsageError: the suffix is no part of a file name.
    """

    suffix: str = ""
    format: str | None = None
    recursive: bool = False
    skip_existing: bool = False

    def __post_init__(self) -> None:
        if any(char in self.suffix for char in "/\\\0"):
            raise UsageError(f"--suffix {self.suffix!r} is no part of a file name", hint="write it as --suffix _x4")

    def of(self, photo: Path) -> str:
        """The name of a photo's output."""
        return f"{photo.stem}{self.suffix}.{self.format or FORMATS[0]}"
