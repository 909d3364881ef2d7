"""The order of colours is measured where all that was tried agrees, else assumed, and said to be."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from slsc.probe import Known
from slsc.probe.convention import Convention
from slsc.probe.order import decide_order
from slsc.probe.search import Evidence
from slsc.runtime.bundle.value_range import UNIT

RGB = Convention("RGB", UNIT, UNIT)
FAMILIES = (("weak haze", "thick haze"), ("noise",))


@dataclass
class Scores:
    """As much of a bench as the decision looks at: dB by name, of RGB, of BGR, and of the plain picture."""

    table: dict[str, tuple[float, float, float]]

    @property
    def samples(self) -> Any:
        return SimpleNamespace(families=FAMILIES, count=2)

    def psnr(self, name: str, convention: Convention, count: int) -> float:
        return self.table[name][convention.order == "BGR"]

    def plain_psnr(self, name: str, count: int) -> float:
        return self.table[name][2]


@pytest.mark.parametrize(
    ("weak", "thick", "noise", "answer"),
    [
        ((26, 20, 15), (22, 19, 10), (19, 20, 20), ("RGB", "measured")),
        ((20, 26, 15), (19, 22, 10), (15, 16, 20), ("BGR", "measured")),  # what noise becomes is no use in either
        ((20, 26, 15), (22, 19, 10), (15, 16, 20), ("BGR", "assumed")),
        ((26, 20, 15), (19, 22, 10), (15, 16, 20), ("RGB", "assumed")),
        ((20, 26, 15), (19, 22, 10), (20, 19, 20), ("RGB", "assumed")),
        ((26, 26.01, 15), (22, 22, 10), (20, 20, 20), ("RGB", "assumed")),
    ],
)
def test_the_order_and_how_it_is_known(weak: Any, thick: Any, noise: Any, answer: tuple[str, str]) -> None:
    bench: Any = Scores({"weak haze": weak, "thick haze": thick, "noise": noise})
    evidence = Evidence(RGB, "thick haze", {}, "input", 10.0, (), True)
    chosen, finding = decide_order(bench, RGB, evidence, Known())
    assert (chosen.order, finding.how) == answer and finding.answer == chosen.order
