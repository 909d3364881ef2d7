"""What each node of a graph took, read from the file that ONNX Runtime's own profiler writes.

The nodes are those that run, after its graph optimisations: what it made one is one node, named after what it gives or
after all that it was made of, and it adds nodes that reorder values in memory.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any, NoReturn

from slsc.errors import BackendError
from slsc.runtime.backends.base import NodeTimes

RUN = "model_run"
SUFFIX = "_kernel_time"
"""Of the events that are the times of nodes."""

CONVOLUTIONS = ("Conv", "FusedConv", "NhwcFusedConv", "QLinearConv")

MICROSECOND = 1e-6
"""The unit of the file, which holds integers: short nodes are told coarsely."""

Event = Mapping[str, Any]


def read_trace(path: Path, runs: int, provider: str) -> list[NodeTimes]:
    """The nodes of a trace, in the order in which they run.

    Args:
        path: the file.
        runs: the last so many count.
        provider: whose nodes need no remark, by ONNX Runtime's name; others are said to be on another.

    Raises:
        BackendError: the file is not what is expected: names may hold anything, and ONNX Runtime does not escape them.
    """
    try:
        events = json.loads(path.read_bytes())
        wholes = sorted(_span(event) for event in events if event["name"] == RUN)[-runs:]
        nodes = [event for event in events if event["cat"] == "Node" and event["name"].endswith(SUFFIX)]
        nodes.sort(key=lambda event: int(event["ts"]))
        by_run = [[node for node in nodes if begun <= int(node["ts"]) <= ended] for begun, ended in wholes]
        if len(by_run) < runs or not by_run[0] or len({tuple(map(_key, each)) for each in by_run}) > 1:
            _refuse("its runs are not all there, or not of the same nodes")
        return [_node_times(each, provider) for each in zip(*by_run, strict=True)]
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        _refuse(f"{type(error).__name__}: {error}")


def _span(event: Event) -> tuple[int, int]:
    return int(event["ts"]), int(event["ts"]) + int(event["dur"])


def _key(node: Event) -> tuple[str, str]:
    return str(node["name"]), str(node["args"]["op_name"])


def _node_times(events: Sequence[Event], provider: str) -> NodeTimes:
    """Of one node's events, one a run."""
    args = events[0]["args"]
    convolves = args["op_name"] in CONVOLUTIONS
    shapes = [_shape(each) for each in args["input_type_shape"]] if convolves else []
    weights = next((shape for shape in shapes[1:] if len(shape) > 2), None)
    name = str(events[0]["name"]).removesuffix(SUFFIX)
    words = [] if name.startswith(args["op_name"]) else [str(args["op_name"])]
    words += ["x".join(map(str, weights))] if weights else []
    words.append(name)
    if args["provider"] != provider:
        words.append(f"({args['provider']})")
    made = prod(_shape(args["output_type_shape"][0])) if weights else 0
    return NodeTimes(
        what=" ".join(words),
        seconds=tuple(MICROSECOND * int(event["dur"]) for event in events),
        macs=made * prod(weights[1:]) if weights else None,
    )


def _shape(value: Mapping[str, Sequence[int]]) -> list[int]:
    """Of an entry such as {"float": [1, 3, 32, 32]}."""
    (shape,) = value.values()
    return [int(side) for side in shape]


def _refuse(why: str) -> NoReturn:
    raise BackendError("ONNX Runtime's profile cannot be used", why=why, hint="leave out --per-op")
