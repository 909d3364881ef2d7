"""The page that specifies plan files says what Python writes and the engine takes, and its example runs."""

from __future__ import annotations

import contextlib
import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from slsc.errors import BackendError
from slsc.passes.lowering import nmp, nmp_ops
from slsc.passes.lowering.nmp import ABSENT, DType, Op, PlanFile
from slsc.passes.lowering.nmp_ops import PARAMS
from slsc.runtime.backends.native import NativeRunner

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "plan-file.md"
NOTHING = (0, 0, 0, 0)


def _section(title: str) -> str:
    found = re.search(rf"^#+ {title}\n(.*?)(?=^#|\Z)", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert found is not None, title
    return found[1]


def _rows(title: str) -> list[list[str]]:
    """A section's table, without its heading."""
    lines = [line for line in _section(title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


@pytest.mark.parametrize("kind", nmp_ops.OpType)
def test_parameters_are_those_of_the_format(kind):
    params = PARAMS[kind]
    assert f"Type {int(kind)}." in _section(params.__name__)
    assert [row[0] for row in _rows(params.__name__)] == list(params._fields)


@pytest.mark.parametrize(("title", "record"), [("Header", nmp.HEADER), ("Value", nmp.VALUE), ("Array", nmp.ARRAY)])
def test_records_have_the_sizes_of_their_fields(title, record):
    sizes = {"char[8]": 8, "u32": 4, "i32": 4, "u64": 8}
    assert record.size == sum(sizes[row[1]] for row in _rows(title))
    assert f"{record.size} bytes" in _section(title)


def test_heads_of_operations():
    assert _rows("Operation")[0][:3] == ["type", "u32", f"1..{len(nmp_ops.OpType)}"]
    sizes = {"u32": 4, "i32": 4, "i32[2]": 8, "f32": 4}
    assert nmp.OP_HEAD.size == sum(sizes[row[1]] for row in _rows("Operation"))
    assert f"A head of {nmp.OP_HEAD.size} bytes" in _section("Operation")


def test_activations():
    names = ["".join(word.capitalize() for word in act.name.split("_")) for act in nmp_ops.Act]
    found = [(int(row[0]), row[1].lower()) for row in _rows("Activations")]
    assert found == [(int(act), name.lower()) for act, name in zip(nmp_ops.Act, names, strict=True)]


@pytest.fixture
def integers(plans) -> PlanFile:
    """A convolution in integers between what makes and reads them."""
    ops = [
        Op(nmp_ops.Quantize(4, 0.5, 3, ABSENT)),
        Op(nmp_ops.IntConv(*plans.conv(4, 4), 0.5, 3, 0.25, 128), ins=(1, ABSENT), out=2),
        Op(nmp_ops.Dequantize(4, 0.25, 128), ins=(2, ABSENT), out=3),
    ]
    arrays = [nmp.Array(b"\1" * 144, DType.I8, scale=1), np.ones(4, np.float32)]
    dtypes = (DType.F32, DType.U8, DType.U8, DType.F32)
    return replace(plans.plan([4] * 4, ops, arrays), dtypes=dtypes, features=(nmp.INT8,))


@pytest.fixture
def sound(plans, isas, integers) -> dict[str, PlanFile]:
    """By operation, a plan that has it."""
    shrinking = nmp_ops.Pad(4, 0, 0, 0, 0, 0, -1, 0, 0, 0, parts=2, value=0.0)
    many = {
        "Conv": [Op(plans.conv(4, 4))],
        "Binary": [Op(nmp_ops.Binary(4, 0, 0), ins=(0, 0))],
        "Unary": [Op(nmp_ops.Unary(4, ABSENT, ABSENT))],
        "Pool": [Op(nmp_ops.Pool(4, 0, 2, 2, 1, 1, *NOTHING, 0))],
        "GlobalMean": [Op(nmp_ops.GlobalMean(4))],
        "Resize": [Op(nmp_ops.Resize(4, 0, 0, 2, 1, 0, 0.0))],
        "Pad": [Op(shrinking)],
        "DepthToSpace": [Op(nmp_ops.DepthToSpace(4, 1))],
        "SpaceToDepth": [Op(nmp_ops.SpaceToDepth(4, 1))],
        "ChannelMean": [Op(nmp_ops.ChannelMean(4))],
        "InstanceNorm": [Op(nmp_ops.InstanceNorm(4, 1, 1, 1e-5))],
    }
    made = {"ChannelMean": 1}
    arrays = [np.ones((4, 4, 3, 3), np.float32), np.ones(4, np.float32)]
    found = {name: plans.plan([4, made.get(name, 4)], ops, arrays) for name, ops in many.items()}
    half = plans.rounded(4, 4, (3, 3), plans.upper_halves(np.ones(144)), np.ones(4, np.float32))
    found |= dict.fromkeys(("HalfConv", "Narrow"), half)
    return found | dict.fromkeys(("IntConv", "Quantize", "Dequantize"), integers)


BOUNDED = [
    (params.__name__, row[0], *map(int, row[1].split("..")))
    for params in PARAMS.values()
    for row in _rows(params.__name__)
    if re.fullmatch(r"-?\d+\.\.\d+", row[1])
]


def test_most_fields_have_bounds():
    assert len(BOUNDED) > 40


@pytest.mark.parametrize(("name", "field", "low", "high"), BOUNDED)
def test_bounds_are_the_engines(sound, name, field, low, high):
    plan = sound[name]
    NativeRunner(plan.to_bytes(), 1)
    at = [type(op.params).__name__ for op in plan.ops].index(name)
    for value in (low - 1, high + 1):
        ops = list(plan.ops)
        ops[at] = replace(ops[at], params=ops[at].params._replace(**{field: value}))  # type: ignore[arg-type]
        changed = replace(plan, ops=tuple(ops))
        # Where 0 has a meaning of its own the engine says what else there may be.
        with pytest.raises(BackendError, match=rf"\({name}\): {field} is {value}, not in ({low}|1)\.\.{high};"):
            NativeRunner(changed.to_bytes(), 1)


def test_example(isas):
    code = re.search(r"```python\n(.*?)```", _section("Example"), re.DOTALL)
    printed = re.search(r"```text\n(.*?)```", _section("Example"), re.DOTALL)
    assert code is not None
    assert printed is not None
    with contextlib.redirect_stdout(io.StringIO()) as output:
        exec(code[1], {})
    assert output.getvalue() == printed[1]
