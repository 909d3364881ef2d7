"""Small bundles written as docs/reference/bundle.md says, without the compiler: for the C library's tests."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

ENGINE = {
    "name": "1-8",
    "budget": "1/8",
    "kept_share": 0.125,
    "params": 1000,
    "kept_weights": 125,
    "macs_per_pixel": 1e3,
    "bytes_per_pixel": 200.0,
    "quality": {"psnr_y": 30.0},
    "plan": None,
    "artefacts": {"native": {"entry": "engines/1-8.nmp"}, "onnx": {"entry": "engines/1-8.onnx"}},
    "refusals": {},
    "types": {"precision": "int8", "layers": {"body.weight": "int8"}, "scales": {"x": {"scale": 0.02, "zero": 7}}},
}

OTHER = {
    **ENGINE,
    "name": "dense",
    "artefacts": {"onnx": {"entry": "engines/1-8.onnx"}},
    "refusals": {"native": "node 'up': Einsum has no counterpart in the native engine"},
    "types": None,
}


def manifest(*, io: dict[str, Any] | None = None, tile: dict[str, Any] | None = None) -> dict[str, Any]:
    """Of two engines, one of them for the native engine; without entries. `io` and `tile` change fields of those."""
    scale, channels = (io or {}).get("scale", 2), (io or {}).get("channels", 3)
    return {
        "schema": 4,
        "slsc_version": "0.1.0",
        "source": {"name": "tiny.onnx", "sha256": "0" * 64, "options": ["--set sigma=0.1"], "notes": []},
        "io": {
            "channels": channels,
            "order": "RGB" if channels == 3 else "Y",
            "input_range": {"low": [0.0], "high": [1.0]},
            "output_range": {"low": [0.0], "high": [1.0]},
            "input": "image",
            "output": "restored",
            "scale": scale,
            "task": "sr" if scale > 1 else "restore",
            "fixed_hw": None,
            "multiple_of": [1, 1],
            **(io or {}),
        },
        "tile": {
            "halo": 4,
            "bound": 0.0,
            "receptive_field": 4,
            "align": 1,
            "exact": True,
            "exact_reason": "",
            **(tile or {}),
        },
        "engines": [ENGINE, OTHER],
        "candidates": [{"name": "1-8", "cost": 0.14, "quality": {}}],
        "estimators": [],
    }


def write_zip(path: Path, files: dict[str, bytes]) -> Path:
    """Stored zip of `files` in order."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return path


def write(path: Path, plan: bytes, about: dict[str, Any]) -> Path:
    """A bundle of a plan, and of bytes in place of its ONNX file, which nothing here reads."""
    files = {"engines/1-8.nmp": plan, "engines/1-8.onnx": b"no model"}
    entries = {name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)} for name, data in files.items()}
    return write_zip(path, {"manifest.json": json.dumps({**about, "entries": entries}).encode(), **files})
