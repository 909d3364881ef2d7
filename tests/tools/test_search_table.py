from __future__ import annotations

from pathlib import Path

import pytest

from slsc.errors import VerificationError
from slsc.tools.search_table import Row, as_markdown, run_json


def test_table_has_a_column_per_folder_and_leaves_the_price_of_dense_open() -> None:
    rows = [
        Row("net", "dense", "1", 1.0, (28.645, 27.6), None, None),
        Row("net", "oneshot", "1/8", 0.12499, (27.77, 27.1), 41.4, 905.2),
    ]
    lines = as_markdown(rows, [Path("eval/Set14"), Path("eval/B100")]).splitlines()
    assert lines[0] == "| network | search | budget | kept MACs | Set14 dB | B100 dB | s | peak MiB |"
    assert lines[2] == "| net | dense | 1 | 1.0000 | 28.64 | 27.60 |  |  |"
    assert lines[3] == "| net | oneshot | 1/8 | 0.1250 | 27.77 | 27.10 | 41 | 905 |"


def test_a_failing_verb_stops_the_table_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(VerificationError, match="no such file"):
        run_json(["compile", str(tmp_path / "missing.onnx"), "--budget", "1/8"])
