"""Train a network: of the zoo from scratch or from weights, or any ONNX file; dense, or sparse within a budget.

The images of --data are what the network should put out; the inputs of super-resolution are made from them by MATLAB's
bicubic. --pairs gives inputs and wanted outputs. Beside OUT.onnx come OUT.plan.json (the N:M of every layer, for
`slsc compile OUT.onnx --plan OUT.plan.json`), OUT.1-8.plan.json and its like (of the networks within a nested one),
OUT.classes.safetensors (the classifier of classpruning, for --classes), OUT.safetensors (a dense zoo network's
weights), OUT.csv (the log) and, until the run is over, OUT.ckpt. A run that was killed or interrupted goes on from
there with --resume, to the same weights as if it had not been.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from slsc.cli.arguments import (
    add_binding_options,
    add_interface_options,
    binding_of,
    existing_folder,
    known_interface,
    output_path,
    written_path,
)
from slsc.cli.console import Console
from slsc.cli.sls_options import add_sls_options, sls_settings
from slsc.errors import UsageError
from slsc.jobs.train.presets import PRESETS, preset
from slsc.methods import DENSE, METHODS, STARTS, help_on
from slsc.pattern import RULES
from slsc.plan import parse_budget
from slsc.trainer.schedule import SHAPES, Horizon
from slsc.trainer.settings import OPTIMIZERS, PRECISIONS, TrainSettings

SUFFIX = ".onnx"

if TYPE_CHECKING:
    from slsc.jobs.train.job import TrainReport
    from slsc.jobs.train.request import TrainRequest


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own arguments."""
    network = parser.add_mutually_exclusive_group()
    network.add_argument("--arch", metavar="NAME", help="network of the zoo (default compact_x4)")
    network.add_argument("--model", type=Path, metavar="X.onnx", help="network to start from")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="safetensors for --arch (default: random)")
    parser.add_argument("-o", dest="output", type=Path, metavar="OUT.onnx", help="the network to write")
    images = parser.add_argument_group("images")
    sources = images.add_mutually_exclusive_group(required=True)
    sources.add_argument("--data", type=existing_folder, metavar="DIR", help="images to train on")
    sources.add_argument(
        "--pairs",
        type=existing_folder,
        nargs=2,
        metavar=("LQ", "HQ"),
        help="folders of inputs and of wanted outputs, of the same file names",
    )
    images.add_argument(
        "--motion-blur",
        action="store_true",
        help="blur the images of --data and --val at random: inputs for deblurring",
    )
    held_out = images.add_mutually_exclusive_group()
    held_out.add_argument("--val", type=existing_folder, metavar="DIR", help="images whose PSNR the log follows")
    held_out.add_argument(
        "--val-pairs", type=existing_folder, nargs=2, metavar=("LQ", "HQ"), help="likewise, inputs and wanted outputs"
    )
    _add_method(parser.add_argument_group("method"))
    add_sls_options(parser.add_argument_group("sls", "changes to the preset's search; the paper's ablations"))
    _add_optimization(parser.add_argument_group("optimization"))
    run = parser.add_argument_group("run")
    run.add_argument("--seed", type=int, default=0, help="of the initial weights and the patches (default 0)")
    run.add_argument(
        "--save-every", type=float, default=2.0, metavar="MINUTES", help="between states saved in OUT.ckpt (default 2)"
    )
    run.add_argument("--resume", action="store_true", help="continue the unfinished run that left OUT.ckpt")
    run.add_argument("--log", choices=("csv", "tensorboard"), default="csv", help="default: csv")
    run.add_argument("--devices", type=int, default=1, metavar="N", help="processes that share out a batch (default 1)")
    run.add_argument("--accelerator", choices=("auto", "cpu", "gpu"), default="auto", help="default: auto")
    run.add_argument("--threads", type=int, default=0, metavar="N", help="CPU threads a process (default: all)")
    add_binding_options(parser, SUFFIX)
    add_interface_options(parser)


def _add_method(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--method",
        choices=tuple(METHODS),
        default=DENSE.name,
        help=f"what is trained (default: %(default)s); {help_on(METHODS.values())}",
    )
    group.add_argument(
        "--start",
        choices=STARTS,
        default=STARTS[0],
        help="weights that sparse training begins with: the network's own (default), or those that `slsc compile` "
        "would fit in closed form",
    )
    group.add_argument(
        "--budget",
        type=parse_budget,
        action="append",
        default=[],
        metavar="B",
        help="kept share of the multiply-accumulates: 1/8; several times for --method nested and classpruning",
    )
    group.add_argument(
        "--plan",
        type=Path,
        action="append",
        default=[],
        metavar="P.plan.json",
        help="N by layer of one of the nested networks, as sls or oneshot found it, in place of --budget; give one for "
        "each (default: one N for all layers)",
    )
    group.add_argument(
        "--average",
        type=parse_budget,
        metavar="B",
        help="share that the average region is to cost, of classpruning (default: the mean of the networks')",
    )
    group.add_argument("--rule", choices=RULES, default=RULES[0], help="which weights a group may keep")
    group.add_argument("--m", type=int, default=32, metavar="M", help="group size, 2 to 256 (default: 32)")
    group.add_argument(
        "--distill",
        action="store_true",
        help="learn what the dense network puts out instead of what the images show: better where these are few, "
        "compressed, or other than the network was trained on",
    )


