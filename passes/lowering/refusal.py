"""Why a network cannot run in the native engine."""

from __future__ import annotations

import onnx

from slsc.errors import ModelError
from slsc.passes.graph import label


class LoweringRefusal(ModelError):
    """The native engine has no operation for something in the network; names the node. ONNX Runtime still runs it."""


def refuse(node: onnx.NodeProto, why: str) -> LoweringRefusal:
    """The refusal of a node, to be raised."""
    return LoweringRefusal("the native engine cannot run it", where=label(node), why=why)
