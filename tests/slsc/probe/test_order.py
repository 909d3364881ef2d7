"""The order of colours, on a bench whose scores are told."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from slsc.probe.convention import Convention, Known
from slsc.probe.order import decide_order
from slsc.runtime.bundle.value_range import UNIT

RAIN = "rain"
PLAIN = 20.0


class Bench:
    """Every photo's PSNR in RGB is 30 dB; in BGR, less by the photo's lead."""

    def __init__(self, leads: list[float], plain: str = "input") -> None:
        self.leads = leads
        self.samples = SimpleNamespace(families=((RAIN,),), count=len(leads), plain=plain)

    def psnr(self, name: str, convention: Convention, count: int) -> float:
        return 30 - (sum(self.leads[:count]) / count if convention.order == "BGR" else 0)

    def plain_psnr(self, name: str, count: int) -> float:
        return PLAIN

    def gain_over(self, name: str, index: int, convention: Convention, other: Convention) -> float:
        return self.leads[index]


@pytest.mark.parametrize(
    ("leads", "order", "how"),
    [
        ([0.3, 0.2, 0.1, 0.4], "RGB", "measured"),
        ([-0.3, -0.2, -0.1, -0.4], "BGR", "measured"),
        ([-0.1, -2.0, -0.6, 0.3], "RGB", "assumed"),
        ([0.1, 2.0, 0.6, -0.3], "RGB", "assumed"),
        ([0.01, -0.01, 0.01, 0.0], "RGB", "assumed"),
    ],
)
def test_photos_must_agree(leads: list[float], order: str, how: str) -> None:
    evidence = SimpleNamespace(name=RAIN)
    found, finding = decide_order(Bench(leads), Convention("RGB", UNIT, UNIT), evidence, Known())  # type: ignore[arg-type]
    assert (found.order, finding.how) == (order, how)


@pytest.mark.parametrize(("plain", "how"), [("input", "assumed"), ("bicubic", "measured")])
def test_a_slight_lead_of_the_rarer_order_may_be_chance_unless_the_network_enlarges(plain: str, how: str) -> None:
    bench, evidence = Bench([-0.15, -0.1, -0.2, -0.15], plain), SimpleNamespace(name=RAIN)
    found, finding = decide_order(bench, Convention("RGB", UNIT, UNIT), evidence, Known())  # type: ignore[arg-type]
    assert (found.order, finding.how) == ("BGR", how)
