"""What the figures share: Matplotlib if it is there, colours and markers that are told apart without colour vision."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from slsc.errors import BackendError, UsageError
from slsc.runtime.atomic import staged

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")
"""Okabe and Ito's, for colour-blind readers."""

MARKERS = "os^Dv<>p"


def figure(width: float, height: float) -> Figure:
    """An empty figure, sizes in inches.

    Raises:
        BackendError: Matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise BackendError("figures need Matplotlib", why=str(error), hint="pip install slsc[figures]") from error
    return Figure(figsize=(width, height), layout="constrained", dpi=160)


def save(drawn: Figure, path: Path) -> None:
    """Write a figure as PNG, whole or not at all.

    Raises:
        UsageError: the name is not one of a PNG file.
    """
    if path.suffix != ".png":
        raise UsageError("the output must end in .png", where=str(path), hint=f"-o {path.with_suffix('.png')}")
    with staged(path) as (stream, _):
        drawn.savefig(stream, format="png")
