"""Engines on disk: what is handed out is what was asked for, or nothing."""

from __future__ import annotations

import json
from dataclasses import asdict, fields, replace
from pathlib import Path

import pytest

from slsc.runtime.backends.tensorrt.engine_cache import EngineCache, EngineKey, default_folder

KEY = EngineKey("ab" * 32, "tensorrt", "10.3.0", "sm87-Orin", "16x16-256x256-512x512")


@pytest.fixture
def cache(tmp_path: Path) -> EngineCache:
    return EngineCache(tmp_path / "not" / "there" / "yet")


def test_what_is_stored_is_loaded(cache: EngineCache) -> None:
    assert cache.load(KEY) is None
    path = cache.store(KEY, b"engine")
    assert path.read_bytes() == b"engine"
    assert cache.load(KEY) == b"engine"


@pytest.mark.parametrize("field", [field.name for field in fields(EngineKey)])
def test_an_engine_of_something_else_is_not_loaded(cache: EngineCache, field: str) -> None:
    other = replace(KEY, **{field: "cd" * 32})
    cache.store(other, b"foreign")
    assert cache.load(KEY) is None
    assert list(cache.foreign(KEY)) == ([] if field == "model" else [other])


def test_not_even_under_its_name(cache: EngineCache) -> None:
    """Names are cut and cleaned, so two keys may share one: the description decides."""
    alike = replace(KEY, model=KEY.model[:16] + "0" * 48)
    assert alike.stem == KEY.stem
    cache.store(alike, b"foreign")
    assert cache.load(KEY) is None


def test_a_damaged_engine_is_not_loaded(cache: EngineCache) -> None:
    cache.store(KEY, b"engine").write_bytes(b"engina")
    assert cache.load(KEY) is None


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "null", "{}", "[" * 100_000, json.dumps({**asdict(KEY), "sha256": 3}), json.dumps(asdict(KEY)),
        json.dumps({**asdict(KEY), "sha256": "0" * 64, "more": ""}), "x" * 5000,
    ],
)  # fmt: skip
def test_a_damaged_description_is_no_engine(cache: EngineCache, text: str) -> None:
    cache.store(KEY, b"engine").with_suffix(".json").write_text(text)
    assert cache.load(KEY) is None
    assert list(cache.foreign(KEY)) == []


def test_names_of_devices_make_no_paths(cache: EngineCache) -> None:
    key = replace(KEY, device="sm86-NVIDIA RTX A2000/../../x")
    assert cache.store(key, b"engine").parent == cache.folder
    assert cache.load(key) == b"engine"


def test_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SLSC_ENGINE_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "slsc" / "engines"
    monkeypatch.setenv("SLSC_ENGINE_CACHE", "elsewhere")
    assert default_folder() == Path("elsewhere")
