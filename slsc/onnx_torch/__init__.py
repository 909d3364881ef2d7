"""ONNX graphs as trainable torch modules: execute with torch ops, train, write the weights back into the same graph."""

from __future__ import annotations

from slsc.onnx_torch.module import ConvStep, OnnxModule
from slsc.onnx_torch.steps import Step

__all__ = ["ConvStep", "OnnxModule", "Step"]
