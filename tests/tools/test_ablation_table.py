from __future__ import annotations

import argparse

import pytest

from slsc.cli.parser import parse
from slsc.tools.ablation_table import VARIANTS, experiments


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_is_an_option_of_the_command(name: str, tmp_path) -> None:
    words = ["train", "--model", "x.onnx", "--data", str(tmp_path), "--method", "sls", "-o", "y.onnx", *VARIANTS[name]]
    assert isinstance(parse(words), argparse.Namespace)


def test_variants_are_rows_of_their_own() -> None:
    rows = experiments("net", tuple(VARIANTS), "dense", "1/8", 9, ("--batch", "2"))
    assert len({row.key for row in rows}) == len(VARIANTS) + 1
    assert rows[0].work == "" and all(row.options[-2:] == ("--batch", "2") for row in rows[1:])
