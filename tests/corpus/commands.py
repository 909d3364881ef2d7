"""Verbs of the command line, run in this process."""

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

from corpus.feeding import Pixels
from slsc.cli.main import main


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


def slsc(*words: object) -> Outcome:
    """Run a command line in this process, with --json."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([*map(str, words), "--json"])
    return Outcome(code, json.loads(out.getvalue() or "{}"), err.getvalue())


def compiled(model: Path, folder: Path, options: Sequence[str], data: Path | None) -> tuple[Path, Outcome]:
    """A file compiled dense, on photos of a folder or scikit-image's own."""
    bundle = folder / f"{model.stem}.slsb"
    words = ["compile", model, "--budget", "1", "--effort", "none", "--method", "uniform", "--precision", "float32"]
    return bundle, slsc(*words, "-o", bundle, *options, *(["--data", data] if data else []))


def restore(bundle: Path, given: Pixels, output: Path, *options: object) -> tuple[Outcome, Pixels]:
    """`slsc run` on pixels, HxWx3 or HxWx1, and what it wrote, HxWx3; one pixel if it failed."""
    source = output.with_name(f"{output.stem}_given.png")
    Image.fromarray(given.squeeze(2) if given.shape[2] == 1 else given).save(source)
    ran = slsc("run", bundle, source, "-o", output, *options)
    if ran.code:
        return ran, np.zeros((1, 1, 3), np.uint8)
    with Image.open(output) as image:
        return ran, np.asarray(image.convert("RGB"))
