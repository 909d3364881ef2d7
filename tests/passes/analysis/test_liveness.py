"""Peak memory of activations, against counts by hand."""

from __future__ import annotations

from slsc.passes.analysis.liveness import bytes_per_pixel

NET = "net (float[n,3,h,w] x) => (float[n,3,H,W] y)"


def test_peak_memory_counts_what_lives_at_once(build):
    """x (3) is needed to the end; the widest moment holds x, a (16) and b (32) at once."""
    model = build(
        f"{NET} {{ a = Conv(x, w) b = Conv(a, u) c = Conv(b, v) y = Add(x, c) }}",
        w=(16, 3, 1, 1),
        u=(32, 16, 1, 1),
        v=(3, 32, 1, 1),
    )
    assert bytes_per_pixel(model) == 4 * (3 + 16 + 32)


def test_peak_memory_is_per_input_pixel(build):
    model = build(f"{NET} {{ a = Conv(x, w) y = DepthToSpace <blocksize=2> (a) }}", w=(12, 3, 1, 1))
    assert bytes_per_pixel(model) == 4 * (12 + 12)
