"""What restores no better than nothing is refused, with the figures, unless it is forced."""

from __future__ import annotations

import pytest

from slsc.errors import VerificationError
from slsc.jobs.compile.measuring import Quality
from slsc.jobs.compile.restoring import Restoring
from slsc.probe import Form, ProbeResult
from slsc.runtime.bundle.manifest import ImageIO
from slsc.runtime.bundle.value_range import UNIT

IO = ImageIO(3, "RGB", UNIT, UNIT, "x", "y", 1, "restore")
FOUND = ProbeResult(IO, (), Form.PICTURE, UNIT, ("noise of sigma 25",), {})
NOTHING = ProbeResult(IO, (), Form.PICTURE, UNIT, (), {"noise of sigma 25": (14.2, 21.3), "haze of 50%": (7.0, 8.8)})


def quality(psnr: float | None) -> Quality:
    return Quality(None, None, psnr, "psnr_rgb")


def test_what_is_better_than_the_input_passes() -> None:
    restoring = Restoring(24.58, "2 held-out photos", FOUND, forced=False)
    restoring.require("engine 1-8", quality(24.6))
    assert restoring.warnings == []


def test_what_is_worse_is_refused_with_both_figures() -> None:
    restoring = Restoring(24.58, "2 held-out photos", FOUND, forced=False)
    with pytest.raises(VerificationError, match=r"engine 1-8 restores nothing.*23\.42.*24\.58.*--force") as caught:
        restoring.require("engine 1-8", quality(23.42))
    assert caught.value.exit_code == 3


def test_a_network_that_undoes_nothing_tried_is_refused_with_what_was_tried() -> None:
    restoring = Restoring(None, "2 held-out photos", NOTHING, forced=False)
    with pytest.raises(VerificationError, match=r"noise of sigma 25 14\.20 dB given 21\.30.*haze") as caught:
        restoring.require("the network", quality(None))
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(("plain", "psnr", "probe"), [(None, None, NOTHING), (24.58, 23.42, FOUND)])
def test_force_turns_the_refusal_into_a_warning(plain: float | None, psnr: float | None, probe: ProbeResult) -> None:
    restoring = Restoring(plain, "2 held-out photos", probe, forced=True)
    restoring.require("the network", quality(psnr))
    assert len(restoring.warnings) == 1 and "restores nothing" in restoring.warnings[0]
