"""Random hourglasses: the radius covers all that moves, and tiles with that halo equal the whole image."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from slsc.passes import verify
from slsc.passes.analysis.receptive_field import receptive_field

SIDE = 96


@st.composite
def hourglass(draw, depth: int = 2):
    """Lines of a graph from `t0` to `t<n>`, as functions of their names, that keep size and the one channel."""
    stages = []
    for _ in range(draw(st.integers(1, 3))):
        if depth and draw(st.integers(0, 2)) == 0:
            factor = draw(st.sampled_from([2, 3] if depth == 2 else [2]))
            stages += [draw(down(factor)), *draw(hourglass(depth - 1)), draw(up(factor))]
        else:
            stages.append(draw(same()))
    return stages


@st.composite
def same(draw):
    """A convolution or pooling that keeps the size, with uneven pads."""
    kernel, dilation = draw(st.integers(1, 4)), draw(st.integers(1, 2))
    reach = (kernel - 1) * dilation
    top, left = draw(st.integers(0, reach)), draw(st.integers(0, reach))
    shape = f"kernel_shape=[{kernel},{kernel}], pads=[{top},{left},{reach - top},{reach - left}]"
    if dilation == 1 and max(top, left, reach - top, reach - left) < kernel and draw(st.booleans()):
        return f"AveragePool <{shape}, count_include_pad=1> ({{}})"
    return f"Conv <{shape}, dilations=[{dilation},{dilation}]> ({{}}, ones{kernel})"


@st.composite
def down(draw, factor: int):
    kernel = draw(st.integers(factor, 4))
    top, left = draw(st.integers(0, kernel - factor)), draw(st.integers(0, kernel - factor))
    pads = [top, left, kernel - factor - top, kernel - factor - left]
    return f"Conv <kernel_shape=[{kernel},{kernel}], strides=[{factor},{factor}], pads={pads}> ({{}}, ones{kernel})"


@st.composite
def up(draw, factor: int):
    kernel = draw(st.integers(factor, 4))
    top, left = draw(st.integers(0, kernel - factor)), draw(st.integers(0, kernel - factor))
    pads = [top, left, kernel - factor - top, kernel - factor - left]
    return draw(
        st.sampled_from(
            [
                f'Resize <mode="nearest"> ({{}}, , by{factor})',
                f'Resize <mode="linear"> ({{}}, , by{factor})',
                f"ConvTranspose <kernel_shape=[{kernel},{kernel}], strides=[{factor},{factor}], pads={pads}>"
                f" ({{}}, ones{kernel})",
            ]
        )
    )


@settings(max_examples=40, deadline=None)
@given(hourglass(), st.data())
def test_random_hourglasses(build, stages, data):
    lines = [f"t{index + 1} = {stage.format(f't{index}')}" for index, stage in enumerate(stages)]
    text = " ".join(lines) + f" y = Add(t{len(stages)}, t0)"
    constants = {f"ones{k}": np.full((1, 1, k, k), 1 / k**2, np.float32) for k in range(1, 5)}
    constants |= {f"by{factor}": np.array([1, 1, factor, factor], np.float32) for factor in (2, 3)}
    used = {name: value for name, value in constants.items() if name in text}
    model = build(f"net (float[1,1,h,w] t0) => (float[1,1,H,W] y) {{ {text} }}", **used)

    field = receptive_field(model)
    assert field.exact, field.reason
    assert SIDE % field.align == 0
    running = verify.session(model)
    base = np.random.default_rng(0).random((1, 1, SIDE, SIDE), np.float32)
    whole = verify.run(running, base)

    at = data.draw(st.integers(SIDE // 3, 2 * SIDE // 3)), data.draw(st.integers(SIDE // 3, 2 * SIDE // 3))
    changed = base.copy()
    changed[0, 0, at[0], at[1]] += 1e4
    rows, columns = np.nonzero(np.abs(verify.run(running, changed) - whole)[0, 0] > 1e-2)
    assert max(np.abs(rows - at[0]).max(), np.abs(columns - at[1]).max()) <= field.radius

    halo = -(-field.radius // field.align) * field.align
    start = data.draw(st.integers(0, SIDE // field.align - 1)) * field.align
    low, high = max(0, start - halo), min(SIDE, start + field.align + halo)
    tile = verify.run(running, base[:, :, low:high, low:high])
    inside = slice(start - low, start - low + field.align)
    expected = whole[:, :, start : start + field.align, start : start + field.align]
    assert np.abs(tile[:, :, inside, inside] - expected).max() <= 1e-4
