from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slsc.errors import BundleError
from slsc.plan import LayerPlan, Plan
from slsc.runtime.bundle.fields import parse_json
from slsc.runtime.bundle.manifest import SCHEMA, Engine, Entry, ImageIO, Manifest, Source, TileGeometry


def sample() -> Manifest:
    plan = Plan((LayerPlan("body.0.weight", 4, 32, "magnitude", "a" * 64),), "1/8", 0.125, "oneshot")
    engine = Engine("1-8", "engines/1-8.onnx", "1/8", 0.12, 900, 120, 1e4, 512.0, {"psnr_y": 28.2}, plan)
    return Manifest(
        schema=SCHEMA,
        slsc_version="0.1.0",
        source=Source("rfdn.onnx", "b" * 64),
        io=ImageIO(3, "RGB", 0.0, 255.0, "input", "output", 4, "sr", None, (1, 1)),
        tile=TileGeometry(16, 1e-3, None, 2, False, "GlobalAveragePool 'esa.pool' sees the whole image"),
        engines=(engine,),
        entries={"engines/1-8.onnx": Entry("c" * 64, 3)},
    )


def test_survives_json() -> None:
    text = json.dumps(sample().to_dict(), allow_nan=False).encode()
    assert Manifest.from_dict(parse_json(text)) == sample()


def test_first_engine_is_the_default() -> None:
    manifest = replace(sample(), engines=(sample().engines[0], replace(sample().engines[0], name="1-4")))
    assert manifest.engine().name == "1-8"
    assert manifest.engine("1-4").name == "1-4"
    assert manifest.engine("1-2") is None


def test_newer_schema_has_its_own_code_even_when_the_rest_is_unknown() -> None:
    with pytest.raises(BundleError, match=r"newer slsc.*upgrade") as caught:
        Manifest.from_dict({"schema": SCHEMA + 1, "anything": []})
    assert caught.value.code == "newer_schema"


def edit(*path: str | int, value: Any) -> Callable[[dict], None]:
    def apply(data: dict) -> None:
        for key in path[:-1]:
            data = data[key]
        data[path[-1]] = value

    return apply


BAD = {
    "missing": lambda data: data.pop("io"),
    "unknown field": edit("surprise", value=1),
    "schema zero": edit("schema", value=0),
    "schema bool": edit("schema", value=True),
    "channels two": edit("io", "channels", value=2),
    "order against channels": edit("io", "order", value="Y"),
    "range upside down": edit("io", "high", value=-1.0),
    "range infinite": edit("io", "high", value=float("inf")),
    "scale huge": edit("io", "scale", value=10**9),
    "scale against task": edit("io", "task", value="restore"),
    "fixed_hw one number": edit("io", "fixed_hw", value=[4]),
    "fixed_hw text": edit("io", "fixed_hw", value="4x4"),
    "multiple_of zero": edit("io", "multiple_of", value=[0, 1]),
    "halo negative": edit("tile", "halo", value=-1),
    "halo float": edit("tile", "halo", value=1.5),
    "exact without radius": edit("tile", "exact", value=True),
    "inexact without reason": edit("tile", "exact_reason", value=""),
    "no engines": edit("engines", value=[]),
    "engines an object": edit("engines", value={}),
    "share above one": edit("engines", 0, "kept_share", value=1.1),
    "name with a newline": edit("engines", 0, "name", value="a\nb"),
    "quality text": edit("engines", 0, "quality", "psnr_y", value="good"),
    "plan broken": edit("engines", 0, "plan", "layers", 0, "n", value=99),
    "plan number": edit("engines", 0, "plan", value=3),
    "file not an entry": edit("engines", 0, "file", value="engines/other.onnx"),
    "hash short": edit("entries", "engines/1-8.onnx", "sha256", value="c"),
    "bytes negative": edit("entries", "engines/1-8.onnx", "bytes", value=-3),
    "source null": edit("source", value=None),
}


@pytest.mark.parametrize("case", BAD)
def test_refuses(case: str) -> None:
    data = json.loads(json.dumps(sample().to_dict()))
    BAD[case](data)
    with pytest.raises(BundleError) as caught:
        Manifest.from_dict(data)
    assert caught.value.code == "bad_manifest"
    assert "manifest" in (caught.value.where or "")
    assert "slsc compile" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "text",
    [
        b"", b"[]", b"{", b"\xff{}", b'{"a": NaN}', b'{"a": -Infinity}', b'{"a": 1, "a": 2}', b"7",
        b'{"a": ' + b"9" * 5000 + b"}", b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)  # fmt: skip
def test_refuses_loose_json(text: bytes) -> None:
    with pytest.raises(BundleError) as caught:
        parse_json(text)
    assert caught.value.code == "bad_manifest"


def leaves(value: Any, path: tuple = ()) -> list[tuple]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(leaf for key, item in items for leaf in leaves(item, (*path, key)))]


PATHS = [path for path in leaves(json.loads(json.dumps(sample().to_dict()))) if path]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(PATHS), JSON)
def test_any_value_anywhere_is_refused_or_understood(path: tuple, value: Any) -> None:
    data = json.loads(json.dumps(sample().to_dict()))
    edit(*path, value=value)(data)
    try:
        manifest = Manifest.from_dict(data)
    except BundleError:
        return
    assert Manifest.from_dict(manifest.to_dict()) == manifest
