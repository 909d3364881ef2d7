"""N:M patterns over convolution weights: groups, ranks, masks. Numpy only.

A *group* is M consecutive input channels at one output channel and one kernel position (SLS, CVPR 2022, section
3.1). With weights shaped (K, C, ...) the groups of size M run along axis 1; when M does not divide C the last
group is short. The *rank* of a weight is its position in its group by importance, 0 first. Keeping the ranks below
N gives the N:M mask, and masks of growing N are nested, so one rank-major array serves every N.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

RULES = ("magnitude", "magnitude+2:4")
"""Mask rules: the paper's, and the one that also keeps at most 2 of every aligned 4 channels while N <= M/2."""

WINDOW, WINDOW_KEEP = 4, 2
"""The 2:4 pattern of sparse tensor cores: of every aligned window of 4 input channels at most 2 are non-zero."""


def group_sizes(channels: int, m: int) -> tuple[int, ...]:
    """Sizes of the groups along `channels` input channels: all M, the last one shorter if M does not divide."""
    _require_m(m)
    full, rest = divmod(channels, m)
    return (m,) * full + ((rest,) if rest else ())


def kept_in_group(n: int, m: int, size: int) -> int:
    """How many weights a group of `size` <= M channels keeps at N:M: its share, rounded half up, at least 1.

    Non-decreasing in N, equal to `n` for a full group and to `size` at N = M.
    """
    if not 1 <= n <= m or not 1 <= size <= m:
        raise ValueError(f"need 1 <= n <= m and 1 <= size <= m, got n={n}, m={m}, size={size}")
    return max(1, (2 * n * size + m) // (2 * m))


def count_kept(shape: tuple[int, ...], n: int, m: int) -> int:
    """Number of weights an (K, C, ...) weight keeps at N:M."""
    per_row = sum(kept_in_group(n, m, size) for size in group_sizes(shape[1], m))
    return per_row * int(np.prod(shape, dtype=np.int64)) // shape[1]


def rank_groups(importance: npt.ArrayLike, m: int, rule: str = "magnitude") -> npt.NDArray[np.uint8]:
    """Rank every weight within its group, the most important first.

    Args:
        importance: shape (K, C, ...), larger is more important; the weights' magnitude in the paper. NaN is refused.
        m: group size, 1..256.
        rule: one of `RULES`. Under `magnitude+2:4` the first ranks (two per aligned window of 4 channels) are taken
            greedily subject to the 2:4 pattern. The feasible sets are those of a laminar matroid, so the greedy
            prefix has the largest kept importance at every N <= M/2, and nesting survives.

    Returns:
        uint8 ranks, same shape; within a group of size s a permutation of 0..s-1. Ties go to the lower channel.
    """
    _require_m(m)
    if rule not in RULES:
        raise ValueError(f"unknown mask rule {rule!r}: use one of {', '.join(RULES)}")
    if rule == "magnitude+2:4" and m % WINDOW:
        raise ValueError(f"rule {rule} needs groups of whole windows: M must be a multiple of {WINDOW}, got {m}")
    scores = np.asarray(importance, dtype=np.float64)
    if scores.ndim < 2:
        raise ValueError(f"weights need at least 2 axes (K, C, ...), got shape {scores.shape}")
    if np.isnan(scores).any():
        raise ValueError("importance holds NaN")
    ranks = np.empty(scores.shape, np.uint8)
    for part in _group_slices(scores.shape[1], m):
        order = np.argsort(-scores[:, part], axis=1, kind="stable")
        if rule == "magnitude+2:4":
            order = _windowed_first(order)
        places = np.arange(order.shape[1], dtype=np.uint8).reshape(1, -1, *([1] * (scores.ndim - 2)))
        np.put_along_axis(ranks[:, part], order, np.broadcast_to(places, order.shape), axis=1)
    return ranks


def nm_mask(ranks: npt.NDArray[np.uint8], n: int, m: int) -> npt.NDArray[np.bool_]:
    """The N:M mask of `ranks` as made by `rank_groups`: True where the weight is kept."""
    limits = np.empty(ranks.shape[1], np.int64)
    for part in _group_slices(ranks.shape[1], m):
        limits[part] = kept_in_group(n, m, part.stop - part.start)
    return ranks < limits.reshape(1, -1, *([1] * (ranks.ndim - 2)))


def first_violation(weight: npt.NDArray[np.generic], n: int, m: int) -> tuple[int, ...] | None:
    """Index (k, c, ...) of the first group with more non-zeros than N:M allows, c its first channel; else None."""
    for part in _group_slices(weight.shape[1], m):
        limit = kept_in_group(n, m, part.stop - part.start)
        bad = np.argwhere(np.count_nonzero(weight[:, part], axis=1) > limit)
        if len(bad):
            return (int(bad[0, 0]), part.start, *map(int, bad[0, 1:]))
    return None


def first_2to4_violation(weight: npt.NDArray[np.generic]) -> tuple[int, ...] | None:
    """Index (k, c, ...) of the first aligned window of 4 channels with more than 2 non-zeros; else None.

    c is the window's first channel.
    """
    for part in _group_slices(weight.shape[1], WINDOW):
        bad = np.argwhere(np.count_nonzero(weight[:, part], axis=1) > WINDOW_KEEP)
        if len(bad):
            return (int(bad[0, 0]), part.start, *map(int, bad[0, 1:]))
    return None


def _require_m(m: int) -> None:
    if not 1 <= m <= 256:
        raise ValueError(f"M must be in 1..256, got {m}")


def _group_slices(channels: int, m: int) -> Iterator[slice]:
    start = 0
    for size in group_sizes(channels, m):
        yield slice(start, start + size)
        start += size


def _windowed_first(order: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Move what a greedy 2:4 choice takes to the front of each group's importance order, both parts kept in order."""
    taken = np.zeros(order.shape, bool)
    windows = order // WINDOW
    for window in range(int(windows.max(initial=-1)) + 1):
        inside = windows == window
        taken |= inside & (np.cumsum(inside, axis=1) <= WINDOW_KEEP)
    front = np.argsort(~taken, axis=1, kind="stable")
    return np.take_along_axis(order, front, axis=1)
