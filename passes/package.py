"""Writing a bundle: deterministic bytes, all or nothing, and read back before it appears."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import onnx
from google.protobuf.message import DecodeError

from slsc.errors import BundleError, VerificationError
from slsc.passes.bake import require_pattern
from slsc.passes.base import PostconditionError
from slsc.passes.weights import weight_values
from slsc.runtime.atomic import staged
from slsc.runtime.bundle.engines import Engine
from slsc.runtime.bundle.manifest import Entry, Manifest
from slsc.runtime.bundle.reader import MANIFEST_NAME, open_bundle, require_entry_name

EPOCH = (1980, 1, 1, 0, 0, 0)
"""Timestamp of every entry, the oldest a zip can hold: the same input gives the same bytes."""


def write_bundle(path: str | Path, manifest: Manifest, entries: Mapping[str, bytes]) -> Manifest:
    """Write a `.slsb` file.

    The file is completed and read back before it gets its name: whatever goes wrong, `path` is left as it was.

    Args:
        path: the bundle to make or replace.
        manifest: its `entries` are filled in here.
        entries: content by entry name; every artefact of every engine must be among them.

    Returns:
        The manifest as written.

    Raises:
        VerificationError: the written file cannot be read back as it was meant, or an engine breaks its plan's N:M.
        UsageError, ResourceError: the place cannot be written, or is full.
    """
    path = Path(path)
    for name in entries:
        require_entry_name(name, path)
    sums = {name: Entry(hashlib.sha256(data).hexdigest(), len(data)) for name, data in sorted(entries.items())}
    complete = replace(manifest, entries=sums)
    with staged(path) as (stream, readable):
        _write_zip(stream, complete, entries)
        stream.flush()
        _read_back(readable, path, complete)
    return complete


def _write_zip(stream: BinaryIO, manifest: Manifest, entries: Mapping[str, bytes]) -> None:
    text = _as_json(manifest)
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED, allowZip64=False) as archive:
        archive.writestr(_info(MANIFEST_NAME), text)
        for name in sorted(entries):
            archive.writestr(_info(name), entries[name])


def _as_json(manifest: Manifest) -> str:
    try:
        return json.dumps(manifest.to_dict(), indent=1, sort_keys=True, allow_nan=False) + "\n"
    except ValueError as error:
        raise VerificationError("the manifest holds a figure that is not finite", why=str(error)) from None


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, EPOCH)
    info.create_system = 3  # zipfile would write the system it runs on
    info.external_attr = 0o100644 << 16
    return info


def _read_back(readable: Path, path: Path, expected: Manifest) -> None:
    try:
        bundle = open_bundle(readable)
        bundle.verify_all()
        if bundle.manifest != expected:
            raise VerificationError("the bundle's manifest is not read back as it was written", where=str(path))
        for engine in expected.engines:
            _check_engine(engine, bundle.read(engine.onnx))
    except BundleError as error:
        raise VerificationError(
            "the bundle cannot be read back", where=str(path), why=f"{error.what}: {error.why}"
        ) from error


def _check_engine(engine: Engine, data: bytes) -> None:
    """The engine is ONNX and keeps to its plan: sparsity does not get lost between search and disk."""
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError:
        raise VerificationError("the engine is no ONNX model", where=engine.onnx) from None
    if not model.graph.node:
        raise VerificationError("the engine is no ONNX model", where=engine.onnx)
    if engine.plan is None:
        return
    try:
        require_pattern(engine.plan, weight_values(model))
    except PostconditionError as error:
        where = f"{engine.onnx}: {error.where}"
        raise VerificationError("the written engine breaks its plan", where=where, why=error.why) from error
