"""Whether networks restore: on held-out photos, better than doing nothing does."""

from __future__ import annotations

from slsc.errors import VerificationError
from slsc.jobs.compile.measuring import Quality
from slsc.probe import ProbeResult

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

        Raises:
            VerificationError: it restores no better than doing nothing, and is not forced; exit code 3.
        """
        why = self._shortcoming(quality)
        if why is None:
            return
        hint = "give its interface (--range, --output-range, --order, --residual) or pairs of what it is made for, or"
        if not self._forced:
            raise VerificationError(f"{name} restores nothing", why=why, hint=f"{hint} --force", exit_code=3)
        self.warnings.append(f"{name} restores nothing: {why}")

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
