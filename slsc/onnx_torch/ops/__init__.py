"""The supported operators, by ONNX name. Each family's file says how its ops map to torch.

To add an op, write a function of (attributes, inputs) in its family's file and name it in that file's `OPS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from slsc.onnx_torch.attributes import Handler
from slsc.onnx_torch.ops import conv, elementwise, pooling, resize, shape

OPS: Mapping[str, Handler] = MappingProxyType({**conv.OPS, **elementwise.OPS, **pooling.OPS, **resize.OPS, **shape.OPS})
"""Every supported operator of the default ONNX domain."""
