"""Files of which nothing is known but what `slsc compile` finds out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from corpus.commands import compiled, restore
from corpus.feeding import Feed
from corpus.tasks import TASKS, Task
from corpus.trial import PHOTO_HW, Verdict, decibels, difference, findings, native, pair
from slsc.data.degradations import DEGRADATIONS
from slsc.errors import SlscError
from slsc.networks.restorer import open_restorer
from slsc.runtime.image.resample import imresize


def judge_stranger(model: Path, folder: Path, data: Path | None = None) -> Verdict:
    """Compile a file and compare `slsc run` with ONNX Runtime on the whole photo, fed as the compiler found out.

    So a wrong finding shows in the dB alone: those of the input, and of what comes out. `right` stays empty.
    """
    bundle, made = compiled(model, folder, (), data)
    if made.code:
        return Verdict(refusal=made.error)
    probe = made.fields["probe"]
    fixed = probe["io"].get("fixed_hw")
    feed = Feed(fixed_hw=tuple(fixed) if fixed else None)
    given, truth = pair(_task(probe), feed, plain=False, hw=PHOTO_HW)
    ran, result = restore(bundle, given, folder / f"{model.stem}.png")
    if ran.code:
        return Verdict(refusal=ran.error)
    try:
        whole = open_restorer(model, threads=1).restore(given)
    except SlscError:  # it takes one size only, and is compared in dB alone
        whole = None
    return Verdict(
        findings=findings(made),
        native=native(made),
        difference=None if whole is None else difference(result, whole, feed),
        warned="warning" in made.said + ran.said,
        before=decibels(imresize(given, truth.shape[:2], round_passes=True), truth, feed),
        got=decibels(result, truth, feed),
    )


def _task(probe: Mapping[str, Any]) -> Task:
    """What the compiler takes the network for: enlarging, undoing a degradation, or nothing known."""
    scale, undone = probe["io"]["scale"], probe["undone"]
    if scale > 1:
        return TASKS.get(f"sr x{scale}") or Task(lambda image, rng: _shrunk(image, scale), scale)
    if undone:
        return Task(lambda image, rng: DEGRADATIONS[undone[0]](image))
    return Task(lambda image, rng: image)


def _shrunk(image: np.ndarray, scale: int) -> np.ndarray:
    return imresize(image, (image.shape[0] // scale, image.shape[1] // scale), round_passes=True).astype(np.float64)
