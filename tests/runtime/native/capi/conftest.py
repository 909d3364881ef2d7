"""The C library as its callers see it: loaded by ctypes, with bundles that are written without the compiler."""

from __future__ import annotations

import ctypes
import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator
from ctypes import POINTER, byref, c_char_p, c_int, c_uint64, c_void_p
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slsc.runtime.backends.library import library_path
from slsc.runtime.bundle.estimators import FEATURES, KIND, TERMS, EstimatorRecord

onnx = pytest.importorskip("onnx")

OK = 0
SAMPLE_TYPES = {np.uint8: 0, np.uint16: 1, np.float32: 2}

SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "slsc_version": (c_char_p, []),
    "slsc_has": (c_int, [c_char_p]),
    "slsc_context_create": (c_int, [c_int, POINTER(c_void_p)]),
    "slsc_context_free": (None, [c_void_p]),
    "slsc_bundle_open": (c_int, [c_void_p, c_char_p, c_char_p, POINTER(c_void_p)]),
    "slsc_bundle_close": (None, [c_void_p]),
    "slsc_bundle_scale": (c_int, [c_void_p]),
    "slsc_bundle_channels": (c_int, [c_void_p]),
    "slsc_bundle_task": (c_char_p, [c_void_p]),
    "slsc_bundle_engine": (c_char_p, [c_void_p]),
    "slsc_bundle_engine_count": (c_int, [c_void_p]),
    "slsc_bundle_engine_name": (c_char_p, [c_void_p, c_int]),
    "slsc_bundle_set_memory": (c_int, [c_void_p, c_uint64]),
    "slsc_bundle_restore": (c_int, [c_void_p, c_void_p, c_int, c_int, c_int, c_int, c_void_p]),
    "slsc_bundle_last_error": (c_char_p, [c_void_p]),
}


@pytest.fixture(scope="session")
def native() -> ctypes.CDLL:
    if library_path() is None:
        pytest.skip("the native library was not built")
    library = ctypes.CDLL(str(library_path()))
    for name, (result, arguments) in SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


@pytest.fixture
def context(native: ctypes.CDLL) -> Iterator[c_void_p]:
    handle = c_void_p()
    assert native.slsc_context_create(1, byref(handle)) == OK
    yield handle
    native.slsc_context_free(handle)


@dataclass
class Opened:
    """A bundle in the C library."""

    native: ctypes.CDLL
    handle: c_void_p

    def run(self, image: np.ndarray) -> tuple[int, np.ndarray]:
        """Status and result."""
        scale = self.native.slsc_bundle_scale(self.handle)
        height, width, channels = image.shape
        # A border of unlikely values, which must stay.
        whole = np.full(height * width * channels * scale**2 + 16, 77, image.dtype)
        restored = whole[8:-8].reshape(height * scale, width * scale, channels)
        data, out = np.ascontiguousarray(image).ctypes.data, restored.ctypes.data
        kind = SAMPLE_TYPES[image.dtype.type]
        status = self.native.slsc_bundle_restore(self.handle, data, height, width, channels, kind, out)
        assert (whole[:8] == 77).all()
        assert (whole[-8:] == 77).all()
        return status, restored

    def restore(self, image: np.ndarray) -> np.ndarray:
        """The result."""
        status, restored = self.run(image)
        assert status == OK, self.error
        return restored

    @property
    def error(self) -> str:
        return str(self.native.slsc_bundle_last_error(self.handle).decode())


@pytest.fixture
def opened(native: ctypes.CDLL, context: c_void_p) -> Iterator[Callable[..., Opened]]:
    """opened(path, engine=None, within=context); `within` None gives the bundle a context of its own."""
    handles = []

    def open_one(path: Path, engine: str | None = None, within: c_void_p | None = context) -> Opened:
        handle = c_void_p()
        name = engine.encode() if engine else None
        status = native.slsc_bundle_open(within, str(path).encode(), name, byref(handle))
        assert status == OK, native.slsc_bundle_last_error(None).decode()
        handles.append(handle)
        return Opened(native, handle)

    yield open_one
    for handle in handles:
        native.slsc_bundle_close(handle)


