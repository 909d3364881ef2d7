"""Measuring what each layer takes at each N: one engine per N, all layers alike, all engines in turn.

An engine tells what its operations took, and the layers of the operations are known. What it makes one with a later
operation, or runs with it, is timed together and shared out by the multiply-accumulates that each layer takes.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np
import onnx

import slsc
from slsc.jobs.profile.jobs import Job, measure
from slsc.jobs.profile.targets import Target
from slsc.passes.analysis.cost import costs, output_scale
from slsc.passes.analysis.layers import prunable_layers
from slsc.passes.analysis.structure import structure_digest
from slsc.passes.artefacts import FORMS
from slsc.passes.lowering.lower import layers_of_operations
from slsc.passes.weights import weight_values
from slsc.pattern import RULES, count_kept, nm_mask, rank_groups
from slsc.plan import LayerPlan, Plan, mask_digest
from slsc.runtime.backends import Backend
from slsc.search.device_profile import DeviceProfile
from slsc.search.oneshot.stages import stage_counts

QUIET = 10
"""Percentile of the runs that counts: what else the machine does lengthens some operations of most runs, seldom the
same ones, and would be taken for the price of a layer."""


def measure_layers(
    model: onnx.ModelProto,
    target: Target,
    backend: Backend,
    threads: int,
    hw: tuple[int, int],
    m: int,
    repeats: int,
    progress: Callable[[int], None],
) -> DeviceProfile:
    """Measure a network's layers.

    Args:
        model: the network, after the import passes.
        target: the same, as it is profiled.
        backend: one whose runners are `Timed`.
        threads: of it.
        hw: size of the image, pixels.
        m: group size.
        repeats: rounds that are counted, at least 1.
        progress: called after each round with the number done.

    Raises:
        BackendError: the backend does not run the network, Polygraphy is not installed, or an engine fails.
        ModelError: the network has no prunable layer.
    """
    plans = uniform_plans(model, m)
    form = FORMS[backend.kind]
    jobs = [
        Job(replace(target, name=f"{target.name} {n}:{m}"), backend, form.build(model, plan))
        for n, plan in plans.items()
    ]
    timings = measure(jobs, hw, repeats, progress)
    names = [layer.name for layer in prunable_layers(model)]
    layers: dict[str, dict[int, float]] = {name: {} for name in names}
    rests: list[float] = []
    for (n, plan), timing in zip(plans.items(), timings, strict=True):
        needs = needed_macs(model, hw, n, m)
        runs = shared_out(timing.op_seconds, timing.op_macs, layers_of_operations(model, plan), needs)
        for name in names:
            layers[name][n] = 1e3 * float(np.percentile(runs[name], QUIET))
        rests += list(np.asarray(timing.seconds) - sum(runs[name] for name in names))
    return DeviceProfile(
        network=structure_digest(model),
        backend=backend.name,
        version=slsc.__version__,
        device=processor(),
        threads=threads,
        precision="float32",
        input_hw=hw,
        m=m,
        layers={name: fitted(points, m) for name, points in layers.items()},
        rest=max(0.0, 1e3 * float(np.percentile(rests, QUIET))),
    )


def needed_macs(model: onnx.ModelProto, hw: tuple[int, int], n: int, m: int) -> dict[str, int]:
    """Multiply-accumulates of each layer on an input of `hw` pixels, where those that can be pruned keep N:M."""
    scale = output_scale(model)
    found = costs(model, (int(hw[0] * scale), int(hw[1] * scale))).layers
    return {each.name: count_kept(each.shape, n, m) * each.positions if each.prunable else each.macs for each in found}


def fitted(points: Mapping[int, float], m: int) -> dict[int, float]:
    """A layer's times by N below M as the line a + b N that they scatter about, told by its ends; at M as it is.

    The slope is the median of those between any two points (Theil and Sen), which a few bad ones do not move.
    """
    sparse = sorted(n for n in points if n < m)
    slope = max(0.0, float(np.median([(points[b] - points[a]) / (b - a) for a, b in combinations(sparse, 2)])))
    start = max(0.0, float(np.median([points[n] - slope * n for n in sparse])))
    return {**{n: start + slope * n for n in (sparse[0], sparse[-1])}, m: points[m]}


def shared_out(
    seconds: Sequence[Sequence[float]],
    macs: Sequence[int],
    layers: Sequence[str | None],
    needs: Mapping[str, int],
) -> dict[str, np.ndarray]:
    """Seconds by layer and run.

    Args:
        seconds: shape (runs, operations).
        macs: of each operation; a layer's operation that has none is done by the layer's behind it.
        layers: of each operation; None for those without weights.
        needs: multiply-accumulates of each layer, by which what was timed together is shared out. Those that a layer's
            own operations lack are done within operations that have more than their layers need.
    """
    took = np.asarray(seconds)
    found = {name: np.zeros(len(took)) for name in needs}
    groups = _timed_together(macs, layers)
    done = {name: sum(group.macs for group in groups if name in group.members) for name in needs}
    own = [{name: needs[name] * group.macs / (done[name] or 1) for name in group.members} for group in groups]
    lacks = [max(0.0, sum(mine.values()) - group.macs) for group, mine in zip(groups, own, strict=True)]
    for group, mine in zip(groups, own, strict=True):
        whole, total = took[:, group.operations].sum(1), sum(mine.values())
        guests = max(0.0, group.macs - total) if sum(lacks) else 0.0
        for name, count in mine.items():
            found[name] += whole * (count / (total + guests) if total else 1 / len(mine))
        for host, lack in zip(own, lacks, strict=True):
            for name, count in host.items() if guests and lack else ():
                share = lack / sum(lacks) * count / sum(host.values())
                found[name] += whole * guests / (total + guests) * share
    return found


@dataclass(frozen=True)
class _Together:
    """Operations that are timed together, their multiply-accumulates, and the layers that they are of."""

    operations: list[int]
    macs: int
    members: frozenset[str]


def _timed_together(macs: Sequence[int], layers: Sequence[str | None]) -> list[_Together]:
    groups: list[_Together] = []
    waiting: list[int] = []
    for index, (name, count) in enumerate(zip(layers, macs, strict=True)):
        if name is None:
            continue
        waiting.append(index)
        if count or index + 1 == len(layers):
            members = frozenset(member for at in waiting if (member := layers[at]) is not None)
            groups.append(_Together(waiting, count, members))
            waiting = []
    return groups


def processor() -> str:
    """The CPU in words."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(errors="replace").splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return (names[0] if names else platform.processor() or platform.machine() or "unknown CPU")[:200]


def uniform_plans(model: onnx.ModelProto, m: int) -> dict[int, Plan | None]:
    """The same N in all layers: plans by N, descending from M, where the network is dense."""
    arrays = weight_values(model)
    ranks = {layer.name: rank_groups(np.abs(arrays[layer.name]), m) for layer in prunable_layers(model)}
    plans: dict[int, Plan | None] = {m: None}
    for n in stage_counts(m, 1):
        layers = tuple(
            LayerPlan(name, n, m, RULES[0], mask_digest(nm_mask(each, n, m))) for name, each in ranks.items()
        )
        plans[n] = Plan(layers, "1", 1.0, "uniform")
    return plans
