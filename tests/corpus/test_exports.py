"""Files of the corpus, from `slsc compile` to a restored photo: some of every kind, all by `python -m corpus.table`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import onnx
import pytest

from corpus.bases import BASES, WEIGHTS
from corpus.exports import EXPORTS
from corpus.making import KEPT
from corpus.public import FILES
from corpus.public import WEIGHTS as WEIGHTS_OF
from corpus.trial import judge

MOST_BYTES = 1_500_000

SMALLEST = {"one pixel", "one row"}
"""Forms of photos that may be smaller than a window of the network, which is told then."""

TILED_STEPS = 2
"""Most by which tiles may be off, of 255, without a word."""


FIRST = tuple({export.kind: name for name, export in reversed(EXPORTS.items())}.values())
"""The first file of every kind."""

OTHERS = ("mobile_int8", "rrdb_x4_op11", "unet_fixed", "unet_deblur_centred", "ffdnet_vector", "drunet")
"""Of kinds whose files differ in how they are read or fed."""


@pytest.mark.parametrize("name", [*FIRST, *OTHERS])
def test_a_photo_is_restored_as_it_should_be(name: str, photos: Path, tmp_path: Path) -> None:
    export = EXPORTS[name]
    model = tmp_path / f"{name}.onnx"
    onnx.save(export.model(), model)
    verdict = judge(export, model, tmp_path, photos)
    assert not verdict.refusal
    assert verdict.right > verdict.before
    assert verdict.difference <= export.steps
    assert verdict.got == pytest.approx(verdict.right, abs=0.1)
    assert max(verdict.forms.values(), default=0) <= export.steps, verdict.forms
    assert set(verdict.refused) <= SMALLEST and all(told.startswith("exit 4: ") for told in verdict.refused.values())
    assert verdict.tiled is None or verdict.tiled <= max(TILED_STEPS, export.steps) or verdict.warned
    if export.native is True:
        assert verdict.native == "yes"
    else:
        assert export.native in verdict.native


def test_there_are_two_files_of_every_kind() -> None:
    kinds = Counter(export.kind for export in EXPORTS.values())
    assert min(kinds.values()) >= 2, kinds


def test_published_networks_have_names_of_their_own() -> None:
    assert not EXPORTS.keys() & {*FILES, *WEIGHTS_OF}


def test_what_is_kept_is_small_and_used() -> None:
    weights, kept = list(WEIGHTS.iterdir()), list(KEPT.iterdir())
    assert {file.stem for file in weights} == set(BASES)
    assert {file.name for file in kept} == {export.kept for export in EXPORTS.values() if export.kept}
    assert sum(file.stat().st_size for file in (*weights, *kept)) < MOST_BYTES
