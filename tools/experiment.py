"""One row of a table of methods: a network made by one command, its cost and its quality."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slsc.methods import METHODS
from slsc.tools.verbs import Outcome, run_verb


@dataclass(frozen=True)
class Experiment:
    """What a row is about; two of one key are the same row.

    Attributes:
        network: name of the ONNX file.
        method: one of `slsc.methods.METHODS`.
        start: "dense" or "oneshot" weights, or "" for the method's own.
        budget: as asked for; "1" for dense.
        work: "1000 steps" of `slsc train`, or an effort of `slsc compile`; "" for the network as it is given.
        variant: name of the options, "" for none.
        options: passed on to the verb.
    """

    network: str
    method: str
    start: str
    budget: str
    work: str
    variant: str = ""
    options: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, ...]:
        """What tells rows apart."""
        return (self.network, self.method, self.start, self.budget, self.work, shlex.join(self.options))

    @property
    def steps(self) -> int | None:
        """Optimizer steps, where they are given."""
        count, _, unit = self.work.partition(" ")
        return int(count) if unit == "steps" else None

    def arguments(self, model: Path, data: Sequence[str], folder: Path) -> tuple[list[str], Path]:
        """The arguments of `slsc` that make the network, and the file it is written to.

        Args:
            model: the dense network.
            data: the options that give the images.
            folder: for the file.
        """
        name = "_".join(filter(None, (self.network, self.method, self.start, self.budget, self.work, self.variant)))
        if self.options:
            name += "_" + hashlib.sha256(self.key[-1].encode()).hexdigest()[:6]
        stem = re.sub(r"[^\w.-]+", "-", name)
        shared = [*(["--start", self.start] if self.start else []), *data, *self.options]
        budget = ["--budget", self.budget] if METHODS[self.method].needs_budget else []
        if self.steps is None:
            output = folder / f"{stem}.slsb"
            effort = ["--method", self.method, "--effort", self.work]
            return ["compile", str(model), *budget, *effort, *shared, "-o", str(output)], output
        output = folder / f"{stem}.onnx"
        resume = ["--resume"] if output.with_suffix(".ckpt").exists() else []
        length = ["--method", self.method, "--steps", str(self.steps)]
        return ["train", "--model", str(model), *budget, *length, *shared, *resume, "-o", str(output)], output


@dataclass(frozen=True)
class Row:
    """A finished experiment.

    Attributes:
        experiment: what was done.
        share: kept MACs over the dense network's, of its prunable layers.
        gmacs: kept MACs of all layers for an output of 1280x720, in 1e9.
        params: parameters that are not zero.
        psnr: dB by folder of references.
        seconds: wall-clock time of the command, None where there was none.
        peak_mib: its largest resident set.
    """

    experiment: Experiment
    share: float
    gmacs: float
    params: int
    psnr: tuple[float, ...]
    seconds: float | None
    peak_mib: float | None


def perform(experiment: Experiment, model: Path, data: Sequence[str], references: Sequence[Path], folder: Path) -> Row:
    """Make the network and measure it. A training run that was killed goes on from its checkpoint.

    Args:
        experiment: what to do.
        model: the dense network.
        data: the options that give the images to search and train on.
        references: folders to measure PSNR on.
        folder: where the networks go.

    Raises:
        VerificationError: a verb failed; carries its own message.
    """
    made, target = None, model
    if experiment.work:
        arguments, target = experiment.arguments(model, data, folder)
        made = run_verb(arguments)
    kept, dense = _cost(target), _cost(model)
    return Row(
        experiment,
        kept["prunable"] / dense["prunable"],
        kept["macs"] / 1e9,
        kept["params"],
        tuple(_psnr(target, reference) for reference in references),
        None if made is None else _seconds(made),
        None if made is None else made.peak_mib,
    )


def inspected(target: Path, m: int = 32) -> dict[str, Any]:
    """What `slsc inspect` says of a network, its N counted of `m`, or of the first engine of a bundle."""
    fields = run_verb(["inspect", str(target), "--m", str(m)]).fields
    network: dict[str, Any] = fields["network"] if "network" in fields else next(iter(fields["engines"].values()))
    return network


def kept_macs(layer: dict[str, Any]) -> int:
    """Multiply-accumulates of a layer that have a non-zero weight."""
    weights = 1
    for side in layer["layer"]["shape"]:
        weights *= side
    return int(layer["macs"] // weights * layer["nonzeros"])


def _cost(target: Path) -> dict[str, int]:
    network = inspected(target)
    prunable = sum(kept_macs(layer) for layer in network["layers"] if layer["layer"]["prunable"])
    return {"prunable": prunable, "macs": network["kept_macs"], "params": network["kept_params"]}


def _psnr(target: Path, reference: Path) -> float:
    mean = run_verb(["eval", str(target), "--hr", str(reference)]).fields["mean"]
    return float(next(value for name, value in mean.items() if name.startswith("psnr")))


def _seconds(made: Outcome) -> float:
    """Of all sittings, where training was resumed."""
    return max(made.seconds, float(made.fields.get("seconds", 0.0)))
