"""Train a network of the zoo from scratch on a folder of images, into an ONNX file that `slsc compile` takes.

The images are the high-resolution targets; their low-resolution inputs are made by MATLAB's bicubic. Adam on the L1
error, with a cosine learning rate that reaches 0 exactly at the end of the steps or hours given. Beside OUT.onnx come
OUT.safetensors (the weights), OUT.csv (the log) and, until the run is over, OUT.ckpt (to --resume from).
"""

from __future__ import annotations

import argparse
from pathlib import Path

from slsc.cli.arguments import existing_folder, output_path
from slsc.cli.console import Console
from slsc.errors import UsageError


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
    for name in ("batch", "patch", "lr"):
        if not getattr(args, name) > 0:
            raise UsageError(f"--{name} must be above 0", hint=f"leave out --{name} for the default")

    import torch

    from slsc.train.job import TrainJob, run_job
    from slsc.train.schedule import Horizon, Schedule
    from slsc.train.settings import TrainSettings
    from slsc.zoo import zoo_model

    if args.threads > 0:
        torch.set_num_threads(args.threads)
    horizon = Horizon(args.steps, None if args.hours is None else args.hours * 3600)
    settings = TrainSettings(
        horizon,
        args.batch,
        Schedule(args.lr),
        args.seed,
        "bf16-mixed" if args.bf16 else "32-true",
        value_range=zoo_model(args.arch).white,
    )
    job = TrainJob(args.arch, args.data, args.val, args.patch, settings, output)
    done = run_job(job, resume=args.resume, bars=console.progress)
    console.report(f"{args.arch}: {done.step} steps in {done.seconds / 60:.1f} minutes")
    console.result(arch=args.arch, steps=done.step, seconds=round(done.seconds, 1), log=str(job.log))
    console.artefact(job.weights)
    console.artefact(job.output)
    return 0
