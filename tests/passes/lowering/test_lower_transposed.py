from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from slsc.passes.lowering import LoweringRefusal, lower
from slsc.passes.lowering.nmp import OpType

GRAPH = """g (float[n, 3, h, w] x) => (float[n, k, h2, w2] y) {{
    a = Conv(x, head)
    y = ConvTranspose<strides = [{s}, {s}], pads = [{p}, {q}, {q}, {p}], output_padding = [{o}, {e}],
                      dilations = [{d}, {f}], group = {g}>(a, weight, bias)
}}"""


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_transposed_convolution(build: Callable, lowers: Callable, data: st.DataObject) -> None:
    integers = lambda low, high: data.draw(st.integers(low, high))  # noqa: E731
    groups, stride = data.draw(st.sampled_from((1, 1, 2))), integers(1, 4)
    kernel = (integers(1, 5), integers(1, 5))
    d, f = integers(1, 2), integers(1, 2)
    p, q = integers(0, 3), integers(0, 3)
    o, e = (integers(0, stride - 1) for _ in range(2))
    height, width = integers(4, 20), integers(4, 20)
    for size, reach, extra in ((height, (kernel[0] - 1) * d, o), (width, (kernel[1] - 1) * f, e)):
        assume(stride * (size - 1) + reach + 1 + extra - p - q >= 1)
    model = (
        build(
            GRAPH.format(s=stride, p=p, q=q, o=o, e=e, d=d, f=f, g=groups).replace("k, h2", f"{3 * groups}, h2"),
            head=(4 * groups, 3, 1, 1),
            weight=(4 * groups, 3, *kernel),
            bias=(3 * groups,),
        )
        if groups == 1
        else build(
            GRAPH.format(s=stride, p=p, q=q, o=o, e=e, d=d, f=f, g=3).replace("k, h2", "3, h2"),
            head=(6, 3, 1, 1),
            weight=(6, 1, *kernel),
            bias=(3,),
        )
    )
    lowers(model, (height, width))


@pytest.mark.parametrize(("k", "s", "p", "o"), [(4, 2, 1, 0), (2, 2, 0, 0), (3, 2, 1, 1), (9, 4, 3, 1)])
def test_the_usual_ones_cost_one_operation(build: Callable, lowers: Callable, k: int, s: int, p: int, o: int) -> None:
    model = build(
        GRAPH.format(s=s, p=p, q=p, o=o, e=o, d=1, f=1, g=1).replace("k, h2", "3, h2"),
        head=(4, 3, 1, 1), weight=(4, 3, k, k), bias=(3,),
    )  # fmt: skip
    found = lowers(model)
    assert [op.type for op in found.ops] == [OpType.CONV, OpType.CONV]
    assert found.ops[1].params.shuffle == s


def test_strides_that_differ_are_refused(build: Callable) -> None:
    model = build(
        "g (float[n, 1, h, w] x) => (float[n, 1, h2, w2] y) { y = ConvTranspose<strides = [2, 1]>(x, weight) }",
        weight=np.ones((1, 1, 3, 3), np.float32),
    )
    with pytest.raises(LoweringRefusal, match=r"ConvTranspose making 'y'.*strides"):
        lower(model, None)
