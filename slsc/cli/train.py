"""Train a network of the zoo from scratch on a folder of images, into an ONNX file that `slsc compile` takes.

The images are the high-resolution targets; their low-resolution inputs are made by MATLAB's bicubic. Adam on the L1
error, with a cosine learning rate that reaches 0 exactly at the end of the steps or hours given. Beside OUT.onnx come
OUT.safetensors (the weights), OUT.csv (the log) and, until the run is over, OUT.ckpt (to --resume from).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from slsc.cli.arguments import existing_folder, output_path
from slsc.cli.console import Console
from slsc.errors import UsageError

if TYPE_CHECKING:
    from slsc.data.patches import Pair


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own arguments."""
    parser.add_argument("--arch", default="compact_x4", metavar="NAME", help="network of the zoo (default compact_x4)")
    parser.add_argument("--data", type=existing_folder, required=True, metavar="DIR", help="images to train on")
    parser.add_argument("--val", type=existing_folder, metavar="DIR", help="images whose PSNR-Y the log follows")
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--steps", type=int, metavar="N", help="length of the run in optimizer steps")
    length.add_argument("--hours", type=float, metavar="H", help="length of the run in hours of wall-clock time")
    parser.add_argument("--batch", type=int, default=16, metavar="N", help="patches per step (default 16)")
    parser.add_argument("--patch", type=int, default=32, metavar="PX", help="side of the input patches (default 32)")
    parser.add_argument("--lr", type=float, default=1e-3, metavar="RATE", help="peak learning rate (default 1e-3)")
    parser.add_argument("--seed", type=int, default=0, help="of the initial weights and the patches (default 0)")
    parser.add_argument("--bf16", action="store_true", help="convolve in bfloat16: faster on recent CPUs")
    parser.add_argument("--threads", type=int, default=0, metavar="N", help="CPU threads (default: all)")
    parser.add_argument("--resume", action="store_true", help="continue the unfinished run that left OUT.ckpt")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.onnx", help="the network to write")


def run(args: argparse.Namespace, console: Console) -> int:
    """Run the verb."""
    output = output_path(args.output, ".onnx")
    checkpoint = output.with_suffix(".ckpt")
    _check(args, checkpoint)

    import torch

    from slsc.data.patches import PatchSampler
    from slsc.train.dense import Training, TrainSettings
    from slsc.train.log import TrainLog
    from slsc.train.schedule import Horizon
    from slsc.train.validation import mean_psnr_y
    from slsc.zoo import zoo_model
    from slsc.zoo.export import export_onnx
    from slsc.zoo.weights import save_weights

    entry = zoo_model(args.arch)
    if args.threads:
        torch.set_num_threads(args.threads)
    horizon = Horizon(args.steps, None if args.hours is None else args.hours * 3600)
    sampler = PatchSampler(_pairs(args.data, entry.scale, console), entry.scale, args.patch)
    held_out = _pairs(args.val, entry.scale, console) if args.val else []

    torch.manual_seed(args.seed)
    settings = TrainSettings(horizon, args.batch, args.lr, args.seed, args.bf16, entry.white)
    training = Training(entry.build(), sampler, settings, checkpoint)
    if args.resume:
        training.resume()
        console.note(f"resuming after step {training.progress.step}")
    validate = (lambda model: mean_psnr_y(model, held_out, entry.white)) if held_out else None
    unit = "step" if args.steps else "s"
    with (
        console.progress(None, "training", unit) as bar,
        TrainLog(output.with_suffix(".csv"), bar, horizon, training.progress) as log,
    ):
        done = training.run(log, validate)
    weights = output.with_suffix(".safetensors")
    save_weights(training.model, weights)
    export_onnx(training.model, output)
    checkpoint.unlink()
    console.report(f"{args.arch}: {done.step} steps in {done.seconds / 60:.1f} minutes")
    console.result(arch=args.arch, steps=done.step, seconds=round(done.seconds, 1), log=str(output.with_suffix(".csv")))
    console.artefact(weights)
    console.artefact(output)
    return 0


def _check(args: argparse.Namespace, checkpoint: Path) -> None:
    for name in ("batch", "patch", "lr"):
        if getattr(args, name) <= 0:
            raise UsageError(f"--{name} must be above 0", hint=f"leave out --{name} for the default")
    if checkpoint.exists() and not args.resume:
        raise UsageError(
            "an unfinished run left a checkpoint", where=str(checkpoint), hint="--resume continues it; or delete it"
        )


def _pairs(folder: Path, scale: int, console: Console) -> list[Pair]:
    from slsc.data.images import list_images
    from slsc.data.patches import load_pairs

    paths = list_images(folder)
    with console.progress(len(paths), f"reading {folder.name}", "image") as bar:
        return load_pairs(paths, scale, bar.update)
