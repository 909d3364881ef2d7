"""The methods that `slsc train` and `slsc compile` offer: name, help, needs and starts of each stand here alone.

What the sparse ones do is in `slsc.search.sparse_methods`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from slsc.errors import UsageError

STARTS = ("dense", "oneshot")
"""Weights that training begins with: the dense network's, or those fitted in closed form to what is left of it."""


@dataclass(frozen=True)
class Method:
    """What is to be known of a method without running it.

    Attributes:
        name: of `--method`, and in plans.
        help: what it does with the weights.
        needs_budget: it prunes to a budget; the others leave the network dense, which is nothing to compile.
        needs_training: it is nothing without training; the others prune first and may then train what is left.
        starts: those of `STARTS` to choose from; none for a method that has one way to begin.
        several_budgets: it makes one set of weights for several budgets; the others take one.
        classifies: it trains what tells which of these networks a region is given.
    """

    name: str
    help: str
    needs_budget: bool = True
    needs_training: bool = False
    starts: tuple[str, ...] = STARTS
    several_budgets: bool = False
    classifies: bool = False


DENSE = Method("dense", "all weights, none pruned", needs_budget=False, needs_training=True, starts=())

METHODS: Mapping[str, Method] = {
    method.name: method
    for method in (
        DENSE,
        Method("oneshot", "N by layer from measured sensitivity, weights corrected in closed form", starts=()),
        Method("uniform", "one N for all layers, the largest weights of every group"),
        Method("filter", "whole channels removed, the weakest first"),
        Method("sls", "N by layer learned in training", needs_training=True),
        Method("sr-ste", "one N for all layers, of weights that all go on learning", needs_training=True),
        Method(
            "nested",
            "one set of weights for several budgets, the smaller networks within the larger",
            needs_training=True,
            starts=(),
            several_budgets=True,
        ),
        Method(
            "classpruning",
            "as nested, with a classifier that gives every region of a photo one of the networks",
            needs_training=True,
            starts=(),
            several_budgets=True,
            classifies=True,
        ),
    )
}

SPARSE: Mapping[str, Method] = {
    name: method for name, method in METHODS.items() if method.needs_budget and not method.several_budgets
}
"""Those that make a network for a budget."""

COMPILED: Mapping[str, Method] = {
    name: method for name, method in METHODS.items() if name in SPARSE or method.classifies
}
"""Those that `slsc compile` offers."""


def method_of(name: str, among: Mapping[str, Method] = METHODS) -> Method:
    """The method called `name`.

    Raises:
        UsageError: there is none among them.
    """
    if name not in among:
        raise UsageError(f"unknown method {name!r}", hint=f"use one of {', '.join(among)}")
    return among[name]


def help_on(methods: Iterable[Method]) -> str:
    """What each of them does, for `--help`."""
    return "; ".join(f"{method.name}: {method.help}" for method in methods)
