"""What `slsc train` is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from slsc.errors import UsageError
from slsc.methods import method_of
from slsc.passes.importing.binding import NOTHING_BOUND, Binding
from slsc.plan import Plan
from slsc.probe import Known
from slsc.runtime.atomic import require_other
from slsc.search.base import Rules
from slsc.search.sls.settings import SlsSettings
from slsc.trainer.settings import OPTIMIZERS, TrainSettings


@dataclass(frozen=True)
class TrainRequest:
    """What to train, on what, into which files.

    Attributes:
        arch: network of the zoo, or None for `model`.
        weights: safetensors file to start `arch` from; None starts from random weights of the settings' seed.
        model: ONNX file of the network to start from, or None for `arch`.
        binding: what the inputs of `model` beside the image hold, and which output is wanted.
        interface: of `model`, where it is known.
        method: one of `slsc.methods.METHODS`.
        budget: kept / dense MACs over the prunable layers; None where the method needs none.
        within: budgets of the networks within that one, ascending; of methods that take several.
        start: weights that sparse training begins with, one of `slsc.methods.STARTS`.
        sls: how `sls` searches.
        rules: group size and mask rule.
        distill: whether the network as it starts, dense, makes the wanted outputs, in place of the images.
        data: folder of high-resolution images whose inputs are made, or None for `pairs`.
        pairs: folders of inputs and of wanted outputs, or None for `data`.
        motion_blur: make the inputs of a same-size network by moving the images of `data`, and `val`, at random.
        val: folder of images whose PSNR the log follows, used as `data` is; or None.
        val_pairs: likewise, used as `pairs` are.
        patch: side of the input patches in pixels.
        settings: of the optimization; `value_range` is replaced by the network's.
        log: "csv" or "tensorboard".
        resume: continue the run that left a checkpoint.
        output: the ONNX file to write.
        average: what the average region is to cost, see `SparseTask`.
        plans: N by layer of nested networks, by ascending budget, in place of one N for all layers; `budget` and
            `within` are theirs.

    Raises:
        UsageError: arguments that do not go together, or a file to write that is one of those read.
    """

    arch: str | None
    weights: Path | None
    model: Path | None
    binding: Binding
    interface: Known
    method: str
    budget: Fraction | None
    within: tuple[Fraction, ...]
    start: str
    sls: SlsSettings
    rules: Rules
    distill: bool
    data: Path | None
    pairs: tuple[Path, Path] | None
    motion_blur: bool
    val: Path | None
    val_pairs: tuple[Path, Path] | None
    patch: int
    settings: TrainSettings
    log: str
    resume: bool
    output: Path
    average: Fraction | None = None
    plans: tuple[Plan, ...] = ()

    def __post_init__(self) -> None:
        if (self.arch is None) == (self.model is None):
            raise UsageError("give one network", hint="use --arch NAME or --model X.onnx")
        if self.model is not None and self.weights is not None:
            raise UsageError("--weights goes with --arch", why="an ONNX file brings its own")
        if self.arch is not None and self.interface != Known():
            raise UsageError("--range and its like go with --model", why="the zoo knows its networks")
        if self.arch is not None and self.binding != NOTHING_BOUND:
            raise UsageError("--set, --extra-channel, --input and --output NAME go with --model")
        if (self.data is None) == (self.pairs is None):
            raise UsageError("give the images to train on", hint="use --data DIR or --pairs LQ HQ")
        if self.motion_blur and self.data is None:
            raise UsageError("--motion-blur goes with --data", why="pairs have inputs already")
        method = method_of(self.method)
        sparse = method.needs_budget
        if (self.budget is not None) != sparse:
            raise UsageError(
                f"--method {self.method} {'needs a' if sparse else 'takes no'} budget",
                hint="add --budget 1/8" if sparse else "leave out --budget",
            )
        if sparse and self.settings.optimizer != OPTIMIZERS[0]:
            raise UsageError(
                f"--optimizer {self.settings.optimizer} is for dense training",
                why="its steps move all weights, pruned ones too",
                hint="leave out --optimizer",
            )
        if bool(self.within) != method.several_budgets:
            raise UsageError(
                f"--method {self.method} takes {'several budgets' if method.several_budgets else 'one budget'}",
                hint="use --budget 1/8 --budget 1/4 --budget 1/2 --method nested, or one --budget and another method",
            )
        if self.plans and not method.several_budgets:
            raise UsageError("--plan goes with --method nested and classpruning")
        if self.average is not None and not method.classifies:
            raise UsageError("--average goes with --method classpruning")
        if self.distill and not sparse:
            raise UsageError("--distill needs a sparse --method", why="a dense network has nothing to learn of itself")
        for written in (self.output, self.plan, *self.nested_plans, self.classes, self.weights_path):
            require_other(written, self.model, self.weights)
        for written in (self.log_path, self.checkpoint):
            require_other(written, self.model, self.weights)

    @property
    def name(self) -> str:
        """The network's name."""
        return self.arch or (self.model.stem if self.model else "")

    @property
    def plan(self) -> Path:
        """Where the N:M of every layer goes."""
        return self.output.with_suffix(".plan.json")

    @property
    def nested_plans(self) -> tuple[Path, ...]:
        """Where those of the networks within it go, as `within`."""
        names = (str(budget).replace("/", "-") for budget in self.within)
        return tuple(self.output.with_suffix(f".{name}.plan.json") for name in names)

    @property
    def classes(self) -> Path:
        """Where what tells the networks' regions apart goes."""
        return self.output.with_suffix(".classes.safetensors")

    @property
    def weights_path(self) -> Path:
        """Where the weights of a dense zoo network go besides."""
        return self.output.with_suffix(".safetensors")

    @property
    def log_path(self) -> Path:
        """The CSV file, or TensorBoard's folder."""
        return self.output.with_suffix(".csv" if self.log == "csv" else ".tensorboard")

    @property
    def checkpoint(self) -> Path:
        """Where the state of the unfinished run is kept."""
        return self.output.with_suffix(".ckpt")
