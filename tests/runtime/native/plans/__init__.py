"""Random plans, for the native engine's tests.

`KINDS` maps a name to a function of a random generator. Every plan runs on images of at least `SMALLEST` pixels a side.
"""

from __future__ import annotations

from collections.abc import Callable

from plans.basics import SMALLEST, Random, floats, identity, op, plan, sparse_arrays
from plans.convolutions import combined, conv, ending, pair
from plans.elementwise import binary, root, unary
from plans.networks import Sketch, attention, blocks, distilling, network
from plans.space import pad, pool, resize, resize_to, shares, shuffles
from slsc.passes.lowering.nmp import Act, Combine, OpType, PlanFile

__all__ = [
    "KINDS",
    "SMALLEST",
    "Act",
    "Combine",
    "OpType",
    "Sketch",
    "floats",
    "identity",
    "op",
    "pair",
    "plan",
    "sparse_arrays",
]

KINDS: dict[str, Callable[[Random], PlanFile]] = {
    "dense_conv": lambda rng: conv(rng, sparse=False),
    "sparse_conv": lambda rng: conv(rng, sparse=True),
    "combined": combined,
    "ending": ending,
    "binary": binary,
    "unary": unary,
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
}
