"""Every reader answers whatever it is given with what it read or with an error of ours, and nothing else."""

from __future__ import annotations

import random
import re
from importlib.metadata import requires, version
from pathlib import Path

import pytest

pytest.importorskip("onnx")

from fuzzing.mutations import mutated
from fuzzing.readers import READERS, answered
from fuzzing.seeds import SEEDS

from slsc.errors import SlscError

CORPUS = Path(__file__).resolve().parent / "corpus"
COUNTS = {"plan": 300, "bundle": 150, "onnx": 25, "image": 200}


def answers(kind: str, path: Path) -> bool:
    """Whether a file was read; the error is ours otherwise, and fit to print."""
    try:
        READERS[kind](path)
    except SlscError as error:
        assert answered(error), str(error)
        return False
    return True


@pytest.mark.parametrize("kind", READERS)
def test_seeds_are_read(kind, tmp_path):
    path = tmp_path / "seed"
    for data in SEEDS[kind]():
        path.write_bytes(data)
        assert answers(kind, path)


@pytest.mark.parametrize("kind", READERS)
def test_what_fuzzing_found_worth_keeping(kind):
    files = sorted((CORPUS / kind).iterdir())
    assert len(files) > 5
    read = [answers(kind, path) for path in files]
    assert not all(read)


@pytest.mark.parametrize("kind", READERS)
def test_seeded_damage(kind, tmp_path):
    seeds, rng, path = list(SEEDS[kind]()), random.Random(0), tmp_path / "damaged"
    read = []
    for _ in range(COUNTS[kind]):
        path.write_bytes(mutated(kind, rng.choice(seeds), rng))
        read.append(answers(kind, path))
    assert any(read) and not all(read)


def test_the_onnx_package_is_one_without_known_faults_in_what_models_name():
    floor = next(re.fullmatch(r"onnx>=([\d.]+).*", line) for line in requires("slsc") if line.startswith("onnx>="))
    lowest, installed = (tuple(map(int, text.split(".")[:2])) for text in (floor[1], version("onnx")))
    assert installed >= lowest >= (1, 21)
