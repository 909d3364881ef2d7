"""The table of what 2:4 hardware can take."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from slsc.passes.sparsity24.permutation_search import Effort
from slsc.pattern import nm_mask, rank_groups
from slsc.plan import LayerPlan, Plan, mask_digest
from slsc.tools.map_table import HEADER, main, markdown, row_of


def network(rule: str) -> tuple[onnx.ModelProto, Plan]:
    """Two layers of 32 channels at 12:32, and one of 30."""
    random = np.random.default_rng(0)
    shapes = {"head": (32, 3, 1, 1), "one": (32, 32, 1, 1), "two": (30, 32, 1, 1), "odd": (8, 30, 1, 1)}
    shapes["tail"] = (3, 8, 1, 1)
    held, layers = {}, []
    for name, shape in shapes.items():
        held[name] = random.standard_normal(shape).astype(np.float32)
        if name in ("one", "two", "odd"):
            mask = nm_mask(rank_groups(np.abs(held[name]), 32, rule), 12, 32)
            held[name] *= mask
            layers.append(LayerPlan(name, 12, 32, rule, mask_digest(mask)))
    names = ["x", "a", "b", "c", "d", "y"]
    nodes = [helper.make_node("Conv", [names[i], name], [names[i + 1]]) for i, name in enumerate(shapes)]
    image = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", 3, "h", "w"]) for n in "xy"]
    tensors = [numpy_helper.from_array(value, name) for name, value in held.items()]
    graph = helper.make_graph(nodes, "g", image[:1], image[1:], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model, Plan(tuple(layers), "3/8", 0.375, "uniform")


@pytest.mark.parametrize(("rule", "eligible"), [("magnitude", 0), ("magnitude+2:4", 2)])
def test_a_row_counts_what_is_eligible(rule, eligible):
    row = row_of("net", "3-8", *network(rule), Effort(sweeps=2))
    assert (row.layers, row.bound, row.eligible, row.shapes) == (3, 3, eligible, 1)
    assert row.polygraphy in (None, eligible)
    assert row.lost[1] <= row.lost[0] and (row.lost[0] > 0) == (eligible == 0)
    assert row.max_abs < 1e-2  # of an output in the hundreds
    lines = markdown([row]).splitlines()
    assert len(lines) == 3 and all(line.count("|") == len(HEADER) + 1 for line in lines)


def test_a_missing_bundle_is_an_error(tmp_path: Path, capsys):
    assert main([str(tmp_path / "none.slsb"), "-o", str(tmp_path / "out.md")]) == 2
    assert "map_table: error:" in capsys.readouterr().err and not (tmp_path / "out.md").exists()
