"""Whether networks restore: on held-out photos, better than doing nothing does."""

from __future__ import annotations

from slsc.errors import VerificationError
from slsc.jobs.compile.measuring import Quality
from slsc.probe import ProbeResult
from slsc.probe.search import TOLD

SHOWN = 3
"""Of what was tried in vain, so many are named."""


class Restoring:
    """Judges networks, and refuses or remembers those that do not restore.

    Args:
        plain_psnr: PSNR in dB of doing nothing on the held-out photos; None where these tell nothing.
        state: the held-out photos in words, such as "2 held-out pairs".
        probe: what the network was found to undo.
        forced: the user takes the network as it is.
    """

    def __init__(self, plain_psnr: float | None, state: str, probe: ProbeResult, *, forced: bool) -> None:
        self._plain, self._state, self._probe, self._forced = plain_psnr, state, probe, forced
        self.warnings: list[str] = []

    def require(self, name: str, quality: Quality) -> None:
        """Look at one network; `name` is in words, such as "the dense network".

        Two kinds pass with a warning: super-resolution networks a little behind bicubic that add detail, as those do
        that are made to please the eye; and networks of equal size for what is not tried, if the user says all of their
        interface and their output shows the input.

        Raises:
            VerificationError: it restores no better than doing nothing, and is not forced; exit code 3.
        """
        if self._probe.unsettled:
            hint = "give --range LOW:HIGH, or --mean and --std, or"
            self._refuse(f"no value range that is tried suits {name}", self._probe.unsettled, hint)
            return
        why = self._shortcoming(quality)
        if why is None:
            return
        if self._excused(quality):
            self.warnings.append(f"{name} restores nothing that can be measured: {why}")
            return
        hint = "give all of its interface (--range, --output-range, --order, --residual), or --pairs, or"
        self._refuse(f"{name} restores nothing", why, hint)

    def _refuse(self, what: str, why: str, hint: str) -> None:
        if not self._forced:
            raise VerificationError(what, why=why, hint=f"{hint} --force", exit_code=3)
        self.warnings.append(f"{what}: {why}")

    def _excused(self, quality: Quality) -> bool:
        if not self._probe.plausible:
            return False
        if self._plain is None:
            return not self._probe.doubts()
        behind = self._plain - (quality.psnr or 0)
        return self._probe.io.scale > 1 and not self._probe.undone and behind <= TOLD

    def _shortcoming(self, quality: Quality) -> str | None:
        if self._plain is None:
            figures = "; ".join(
                f"{name} {found:.2f} dB given {plain:.2f}"
                for name, (found, plain) in list(self._probe.attempts.items())[:SHOWN]
            )
            return f"of what was tried nearest were {figures}"
        if quality.psnr is not None and quality.psnr > self._plain:
            return None
        plain = "bicubic" if self._probe.io.scale > 1 else "the input"
        return f"{quality.psnr:.2f} dB where {plain} has {self._plain:.2f}, on {self._state}"
