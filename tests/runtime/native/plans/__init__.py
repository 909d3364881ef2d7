"""Random plans, for the native engine's tests.

`KINDS` maps a name to a function of a random generator. Every plan runs on images of at least `SMALLEST` pixels a side.
"""

from __future__ import annotations

from collections.abc import Callable

from plans.basics import SMALLEST, Random, conv, floats, identity, plan, sparse_arrays
from plans.convolutions import combined, combined_shuffled, ending, narrow, one, pair
from plans.elementwise import binary, normalized, root, unary
from plans.gates import gates
from plans.halves import half_chain, half_convs, half_distilling, half_residuals, rounded, upper_halves
from plans.integers import dequantized_pair, int_convs, int_distilling, int_joined, int_network, int_shuffled
from plans.ladders import ladder, laddered
from plans.networks import Sketch, attention, blocks, distilling, network
from plans.space import pad, pool, resize, resize_to, shares, shuffles
from slsc.passes.lowering.nmp import PlanFile

__all__ = [
    "KINDS", "SMALLEST", "Sketch", "conv", "dequantized_pair", "floats", "half_chain", "identity", "laddered", "pair",
    "plan", "rounded", "sparse_arrays", "upper_halves",
]  # fmt: skip

KINDS: dict[str, Callable[[Random], PlanFile]] = {
    "dense_conv": lambda rng: one(rng, sparse=False),
    "sparse_conv": lambda rng: one(rng, sparse=True),
    "narrow": narrow,
    "combined": combined,
    "combined_shuffled": combined_shuffled,
    "ending": ending,
    "binary": binary,
    "unary": unary,
    "normalized": normalized,
    "root": root,
    "pool": pool,
    "resize": resize,
    "resize_to": resize_to,
    "pad": pad,
    "shares": shares,
    "shuffles": shuffles,
    "attention": attention,
    "network": network,
    "blocks": blocks,
    "distilling": distilling,
    "ladder": ladder,
    "int_convs": int_convs,
    "int_network": int_network,
    "int_joined": int_joined,
    "int_distilling": int_distilling,
    "int_shuffled": int_shuffled,
    "half_convs": half_convs,
    "half_distilling": half_distilling,
    "half_residuals": half_residuals,
    "gates": gates,
}