def _add_optimization(group: argparse._ArgumentGroup) -> None:
    length = group.add_mutually_exclusive_group()
    length.add_argument("--steps", type=int, metavar="N", help="length of the run in optimizer steps")
    length.add_argument(
        "--epochs", type=float, metavar="N", help="length of the run in epochs: 1000 steps, 131 of paper-deblur"
    )
    length.add_argument("--hours", type=float, metavar="H", help="length of the run in hours of wall-clock time")
    group.add_argument(
        "--preset",
        choices=tuple(PRESETS),
        default="fast",
        help="fast (default) and thorough: batch 16, patches of 32 px, rate 1e-3 falling to 0 along a cosine; paper "
        "and official: 300 epochs, batch 16, patches of 48 px, rate 1e-4 halved after two thirds; paper-deblur: 2000 "
        "epochs, patches of 256 px; they differ in how sls searches; what is given besides replaces the preset's",
    )
    group.add_argument("--batch", type=int, metavar="N", help="patches a step, over all devices")
    group.add_argument("--patch", type=int, metavar="PX", help="side of the input patches")
    group.add_argument("--lr", type=float, metavar="RATE", help="peak learning rate; muon takes twice Adam's")
    group.add_argument(
        "--optimizer",
        choices=OPTIMIZERS,
        default=OPTIMIZERS[0],
        help="of dense training; muon learns faster from random weights (default: adam)",
    )
    group.add_argument("--schedule", choices=SHAPES, help="of the learning rate")
    group.add_argument(
        "--precision",
        choices=PRECISIONS,
        default=PRECISIONS[0],
        help="what convolutions compute in; bf16-mixed is faster on recent CPUs and GPUs (default: 32-true)",
    )
    group.add_argument(
        "--ema", type=float, metavar="DECAY", help="end with a running mean of the weights, such as 0.999"
    )


def run(args: argparse.Namespace, console: Console) -> int:
    """Run the verb."""
    written = written_path(args, SUFFIX)
    if written is None:
        raise UsageError("the following arguments are required: -o", hint="name the network to write: -o OUT.onnx")
    output = output_path(written, SUFFIX, beside=(".plan.json", ".safetensors", ".csv", ".ckpt"))
    for name in ("batch", "patch", "lr"):
        if getattr(args, name) is not None and not getattr(args, name) > 0:
            raise UsageError(f"--{name} must be above 0", hint=f"leave out --{name} for the default")
    if not 2 <= args.m <= 256:
        raise UsageError(f"--m {args.m} is outside 2..256", hint="the default, 32, is the paper's")

    import torch

    from slsc.jobs.compile.trained import read_plan
    from slsc.jobs.train.job import train
    from slsc.jobs.train.request import TrainRequest
    from slsc.search.base import Rules

    if args.threads > 0:
        torch.set_num_threads(args.threads)
        if args.devices > 1:
            os.environ["OMP_NUM_THREADS"] = str(args.threads)  # for the processes that are spawned
    if args.plan and args.budget:
        raise UsageError("give either budgets or plans", why="a plan has its budget", hint="leave out --budget")
    plans = sorted((read_plan(path) for path in args.plan), key=lambda plan: plan.kept_share)
    if len({plan.budget for plan in plans}) < len(plans):
        raise UsageError("two plans have the same budget", hint="give one plan for each network")
    budgets = [parse_budget(plan.budget) for plan in plans] or sorted(set(args.budget))
    request = TrainRequest(
        arch=args.arch or (None if args.model else "compact_x4"),
        weights=args.weights,
        model=args.model,
        binding=binding_of(args, SUFFIX),
        interface=known_interface(args),
        method=args.method,
        budget=budgets[-1] if budgets else None,
        within=tuple(budgets[:-1]),
        start=args.start,
        sls=sls_settings(args),
        rules=Rules(args.m, args.rule),
        distill=args.distill,
        data=args.data,
        pairs=tuple(args.pairs) if args.pairs else None,
        motion_blur=args.motion_blur,
        val=args.val,
        val_pairs=tuple(args.val_pairs) if args.val_pairs else None,
        patch=args.patch or preset(args.preset).patch,
        settings=_settings(args),
        log=args.log,
        resume=args.resume,
        output=output,
        average=args.average,
        plans=tuple(plans),
    )
    report = train(request, console.progress, console.warning)
    console.report(_summary(request, report))
    figures = {name: value for name, value in asdict(report).items() if name != "files"}
    console.result(network=request.name, method=args.method, log=str(request.log_path), **figures)
    for path in report.files:
        console.artefact(path)
    return 0


def _settings(args: argparse.Namespace) -> TrainSettings:
    chosen = preset(args.preset)
    epochs = chosen.epochs if args.epochs is None and args.hours is None else args.epochs
    steps = args.steps if epochs is None or args.steps else round(epochs * chosen.epoch)
    schedule = replace(
        chosen.schedule, peak=args.lr or chosen.schedule.peak, shape=args.schedule or chosen.schedule.shape
    )
    return TrainSettings(
        Horizon(steps, None if args.hours is None else args.hours * 3600),
        batch=args.batch or chosen.batch,
        schedule=schedule,
        seed=args.seed,
        precision=args.precision,
        optimizer=args.optimizer,
        ema=args.ema,
        save_every=60 * args.save_every,
        devices=args.devices,
        accelerator=args.accelerator,
    )


def _summary(request: TrainRequest, report: TrainReport) -> str:
    kept = "" if report.share is None else f", {report.share:.4f} of the multiply-accumulates kept"
    scored = "" if report.psnr is None else f", {report.psnr:.2f} dB"
    return f"{request.name}: {report.steps} steps in {report.seconds / 60:.1f} minutes{kept}{scored}"
