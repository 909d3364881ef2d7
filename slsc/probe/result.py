"""What a probe found, how it knows, and how it says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from slsc.runtime.bundle.manifest import ImageIO


@dataclass(frozen=True)
class Finding:
    """One answer.

    Attributes:
        question: "scale", "task", "size", "range" or "order".
        answer: in words, such as "0..255".
        how: "measured", "given" (by the user), or "assumed" (the measurement could not tell).
        why: one clause: what the answer rests on.
        tried: PSNR in dB of every hypothesis that was run, and of the plain method it is compared with.
    """

    question: str
    answer: str
    how: str
    why: str
    tried: Mapping[str, float]

    def line(self) -> str:
        """The finding in one line."""
        tried = ", ".join(f"{name} {psnr:.2f}" for name, psnr in self.tried.items())
        return f"{self.question}: {self.answer} ({self.how}: {self.why}{f'; dB: {tried}' if tried else ''})"


@dataclass(frozen=True)
class ProbeResult:
    """The network's image interface, and what it rests on.

    Attributes:
        io: the interface.
        findings: one for every part of it.
        degradation: what a same-size network turned out to undo, one of `slsc.data.degradations.DEGRADATIONS`;
            None for other networks, and where nothing tried was undone.
    """

    io: ImageIO
    findings: tuple[Finding, ...]
    degradation: str | None

    def lines(self) -> list[str]:
        """The findings, a line each."""
        return [finding.line() for finding in self.findings]

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        findings = [asdict(finding) for finding in self.findings]
        return {"io": self.io.to_dict(), "findings": findings, "degradation": self.degradation}
