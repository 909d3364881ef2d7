"""The networks of the zoo by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from slsc.errors import UsageError
from slsc.zoo.compact import Compact


@dataclass(frozen=True)
class ZooModel:
    """A network one can build by name.

    Attributes:
        build: makes it with random weights.
        scale: output pixels per input pixel along each axis.
        white: what stands for white in its RGB input and output, 1 or 255; black is 0.
        about: one line for people.
    """

    build: Callable[[], nn.Module]
    scale: int
    white: float
    about: str


MODELS: dict[str, ZooModel] = {
    "compact_x4": ZooModel(Compact, 4, 1.0, "slsc's own compact network, 288 K parameters"),
}


def zoo_model(name: str) -> ZooModel:
    """The entry called `name`.

    Raises:
        UsageError: there is none; names those there are.
    """
    if name not in MODELS:
        raise UsageError(f"no network {name!r} in the zoo", hint=f"use one of {', '.join(MODELS)}")
    return MODELS[name]
