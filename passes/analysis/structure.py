"""What makes two files the same network but for the values of its weights."""

from __future__ import annotations

import hashlib

import onnx


def structure_digest(model: onnx.ModelProto) -> str:
    """SHA-256, in hex, of a network's nodes, of the names, types and shapes of its weights, and of its inputs' shapes.

    A network that was trained on has the digest it had; one of other layers or of other widths has another.
    """
    digest = hashlib.sha256()
    for value in (*model.graph.input, *model.graph.output):
        digest.update(b"value;" + value.SerializeToString(deterministic=True))
    for tensor in model.graph.initializer:
        digest.update(f"weight;{tensor.name};{tensor.data_type};{list(tensor.dims)};".encode())
    for node in model.graph.node:
        digest.update(b"node;" + node.SerializeToString(deterministic=True))
    return digest.hexdigest()
