"""The supported operators, by ONNX name. Each family's file says how its ops map to torch.

To add an op, write a function of (attributes, inputs) in its family's file and name it in that file's `OPS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from slsc.onnx_torch.attributes import Handler
from slsc.onnx_torch.ops import (
    activation,
    conv,
    creation,
    elementwise,
    indexing,
    norm,
    ordering,
    pooling,
    quantization,
    resize,
    shape,
    spectral,
)

_FAMILIES = (
    *(activation, conv, creation, elementwise, indexing, norm),
    *(ordering, pooling, quantization, resize, shape, spectral),
)

OPS: Mapping[str, Handler] = MappingProxyType({name: op for family in _FAMILIES for name, op in family.OPS.items()})
"""Every supported operator of the default ONNX domain."""
