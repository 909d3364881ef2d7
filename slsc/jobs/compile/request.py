"""What `slsc compile` is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from slsc.jobs.compile.hardware import HardwareRequest
from slsc.jobs.compile.timing import Timing
from slsc.jobs.type.wanted import Precision
from slsc.methods import METHODS
from slsc.passes.importing.binding import Binding
from slsc.probe import Known
from slsc.search.base import Rules
from slsc.search.sls.settings import SlsSettings


@dataclass(frozen=True)
class CompileRequest:
    """What to compile, and how.

    Attributes:
        model: the ONNX file.
        binding: what its inputs beside the image hold, and which output is wanted.
        budgets: kept / dense MACs over the prunable layers, one engine each; the first is the default engine. None at
            all with `plans`.
        timing: latencies to meet, one engine each, behind those of the budgets; and the profile that predicts them.
        plans: of a network that is sparse already, and of those nested within it: each is packaged as it is, as an
            engine; the first is the default engine. None at all searches.
        output: the bundle to write.
        data: folder of photos; scikit-image's own for None.
        pairs: folders of inputs and of wanted outputs, instead of `data`.
        method: how N is found, one of `slsc.methods.SPARSE`.
        effort: how long to finetune, one of `slsc.jobs.compile.efforts.EFFORTS`.
        start: weights to finetune, one of `slsc.methods.STARTS`.
        sls: how the method `sls` learns N; None for the preset that goes with the effort.
        rules: group size and mask rule.
        seed: of everything random.
        known: what the probe need not find out; see `slsc.probe.probe_io`.
        force: compile a network that restores nothing, too.
        hardware: 2:4 hardware to fit the network to.
        adaptive: add an estimator, by which the runtime chooses an engine for every region; of one budget a ladder of
            engines around it is made.
        precision: types to give the engines.
        classes: file of the classifier that was trained beside networks of `plans`; None without.
        average: what the average region is to cost with the method `classpruning`; None for the mean of the networks'.
    """

    model: Path
    binding: Binding
    budgets: tuple[Fraction, ...]
    timing: Timing | None
    plans: tuple[Path, ...]
    output: Path
    data: Path | None
    pairs: tuple[Path, Path] | None
    method: str
    effort: str
    start: str
    sls: SlsSettings | None
    rules: Rules
    seed: int
    known: Known
    force: bool
    hardware: HardwareRequest
    precision: Precision
    adaptive: bool = False
    classes: Path | None = None
    average: Fraction | None = None

    @property
    def classifies(self) -> bool:
        """Whether nested networks and their classifier are trained."""
        return not self.plans and METHODS[self.method].classifies
