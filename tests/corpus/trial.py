"""One file through the command line: compiled dense, a photo restored with it, and compared with what is right."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from corpus.feeding import Feed, Pixels, restored
from corpus.making import Export
from corpus.tasks import TASKS, Task, grey, photo
from slsc.cli.main import main
from slsc.metrics.psnr import psnr
from slsc.runtime.image.resample import imresize

PHOTO_HW = (72, 104)
"""Size of the photo that is restored; multiples of 8, as windows and strides want it."""

TILE = 48


@dataclass(frozen=True)
class Outcome:
    """What a command did: its exit code, its JSON object, and what it said on stderr."""

    code: int
    fields: dict[str, Any]
    said: str

    @property
    def error(self) -> str:
        """Its error in one line; empty for none."""
        told = self.fields.get("error", {})
        return ": ".join(str(told[part]) for part in ("what", "where", "why") if told.get(part)) if self.code else ""


@dataclass(frozen=True)
class Verdict:
    """What became of one file.

    Attributes:
        refusal: the error it ended with; all that follows is empty or None then.
        findings: answer and how it is known, by question.
        native: "yes", or why the native engine does not run it.
        difference: largest difference of `slsc run` to ONNX Runtime on the whole photo, of 255.
        tiled: the same where ONNX Runtime is run in small tiles; None where the tiles are the network's one size.
        warned: that run warned of its tiles.
        before: dB of what one has without the network: the input, or bicubic enlargement.
        right: dB of what is right.
        got: dB of what `slsc run` wrote.
    """

    refusal: str = ""
    findings: dict[str, tuple[str, str]] | None = None
    native: str = ""
    difference: int | None = None
    tiled: int | None = None
    warned: bool = False
    before: float | None = None
    right: float | None = None
    got: float | None = None


def slsc(*words: object) -> Outcome:
    """Run a command line in this process, with --json."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([*map(str, words), "--json"])
    return Outcome(code, json.loads(out.getvalue() or "{}"), err.getvalue())


def compiled(model: Path, folder: Path, options: Sequence[str], data: Path | None) -> tuple[Path, Outcome]:
    """A file compiled dense, on photos of a folder or scikit-image's own."""
    bundle = folder / f"{model.stem}.slsb"
    words = ["compile", model, "--budget", "1", "--effort", "none", "--method", "uniform", "-o", bundle, *options]
    return bundle, slsc(*words, *(["--data", data] if data else []))


def judge(export: Export, model: Path, folder: Path, data: Path | None = None) -> Verdict:
    """Compile `model`, made of `export`, restore the photo, and compare.

    Args:
        export: how it wants to be fed.
        model: the file.
        folder: for what is made.
        data: photos to compile with.
    """
    bundle, made = compiled(model, folder, export.options, data)
    if made.code:
        return Verdict(refusal=made.error)
    feed = export.feed
    given, truth = pair(TASKS[export.task], feed, plain=export.grey)
    ran, result = restore(bundle, given[:, :, :1] if export.grey else given, folder / f"{model.stem}.png")
    if ran.code:
        return Verdict(refusal=ran.error)
    tiled, warned = None, False
    right = restored(model, feed, given)
    if not feed.fixed_hw:
        again, tiles = restore(
            bundle, given, folder / f"{model.stem}_tiled.png", "--backend", "onnxruntime", "--tile", TILE
        )
        tiled, warned = difference(tiles, right, feed), "warning" in again.said
    return Verdict(
        findings=findings(made),
        native=native(made),
        difference=difference(result, right, feed),
        tiled=tiled,
        warned=warned,
        before=decibels(imresize(given, truth.shape[:2], round_passes=True), truth, feed),
        right=decibels(right, truth, feed),
        got=decibels(result, truth, feed),
    )


def pair(task: Task, feed: Feed, *, plain: bool, hw: tuple[int, int] = PHOTO_HW) -> tuple[Pixels, Pixels]:
    """What is restored, HxWx3, and what it should become."""
    rows, columns = feed.fixed_hw or hw
    truth = photo((rows * task.scale, columns * task.scale))
    truth = grey(truth) if plain else truth
    given = task.given(truth, seed=7)
    return (np.repeat(given[:, :, :1], 3, axis=2) if plain else given), truth


def restore(bundle: Path, given: Pixels, output: Path, *options: object) -> tuple[Outcome, Pixels]:
    """`slsc run` on pixels, HxWx3 or HxWx1, and what it wrote, HxWx3; one pixel if it failed."""
    source = output.with_name(f"{output.stem}_given.png")
    Image.fromarray(given.squeeze(2) if given.shape[2] == 1 else given).save(source)
    ran = slsc("run", bundle, source, "-o", output, *options)
    if ran.code:
        return ran, np.zeros((1, 1, 3), np.uint8)
    with Image.open(output) as image:
        return ran, np.asarray(image.convert("RGB"))


def findings(made: Outcome) -> dict[str, tuple[str, str]]:
    """Answer and how it is known, by question."""
    return {one["question"]: (one["answer"], one["how"]) for one in made.fields["probe"]["findings"]}


def native(made: Outcome) -> str:
    """ "yes", or why the native engine does not run what was compiled."""
    engine = made.fields["engines"][0]
    return "yes" if "native" in engine["artefact_bytes"] else engine["refusals"].get("native", "no")


def difference(result: Pixels, right: Pixels, feed: Feed) -> int:
    """Largest difference, without the border that the network leaves out."""
    inner = within(result, feed.border)
    if inner.shape != right.shape:
        raise AssertionError(f"the restored photo is {result.shape}, right is {right.shape}")
    return int(np.abs(inner.astype(int) - right).max())


def decibels(image: Pixels, truth: Pixels, feed: Feed) -> float:
    """PSNR over all channels, without that border."""
    border = feed.border if image.shape == truth.shape else 0
    error = within(image, border).astype(np.float64) - within(truth, feed.border)
    return psnr(float(np.mean(np.square(error))), 255)


def within(pixels: Pixels, border: int) -> Pixels:
    """Pixels without `border` at each side."""
    return pixels[border : pixels.shape[0] - border, border : pixels.shape[1] - border]
