"""Weights as the engine reads them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from slsc.passes.lowering.steps import Sparsity
from slsc.pattern import group_sizes, kept_in_group

NOT_KEPT = 255
"""As a rank: of a weight that is not kept. Groups have at most 256 weights, and keep fewer."""


def pack(weight: npt.NDArray[np.float32], sparsity: Sparsity) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    """A weight (K, C, kh, kw) rank-major, flat: its values, and their positions in their groups.

    For rank r, output channel k, kernel position, group of input channels: one entry wherever the group keeps more
    than r weights. A group with fewer non-zeros holds zeros there, so that every capacity is a prefix of each group.
    """
    n, m = sparsity.n, sparsity.m
    sizes = group_sizes(weight.shape[1], m)
    kept = [kept_in_group(n, m, size) for size in sizes]
    by_rank = []  # per group (K, C of the group, kh, kw): positions in the order of rank
    start = 0
    for size in sizes:
        by_rank.append(np.argsort(sparsity.ranks[:, start : start + size], axis=1, kind="stable"))
        start += size
    values, positions = [], []
    for rank in range(max(kept)):  # below n where every group is short
        groups = [group for group, count in enumerate(kept) if rank < count]
        places = np.stack([by_rank[group][:, rank] for group in groups], axis=-1)  # (K, kh, kw, groups)
        channels = places + m * np.array(groups)
        values.append(np.take_along_axis(weight.transpose(0, 2, 3, 1), channels, axis=3).reshape(-1))
        positions.append(places.reshape(-1))
    return np.concatenate(values).astype(np.float32), np.concatenate(positions).astype(np.uint8)


def unpack(
    values: npt.NDArray[np.float32], positions: npt.NDArray[np.uint8], shape: tuple[int, int, int, int], n: int, m: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    """Undo `pack`: a weight of `shape`, and the ranks of its values in their groups; 255 where none is kept."""
    sizes = group_sizes(shape[1], m)
    kept = np.array([kept_in_group(n, m, size) for size in sizes])
    weight = np.zeros((shape[0], *shape[2:], shape[1]), np.float32)
    ranks = np.full(weight.shape, NOT_KEPT, np.uint8)
    start = 0
    for rank in range(max(kept)):
        groups = np.flatnonzero(rank < kept)
        places = (shape[0], *shape[2:], len(groups))
        end = start + int(np.prod(places))
        channels = positions[start:end].reshape(places) + m * groups
        np.put_along_axis(weight, channels, values[start:end].reshape(places), axis=3)
        np.put_along_axis(ranks, channels, np.uint8(rank), axis=3)
        start = end
    return weight.transpose(0, 3, 1, 2), ranks.transpose(0, 3, 1, 2)
