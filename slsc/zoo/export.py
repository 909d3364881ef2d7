"""Export of zoo networks to ONNX with free batch, height and width."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import onnx
import torch
from torch import nn

from slsc.runtime.atomic import staged

OPSET = 17
"""Old enough for TensorRT 8.6 and ONNX Runtime 1.13; every op of the zoo exists in it."""

EXAMPLE_HW = (48, 64)
"""Size traced, multiples of every stride; unequal sides show any confusion of height and width."""


def export_onnx(module: nn.Module, path: Path) -> None:
    """Write `module` as ONNX: input `input` (batch, channels, height, width) float32, output `output`.

    All sizes but the channels are free. Initializers carry the state-dict keys of their parameters. Node names carry
    the module path, so an activation that is a module is told from a functional one. The file is written whole or not
    at all.

    Raises:
        UsageError: `path` cannot be written.
        ResourceError: the disk is full.
    """
    model = to_onnx(module)
    with staged(path) as (stream, _):
        stream.write(model.SerializeToString())


def to_onnx(module: nn.Module) -> onnx.ModelProto:
    """The ONNX model that `export_onnx` writes; leaves `module` in eval mode.

    A module whose images are not RGB says so by its attribute `channels`.
    """
    channels = getattr(module, "channels", 3)
    axes = {0: "batch", 2: "height", 3: "width"}
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # The newer exporter renames initializers and drops the module paths, both of which the project depends on.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            module.eval(),
            (torch.rand(1, channels, *EXAMPLE_HW),),
            buffer,  # type: ignore[arg-type]  # the annotation forgets that this exporter takes streams
            dynamo=False,
            opset_version=OPSET,
            input_names=["input"],
            output_names=["output"],
            dynamic_axes={"input": axes, "output": {0: "batch", 2: "out_height", 3: "out_width"}},
        )
    model = onnx.load_from_string(buffer.getvalue())
    _separate_equal_initializers(model.graph)
    onnx.checker.check_model(model, full_check=True)
    return model


def _separate_equal_initializers(graph: onnx.GraphProto) -> None:
    """Undo the exporter's sharing of parameters with equal values, which turns all but one into Identity nodes."""
    values = {tensor.name: tensor for tensor in graph.initializer}
    for node in [node for node in graph.node if node.op_type == "Identity" and node.input[0] in values]:
        tensor = graph.initializer.add()
        tensor.CopyFrom(values[node.input[0]])
        tensor.name = node.output[0]
        graph.node.remove(node)