@pytest.fixture(scope="session")
def picture() -> Callable[..., np.ndarray]:
    """picture(height, width, channels=3, dtype=uint8) -> noise, from 0 to the type's largest value, or to 1."""

    def make(height: int, width: int, channels: int = 3, dtype: type = np.uint8) -> np.ndarray:
        rng = np.random.default_rng(3)
        if dtype is np.float32:
            return rng.random((height, width, channels)).astype(dtype)
        return rng.integers(0, np.iinfo(dtype).max + 1, (height, width, channels)).astype(dtype)

    return make


def _both(low: list[float], high: list[float]) -> dict[str, Any]:
    values = {"low": low, "high": high}
    return {"input_range": values, "output_range": values}


NORMALISED = {
    "input_range": {"low": [-1.8, -2.04, -2.12], "high": [2.64, 2.43, 2.25]},
    "output_range": {"low": [-1.0, 0.0, 3.0], "high": [1.0, 255.0, 3.5]},
}
STRIDED = {"io": {"scale": 1, "multiple_of": [2, 2]}, "tile": {"halo": 8, "receptive_field": 8, "align": 2}}
NETWORKS: dict[str, tuple[Callable[[Any], bytes], dict[str, Any]]] = {
    "rgb": (lambda tiny: tiny.sr_network(), {}),
    "bgr": (lambda tiny: tiny.sr_network(), {"io": {"order": "BGR", **_both([-1.0], [1.0])}}),
    "luma": (lambda tiny: tiny.sr_network(channels=1), {"io": {"channels": 1, **_both([16 / 255], [235 / 255])}}),
    "levels": (lambda tiny: tiny.sr_network(scale=3), {"io": {"scale": 3, **_both([0.0], [255.0])}}),
    "normalised": (lambda tiny: tiny.sr_network(), {"io": {"order": "BGR", **NORMALISED}}),
    "strided": (lambda tiny: tiny.strided_network(), STRIDED),
    "fixed": (lambda tiny: tiny.sr_network(fixed=(40, 48)), {"io": {"fixed_hw": [40, 48]}}),
}


@pytest.fixture
def network(tiny, bundles, tmp_path) -> Callable[..., Path]:
    """network(name) -> bundle."""
    from slsc.passes.lowering import lower

    def make(name: str) -> Path:
        build, about = NETWORKS[name]
        plan = lower(onnx.load_from_string(build(tiny)), None)
        return bundles.write(tmp_path / f"{name}.slsb", plan, bundles.manifest(**about))

    return make


@pytest.fixture
def with_estimator(tmp_path: Path) -> Callable[..., Path]:
    """with_estimator(bundle, **changed) -> one that tells its engine from what costs nothing, by estimates of 1."""

    def make(source: Path, **changed: Any) -> Path:
        target = tmp_path / "adaptive.slsb"
        entry, data = "estimators/errors.f32", np.ones(2 * FEATURES + TERMS * 2, "<f4").tobytes()
        with zipfile.ZipFile(source) as bundle:
            files = {name: bundle.read(name) for name in bundle.namelist()}
        manifest = json.loads(files.pop("manifest.json"))
        engine = manifest["engines"][0]["name"]
        manifest["candidates"] = [
            {"name": engine, "cost": 0.5, "quality": {}},
            {"name": "bicubic", "cost": 0.0, "quality": {}},
        ]
        estimator = EstimatorRecord(KIND, entry, ("bicubic", engine), False, (24, 32), 0.1, 0.1, 0.5, {}, {}).to_dict()
        manifest["estimators"] = [{**estimator, **changed}]
        manifest["entries"][entry] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as bundle:
            for name, content in {"manifest.json": json.dumps(manifest), **files, entry: data}.items():
                bundle.writestr(zipfile.ZipInfo(name), content)
        return target

    return make
