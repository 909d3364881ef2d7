"""What a probe found, how it knows, and how it says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import onnx

from slsc.passes.base import PassContext
from slsc.passes.importing.residual import RestoreFromResidual
from slsc.passes.importing.turn_colours import TurnColours
from slsc.passes.pipeline import Pipeline
from slsc.probe.convention import Form
from slsc.runtime.bundle.manifest import ImageIO
from slsc.runtime.bundle.value_range import ValueRange


@dataclass(frozen=True)
class Finding:
    """One answer.

    Attributes:
        question: "scale", "task", "size", "range", "output range", "picture" or "order".
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
        io: the interface of the network that `restorer` makes.
        findings: one for every part of it.
        form: what the network puts out.
        residual_range: the range of its output, of which only the span counts where that is not the picture.
        undone: what the network turned out to undo, the best first: names of samples, for same-size networks those of
            `slsc.data.degradations.DEGRADATIONS`; empty where it restores nothing that was tried.
        attempts: what was tried in vain then: PSNR in dB with the network and without it, what came nearest first.
        plausible: whether it may be a restorer all the same. A super-resolution network is if it adds detail of the
            photo, though further from it than bicubic; one of equal size, if its output shows its input.
        unsettled: why its range is none of those tried; empty where it is, for all that is known.
        grey: what is put out where nothing is wrong, of a form that is not PICTURE.
        turned: it puts out colours the other way round than it takes them.
    """

    io: ImageIO
    findings: tuple[Finding, ...]
    form: Form
    residual_range: ValueRange
    undone: tuple[str, ...]
    attempts: Mapping[str, tuple[float, float]]
    plausible: bool
    unsettled: str = ""
    grey: float = 0.0
    turned: bool = False

    def restorer(self, model: onnx.ModelProto) -> onnx.ModelProto:
        """The network that was probed as one that puts out the picture, its colours as they were."""
        if self.turned:
            model = Pipeline([TurnColours()]).run(model, PassContext()).model
        if self.form is Form.PICTURE:
            return model
        sign = -1.0 if self.form is Form.SUBTRACT else 1.0
        channels = self.io.channels
        spans = zip(self.io.input_range.planes(channels), self.residual_range.planes(channels), strict=True)
        factors = tuple(sign * given / put_out for (_, given), (_, put_out) in spans)
        return Pipeline([RestoreFromResidual(factors, self.grey)]).run(model, PassContext()).model

    def lines(self) -> list[str]:
        """The findings, a line each."""
        return [finding.line() for finding in self.findings]

    def doubts(self) -> list[str]:
        """Those that are assumed."""
        return [finding.line() for finding in self.findings if finding.how == "assumed"]

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values."""
        findings = [asdict(finding) for finding in self.findings]
        return {"io": self.io.to_dict(), "findings": findings, "picture": self.form.value, "undone": list(self.undone)}
