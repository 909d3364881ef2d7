"""Doubts about a range, of networks of which only the scores by range are known."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from slsc.probe.bench import Verdict
from slsc.probe.convention import CENTRED, IMAGENET, LEVELS, SIGNED, Convention, Known
from slsc.probe.nearby import doubt_of
from slsc.probe.search import Evidence
from slsc.runtime.bundle.value_range import UNIT, ValueRange

FLAT = ValueRange.uniform(*(float(np.mean(ends)) for ends in (IMAGENET.low, IMAGENET.high)))
FOUND = Convention("RGB", IMAGENET, IMAGENET)
ELSE = 25.0
NOTHING_SHOWN: Mapping[ValueRange, float] = MappingProxyType({})


class Scored:
    """A bench on one kind of noise, 20 dB as it is, of a network that restores by range."""

    def __init__(
        self,
        scores: dict[ValueRange, float],
        alike: bool,
        revealing: bool = True,
        shown: Mapping[ValueRange, float] = NOTHING_SHOWN,
    ) -> None:
        self.samples, self._scores, self._alike = SimpleNamespace(families=(("noise",),), count=2), scores, alike
        self._revealing, self._shown = revealing, shown

    def psnr(self, name: str, one: Convention, count: int) -> float:
        return self._scores.get(one.input, ELSE)

    def plain_psnr(self, name: str, count: int) -> float:
        return 20.0

    def revealed(self, name: str, one: Convention, count: int) -> float:
        return self._shown.get(one.input, 0.0)

    def gain_over(self, name: str, index: int, one: Convention, other: Convention) -> float:
        return self.psnr(name, one, 1) - self.psnr(name, other, 1)

    def alike(self, name: str, index: int, one: Convention, other: Convention) -> bool:
        return self._alike

    def verdict(self, name: str, index: int, one: Convention) -> Verdict:
        return Verdict(8.0, 8.0, self._revealing)


@pytest.mark.parametrize(
    ("flat", "alike", "doubted"), [(28.0, False, True), (28.2, False, True), (27.5, False, False), (28.0, True, False)]
)
def test_means_by_colour_are_doubted_where_one_for_all_serves_as_well(flat: float, alike: bool, doubted: bool) -> None:
    bench: Any = Scored({IMAGENET: 28.0, FLAT: flat}, alike)
    evidence = Evidence(FOUND, "noise", {FOUND: 28.0}, "input", 20.0, (), True)
    doubt = doubt_of(bench, evidence, FOUND, Known(), ordered=True)
    assert (doubt is not None) is doubted
    if doubt:
        assert "one mean for all colours" in doubt.why and not doubt.grave


@pytest.mark.parametrize(
    ("given", "put_out", "revealing", "doubted"),
    [
        (SIGNED, SIGNED, False, True),
        (UNIT, CENTRED, False, True),
        (UNIT, UNIT, False, False),
        (LEVELS, LEVELS, False, False),
        (SIGNED, SIGNED, True, False),
    ],
)
def test_a_rare_range_is_doubted_where_all_that_is_done_is_brightness(
    given: ValueRange, put_out: ValueRange, revealing: bool, doubted: bool
) -> None:
    found = Convention("RGB", given, put_out)
    bench: Any = Scored({given: 28.0}, False, revealing)
    evidence = Evidence(found, "noise", {found: 28.0}, "input", 20.0, (), True)
    doubt = doubt_of(bench, evidence, found, Known(), ordered=True)
    assert (doubt is not None) is doubted
    if doubt:
        assert "all it does is brightness" in doubt.why and not doubt.grave


@pytest.mark.parametrize(("shown", "doubted"), [(6.2, True), (6.0, False)])
def test_a_range_is_doubted_where_a_commoner_one_shows_more_at_another_brightness(shown: float, doubted: bool) -> None:
    found = Convention("RGB", LEVELS, LEVELS)
    bench: Any = Scored({LEVELS: 28.0}, alike=False, shown={LEVELS: 6.0, UNIT: shown})
    doubt = doubt_of(
        bench, Evidence(found, "noise", {found: 28.0}, "input", 20.0, (), True), found, Known(), ordered=True
    )
    assert (doubt is not None and doubt.why.startswith("0..1 shows more")) is doubted
