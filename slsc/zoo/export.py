"""Export of zoo networks to ONNX with free batch, height and width."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import nn

from slsc.files import replacing

OPSET = 17
"""Old enough for TensorRT 8.6 and ONNX Runtime 1.13; every op of the zoo exists in it."""

EXAMPLE_HW = (48, 56)
"""Size traced; unequal sides show any confusion of height and width."""


def export_onnx(module: nn.Module, path: Path) -> None:
    """Write `module` as ONNX: input `input` (batch, 3, height, width) float32, output `output`, all but channels free.

    Initializers carry the state-dict keys of their parameters. Node names carry the module path, so an activation that
    is a module is told from a functional one. The file is written whole or not at all.
    """
    axes = {0: "batch", 2: "height", 3: "width"}
    with replacing(path) as partial, warnings.catch_warnings():
        # The newer exporter renames initializers and drops the module paths, both of which the project depends on.
        warnings.filterwarnings("ignore", message="You are using the legacy TorchScript-based ONNX export")
        torch.onnx.export(
            module.eval(),
            (torch.rand(1, 3, *EXAMPLE_HW),),
            partial,
            dynamo=False,
            opset_version=OPSET,
            input_names=["input"],
            output_names=["output"],
            dynamic_axes={"input": axes, "output": {0: "batch", 2: "out_height", 3: "out_width"}},
        )
