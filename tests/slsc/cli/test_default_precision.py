"""`slsc compile` without `--precision`: 8 bits where they pay and next to nothing is lost, else float32, and why."""

from __future__ import annotations

import json

import onnx
import pytest

from slsc.cli.main import main
from slsc.errors import ModelError, SlscError
from slsc.jobs.type.precision import Typing
from slsc.passes.precision.int8 import WriteInt8
from slsc.runtime.bundle.reader import open_bundle

TYPES = "slsc.jobs.compile.types."

WORDS = ("--budget", "1/2", "--effort", "none", "--range", "0:1", "--order", "RGB")


@pytest.fixture(scope="module")
def model(tmp_path_factory, make_upscaler):
    path = tmp_path_factory.mktemp("network") / "network.onnx"
    onnx.save(make_upscaler(op="Tanh"), path)
    return path


@pytest.fixture
def compiled(slsc, model, tmp_path):
    def run(*words):
        done = slsc("compile", model, *WORDS, "-o", tmp_path / "net.slsb", *words)
        assert done.code == 0, done.err
        return done, tmp_path / "net.slsb"

    return run


@pytest.fixture(scope="module")
def in_float32(model):
    """The bytes of the bundle of `--precision float32`."""
    path = model.with_name("float32.slsb")
    assert main(["compile", str(model), *WORDS, "--precision", "float32", "-q", "-o", str(path)]) == 0
    return path.read_bytes()


@pytest.fixture
def float32_because(compiled, in_float32):
    """float32_because(why): the bundle is that of `--precision float32`, and the report says why."""

    def check(why):
        done, path = compiled()
        assert f"1-2: float32: {why}" in done.out
        assert path.read_bytes() == in_float32

    return check


@pytest.fixture
def able(monkeypatch):
    """A processor that is faster in 8 bits, and has no bfloat16, whatever this one is."""
    monkeypatch.setattr(TYPES + "has", lambda feature: feature == "int8")
    monkeypatch.setattr(TYPES + "fastest", lambda plans, io: [1.0, 2.0])


@pytest.fixture
def able_in_both(monkeypatch):
    """times(in 8 bits, in bfloat16, in float32): a processor that has both, and takes so long."""
    monkeypatch.setattr(TYPES + "has", lambda feature: feature in ("int8", "bf16"))
    return lambda *ms: monkeypatch.setattr(TYPES + "fastest", lambda plans, io: list(ms))


@pytest.mark.usefixtures("able")
def test_what_is_in_8_bits_and_what_that_loses(compiled):
    done, path = compiled()
    engine = open_bundle(path).manifest.engines[0]
    assert engine.precision == "auto" and engine.quality["loss_db"] <= 0.01
    assert dict(engine.types.layers) == {"head": "float32", "body": "int8", "tail": "float32"}
    (line,) = [line for line in done.out.splitlines() if line.startswith("1-2: ")]
    assert "% int8" in line and "% float32" in line and "dB" in line and "--precision float32" in line
    answer = json.loads(compiled("--json")[0].out)
    (figures,) = answer["engines"]
    shares = {layer["name"]: layer["share"] for layer in figures["layers"] if layer["precision"] == "int8"}
    assert shares.keys() == {"body"} and f"{shares['body']:.1%} int8" in line
    assert f"{figures['loss']:.4f} dB" in line and answer["precision"]["name"] == "auto"


@pytest.mark.usefixtures("able")
def test_float32_when_asked_for(compiled):
    done, path = compiled("--precision", "float32")
    assert open_bundle(path).manifest.engines[0].types is None and "1-2:" not in done.out


def test_a_processor_that_is_no_faster_in_8_bits(float32_because, monkeypatch):
    monkeypatch.setattr(TYPES + "has", lambda feature: False)
    float32_because("the native engine is not faster in 8 bits on this processor")


def test_a_network_that_is_no_faster_in_8_bits(float32_because, able, monkeypatch):
    monkeypatch.setattr(TYPES + "fastest", lambda plans, io: [2.0, 1.0])
    float32_because("the native engine takes 1.0 ms so, 2.0 in 8 bits")


def test_bfloat16_where_it_is_faster_than_8_bits(compiled, able_in_both):
    able_in_both(2.0, 1.0, 3.0)
    done, path = compiled()
    engine = open_bundle(path).manifest.engines[0]
    assert engine.precision == "bf16-rounded" and engine.quality["loss_db"] <= 0.01
    assert set(engine.types.layers.values()) == {"bf16-rounded"}
    assert "1-2: multiply-accumulates: 100.0% bf16-rounded; that loses" in done.out


def test_8_bits_where_they_are_faster_than_bfloat16(compiled, able_in_both):
    able_in_both(1.0, 2.0, 3.0)
    assert open_bundle(compiled()[1]).manifest.engines[0].precision == "auto"


def test_float32_where_neither_is_faster(float32_because, able_in_both):
    able_in_both(3.0, 2.0, 1.0)
    float32_because("the native engine takes 1.0 ms so, 3.0 in 8 bits, 2.0 in bfloat16")


def test_bfloat16_where_nothing_can_be_in_8_bits(compiled, able_in_both, monkeypatch):
    able_in_both(1.0, 2.0)
    monkeypatch.setattr("slsc.jobs.type.precision.choose", lambda sensitivity, allowed, measure: ((), 1.0))
    assert open_bundle(compiled()[1]).manifest.engines[0].precision == "bf16-rounded"


@pytest.mark.usefixtures("able")
def test_nothing_can_be_in_8_bits(float32_because, monkeypatch):
    monkeypatch.setattr("slsc.jobs.type.precision.choose", lambda sensitivity, allowed, measure: ((), 1.0))
    float32_because("no layer can be in 8 bits where 0.01 dB may be lost")


@pytest.mark.usefixtures("able")
def test_types_that_cannot_be_had(float32_because, monkeypatch):
    def fails(self, precision):
        raise SlscError("training through the roundings diverged", why="nan", hint="use --effort none")

    monkeypatch.setattr(Typing, "typed", fails)
    float32_because("training through the roundings diverged: nan")


@pytest.mark.usefixtures("able")
def test_the_native_engine_does_not_take_the_integers(float32_because, monkeypatch):
    from slsc.jobs.compile import artefacts

    form, native = artefacts.FORMS["native"], {}

    def build(model, plan):
        if any(node.op_type == "QuantizeLinear" for node in model.graph.node):
            raise ModelError("it has integers")
        return form.build(model, plan)

    native["native"] = type(form)(form.suffix, build)
    monkeypatch.setattr(artefacts, "FORMS", {**artefacts.FORMS, **native})
    float32_because("the native engine does not take it in 8 bits: it has integers")


@pytest.mark.usefixtures("able")
def test_an_adaptive_ladder(compiled):
    float_done = compiled("--adaptive")[0]
    assert "1-2, 1, 1-4: float32: regions choose among networks in float32" in float_done.out


@pytest.mark.usefixtures("able")
def test_what_is_asked_for_and_cannot_be_had_is_refused_as_ever(slsc, model, tmp_path, monkeypatch):
    monkeypatch.setattr(WriteInt8, "run", lambda *_: pytest.fail("it is refused before"))
    words = ("--budget", "1/2", "--effort", "none", "--keep", "body", "--precision", "auto", "--half", "float32")
    done = slsc("compile", model, *words, "-o", tmp_path / "net.slsb")
    assert done.code == 2 and "no layer can be computed in 8 bits" in done.err
