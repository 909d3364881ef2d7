"""Lowering: ONNX -> the native engine's plan file.

`lower` is a function and not a `Pass`, because its result is no ONNX model. Its refusals are `LoweringRefusal`.
"""

from __future__ import annotations

from slsc.passes.lowering.lower import lower
from slsc.passes.lowering.refusal import LoweringRefusal

__all__ = ["LoweringRefusal", "lower"]
