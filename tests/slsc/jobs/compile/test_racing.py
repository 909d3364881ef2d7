"""Plan files raced against each other."""

from __future__ import annotations

import itertools

import pytest

from slsc.jobs.compile import racing
from slsc.runtime.bundle.manifest import ImageIO
from slsc.runtime.bundle.value_range import UNIT


class Clocked:
    """A backend whose runners take the milliseconds that their plan says, the first time a hundred more."""

    now = 0.0

    def __init__(self, threads):
        self.threads, self.shapes = threads, []

    def load(self, plan):
        extra = itertools.chain([100], itertools.repeat(0))
        return type("Runner", (), {"run": lambda _, image: self.took(int(plan) + next(extra), image)})()

    def took(self, ms, image):
        self.shapes.append(image.shape)
        Clocked.now += ms / 1000

    def close(self):
        Clocked.closed = self.shapes


@pytest.mark.parametrize(
    ("fixed", "multiple", "size"),
    [(None, (1, 1), (128, 128)), ((24, 40), (1, 1), (24, 40)), (None, (48, 5), (144, 130))],
)
@pytest.mark.parametrize("slower", [1, 5000])
def test_the_least_time_after_a_warm_up(monkeypatch, fixed, multiple, size, slower):
    monkeypatch.setattr(racing, "NativeBackend", Clocked)
    monkeypatch.setattr(racing.time, "perf_counter", lambda: Clocked.now)
    io = ImageIO(3, "RGB", UNIT, UNIT, "x", "y", 1, "restore", fixed_hw=fixed, multiple_of=multiple)
    assert racing.fastest([b"7", b"%d" % slower], io) == pytest.approx([7, slower])
    assert set(Clocked.closed) == {(1, 3, *size)}
    assert len(Clocked.closed) == 2 * (racing.ROUNDS if slower == 1 else 2)
