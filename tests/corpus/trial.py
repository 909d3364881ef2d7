"""One file through the command line: compiled dense, photos restored with it, and compared with what is right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from corpus.commands import Outcome, compiled, restore
from corpus.feeding import Feed, Pixels, restored, within
from corpus.forms import FORMS, off_by
from corpus.making import Export
from corpus.tasks import TASKS, Task, grey, photo
from slsc.metrics.psnr import psnr
from slsc.runtime.image.resample import imresize

PHOTO_HW = (72, 104)
"""Size of the photo that is restored; multiples of 8, as windows and strides want it."""

TILE = 48


@dataclass(frozen=True)
class Verdict:
    """What became of one file.

    Attributes:
        refusal: the error it ended with; all that follows is empty then.
        findings: answer and how it is known, by question.
        native: "yes", or why the native engine does not run it.
        difference: largest difference of `slsc run` to ONNX Runtime on the whole photo, of 255.
        tiled: the same where ONNX Runtime is run in small tiles; None where the tiles are the network's one size.
        warned: that run warned of its tiles.
        before: dB of what one has without the network: the input, or bicubic enlargement.
        right: dB of what is right.
        got: dB of what `slsc run` wrote.
        forms: largest difference, of 255, by form of photo (`corpus.forms.FORMS`); without those that are refused, or
            that there is nothing to compare with.
        refused: why photos of a form are refused.
    """

    refusal: str = ""
    findings: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    native: str = ""
    difference: int | None = None
    tiled: int | None = None
    warned: bool = False
    before: float | None = None
    right: float | None = None
    got: float | None = None
    forms: Mapping[str, float] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)


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
    forms, refused = _forms(bundle, model, feed, given, folder)
    return Verdict(
        findings=findings(made),
        native=native(made),
        difference=difference(result, right, feed),
        tiled=tiled,
        warned=warned,
        before=decibels(imresize(given, truth.shape[:2], round_passes=True), truth, feed),
        right=decibels(right, truth, feed),
        got=decibels(result, truth, feed),
        forms=forms,
        refused=refused,
    )


def _forms(
    bundle: Path, model: Path, feed: Feed, given: Pixels, folder: Path
) -> tuple[dict[str, float], dict[str, str]]:
    """See `Verdict.forms` and `Verdict.refused`."""
    differences, refused = {}, {}
    for name, form in FORMS.items():
        ran, found = off_by(form, bundle, model, feed, given, folder)
        if ran.code:
            refused[name] = f"exit {ran.code}: {ran.error}"
        elif found is not None:
            differences[name] = found
    return differences, refused


def pair(task: Task, feed: Feed, *, plain: bool, hw: tuple[int, int] = PHOTO_HW) -> tuple[Pixels, Pixels]:
    """What is restored, HxWx3, and what it should become."""
    rows, columns = feed.fixed_hw or hw
    truth = photo((rows * task.scale, columns * task.scale))
    truth = grey(truth) if plain else truth
    given = task.given(truth, seed=7)
    return (np.repeat(given[:, :, :1], 3, axis=2) if plain else given), truth


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
