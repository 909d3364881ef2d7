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
from slsc.runtime.bundle.engines import Artefact, Candidate, Engine, Scale, Types
from slsc.runtime.bundle.estimators import FEATURES, KIND, TERMS, EstimatorRecord
from slsc.runtime.bundle.fields import parse_json
from slsc.runtime.bundle.manifest import SCHEMA, Entry, ImageIO, Manifest, Source, TileGeometry
from slsc.runtime.bundle.value_range import ValueRange

NORMALISED = ValueRange.normalised((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))

ESTIMATOR = EstimatorRecord(
    KIND,
    "estimators/errors.f32",
    ("bicubic", "1-8"),
    True,
    (12, 64),
    0.3,
    0.2,
    0.125,
    {"rank_correlation": 0.9},
    {"native": Artefact("engines/1-8.bin")},
)


def sample() -> Manifest:
    plan = Plan((LayerPlan("body.0.weight", 4, 32, "magnitude", "a" * 64),), "1/8", 0.125, "oneshot")
    artefacts = {"onnx": Artefact("engines/1-8.onnx"), "some-other": Artefact("engines/1-8.bin")}
    types = Types("int8", {"body.weight": "int8"}, {"x": Scale(0.02, 7)})
    refusals = {"native": "node 'x': it has no operation Einsum"}
    engine = Engine("1-8", artefacts, "1/8", 0.12, 900, 120, 1e4, 512.0, {"psnr_y": 28.2}, plan, refusals, types)
    return Manifest(
        schema=SCHEMA,
        slsc_version="0.1.0",
        source=Source("rfdn.onnx", "b" * 64, ("--set sigma=0.1",), ("takes 48x48 only",)),
        io=ImageIO(3, "RGB", ValueRange((0.0,), (255.0,)), NORMALISED, "input", "output", 4, "sr", None, (1, 1)),
        tile=TileGeometry(16, 1e-3, None, 2, False, "GlobalAveragePool 'esa.pool' sees the whole image"),
        engines=(engine,),
        candidates=(Candidate("1-8", 0.13, {"psnr_y": 28.2}), Candidate("bicubic", 0.0, {})),
        entries={
            "engines/1-8.onnx": Entry("c" * 64, 3),
            "engines/1-8.bin": Entry("d" * 64, 4),
            ESTIMATOR.entry: Entry("e" * 64, 4 * (2 * FEATURES + TERMS * 3)),
        },
        estimators=(ESTIMATOR,),
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


@pytest.mark.parametrize("schema", range(1, SCHEMA))
def test_an_older_schema_has_its_own_code_even_when_the_rest_is_unknown(schema: int) -> None:
    with pytest.raises(BundleError, match=rf"older slsc \(schema {schema}\).*compile it again") as caught:
        Manifest.from_dict({"schema": schema, "anything": []})
    assert caught.value.code == "older_schema"


def test_kinds_that_no_one_knows_are_kept() -> None:
    read = Manifest.from_dict(as_json(sample())).engines[0]
    assert read.artefacts["some-other"] == Artefact("engines/1-8.bin")
    assert read.onnx == "engines/1-8.onnx"


def as_json(manifest: Manifest) -> dict:
    return json.loads(json.dumps(manifest.to_dict(), allow_nan=False))


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
    "range upside down": edit("io", "input_range", "high", value=[-1.0]),
    "range upside down in one channel": edit("io", "output_range", "low", 1, value=9.0),
    "range infinite": edit("io", "input_range", "high", value=[float("inf")]),
    "range huge": edit("io", "input_range", "high", value=[1e7]),
    "range of two channels": edit("io", "output_range", value={"low": [0, 0], "high": [1, 1]}),
    "range of one and three channels": edit("io", "output_range", "low", value=[0]),
    "range of no channel": edit("io", "input_range", value={"low": [], "high": []}),
    "range a number": edit("io", "input_range", "low", value=0.0),
    "range with more": edit("io", "input_range", "mean", value=[0.0]),
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
    "quality of a key that acts": edit("engines", 0, "quality", "a\033[2J", value=1.0),
    "quality of a lone surrogate": edit("engines", 0, "quality", "\ud800", value=1.0),
    "quality of no name": edit("engines", 0, "quality", "", value=1.0),
    "unknown field without end": edit("io", "a" * 100_000, value=1),
    "plan broken": edit("engines", 0, "plan", "layers", 0, "n", value=99),
    "plan with more": edit("engines", 0, "plan", "seed", value=0),
    "layer with more": edit("engines", 0, "plan", "layers", 0, "k", value=3),
    "layer twice": lambda data: data["engines"][0]["plan"]["layers"].append(data["engines"][0]["plan"]["layers"][0]),
    "rule unknown": edit("engines", 0, "plan", "layers", 0, "rule", value="random"),
    "plan number": edit("engines", 0, "plan", value=3),
    "artefact not an entry": edit("engines", 0, "artefacts", "onnx", "entry", value="engines/other.onnx"),
    "artefact a text": edit("engines", 0, "artefacts", "onnx", value="engines/1-8.onnx"),
    "artefact with more": edit("engines", 0, "artefacts", "onnx", "device", value="sm86"),
    "no onnx": lambda data: data["engines"][0]["artefacts"].pop("onnx"),
    "kind in capitals": edit("engines", 0, "artefacts", "ONNX", value={"entry": "engines/1-8.onnx"}),
    "precision": edit("engines", 0, "types", "precision", value="int4"),
    "type of a layer": edit("engines", 0, "types", "layers", value={"body.weight": "auto"}),
    "zero point": edit("engines", 0, "types", "scales", value={"x": {"scale": 0.02, "zero": -1}}),
    "scale": edit("engines", 0, "types", "scales", value={"x": {"scale": -0.1, "zero": 0}}),
    "kind too long": edit("engines", 0, "refusals", "k" * 33, value="no"),
    "kinds too many": edit("engines", 0, "refusals", value={f"k{index}": "no" for index in range(17)}),
    "made and refused": edit("engines", 0, "refusals", "onnx", value="no"),
    "refused for no reason": edit("engines", 0, "refusals", "native", value=""),
    "engine called bicubic": edit("engines", 0, "name", value="bicubic"),
    "candidates missing": lambda data: data.pop("candidates"),
    "candidate of no engine": edit("candidates", 0, "name", value="1-2"),
    "candidate of another task": edit("candidates", 1, "name", value="identity"),
    "candidate twice": edit("candidates", 1, "name", value="1-8"),
    "candidate above all": edit("candidates", 0, "cost", value=1.5),
    "bicubic for a price": edit("candidates", 1, "cost", value=0.1),
    "estimators missing": lambda data: data.pop("estimators"),
    "two estimators": lambda data: data["estimators"].append(data["estimators"][0]),
    "estimator of another kind": edit("estimators", 0, "kind", value="pickle"),
    "estimator of no candidate": edit("estimators", 0, "candidates", value=["bicubic", "1-2"]),
    "estimator of one candidate": edit("estimators", 0, "candidates", value=["1-8"]),
    "estimator of dearer ones first": edit("estimators", 0, "candidates", value=["1-8", "bicubic"]),
    "estimator of regions of no pixel": edit("estimators", 0, "region", value=[0, 64]),
    "estimator of odd regions": edit("estimators", 0, "region", value=[12, 25]),
    "estimator of another size": edit("estimators", 0, "dense", value=False),
    "classifier with a beta": edit("estimators", 0, "kind", value="luma-classes"),
    "estimator nowhere": edit("estimators", 0, "entry", value="estimators/two.f32"),
    "ladder nowhere": edit("estimators", 0, "artefacts", "native", "entry", value="engines/2.nmp"),
    "ladder of no kind": edit("estimators", 0, "artefacts", "N", value={"entry": "engines/1-8.bin"}),
    "beta negative": edit("estimators", 0, "beta", value=-0.5),
    "hash short": edit("entries", "engines/1-8.onnx", "sha256", value="c"),
    "bytes negative": edit("entries", "engines/1-8.onnx", "bytes", value=-3),
    "options that are no texts": edit("source", "options", value=[1]),
    "a note that is not printable": edit("source", "notes", value=["a\x1b"]),
    "notes without end": edit("source", "notes", value=["a"] * 65),
    "source null": edit("source", value=None),
}


@pytest.mark.parametrize("case", BAD)
def test_refuses(case: str) -> None:
    data = as_json(sample())
    BAD[case](data)
    with pytest.raises(BundleError) as caught:
        Manifest.from_dict(data)
    assert caught.value.code == "bad_manifest"
    assert "manifest" in (caught.value.where or "")
    assert "slsc compile" in (caught.value.hint or "")
    assert str(caught.value).isprintable() and len(str(caught.value)) < 500


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


PATHS = [path for path in leaves(as_json(sample())) if path]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(PATHS), JSON)
def test_any_value_anywhere_is_refused_or_understood(path: tuple, value: Any) -> None:
    data = as_json(sample())
    edit(*path, value=value)(data)
    try:
        manifest = Manifest.from_dict(data)
    except BundleError:
        return
    assert Manifest.from_dict(manifest.to_dict()) == manifest
