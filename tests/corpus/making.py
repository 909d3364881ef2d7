"""How an entry of the corpus comes about: a trained network, dressed and exported, and the feed that follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from corpus.bases import BASES, trained
from corpus.dressing import quantized
from corpus.exporting import EXAMPLE_HW, Dressed, Levels, to_onnx
from corpus.feeding import Feed
from corpus.tasks import TASKS, training_photos

Change = Callable[[onnx.ModelProto], onnx.ModelProto]

CALIBRATION_SIDE = 64

KEPT = Path(__file__).parent / "exported"
"""Files of torch's newer exporter, which takes seconds over each: `corpus.training` makes and keeps them."""


@dataclass(frozen=True)
class Export:
    """One file.

    Attributes:
        kind: what is particular about it.
        task: what it undoes, one of `corpus.tasks.TASKS`.
        build: makes the file.
        feed: how it wants to be used.
        options: of `slsc compile`, what only its user can know.
        native: whether the native engine runs it; else a word of the reason.
        steps: most by which `slsc run` may differ from `feed`'s result, of 255.
        grey: it is judged on a photo without colour.
        kept: a name in `KEPT`, for what is read from there; `build` makes it anew.
    """

    kind: str
    task: str
    build: Callable[[], onnx.ModelProto]
    feed: Feed
    options: tuple[str, ...] = ()
    native: bool | str = True
    steps: int = 1
    grey: bool = False
    kept: str = ""

    def model(self) -> onnx.ModelProto:
        """The file."""
        return onnx.load(KEPT / self.kept) if self.kept else self.build()


def export(
    kind: str,
    base: str,
    given: Levels | None = None,
    made: Levels | None = None,
    *,
    flip: str = "",
    residual: float = 0,
    pads: int = 1,
    hw: tuple[int, int] = EXAMPLE_HW,
    numbers: Mapping[str, Sequence[int]] | None = None,
    after: Change | None = None,
    feed: Mapping[str, Any] | None = None,
    options: tuple[str, ...] = (),
    native: bool | str = True,
    steps: int = 1,
    **how: Any,
) -> Export:
    """An entry made of a base.

    Args:
        kind, options, native, steps: see `Export`.
        base: one of `corpus.bases.BASES`.
        given: levels of the input, 0..1 for None.
        made: levels of the output, the input's for None.
        flip, residual, pads: see `corpus.exporting.Dressed`.
        hw: size that is traced.
        numbers: shapes of further inputs, each the deviation of the noise, by name.
        after: what is done to the file afterwards.
        feed: fields of `Feed` that do not follow from the others.
        how: to the exporter, `corpus.exporting.to_onnx`.
    """
    of, given = BASES[base], given or Levels()
    made = made or given
    sigma = TASKS[of.task].sigma / 255

    def build() -> onnx.ModelProto:
        module = Dressed(trained(base), given, made, flip=flip, residual=residual, pads=pads).eval()
        examples = [
            torch.rand(1, of.channels, *hw),
            *(torch.full(tuple(shape), 0.1) for shape in (numbers or {}).values()),
        ]
        model = to_onnx(module, examples, **({"inputs": ("input", *numbers)} if numbers else {}), **how)
        return after(model) if after else model

    facts = {
        "given": given,
        "made": made,
        "order": "Y" if of.channels == 1 else "BGR" if flip else "RGB",
        "numbers": {name: np.full(shape, sigma) for name, shape in (numbers or {}).items()},
        "level": sigma if of.channels == 4 else None,
        "residual": residual,
        "multiple": 1 if pads > 1 else of.multiple,
        "border": of.border,
        "fixed_hw": hw if how.get("fixed") else None,
    }
    grey = of.channels == 1 and of.task == "noise"
    kept = f"{base}.onnx" if how.get("dynamo") else ""
    return Export(kind, of.task, build, Feed(**{**facts, **(feed or {})}), options, native, steps, grey, kept)


def int8(task: str, *, per_channel: bool) -> Change:
    """Quantized on a few patches in the state that `task` means."""

    def change(model: onnx.ModelProto) -> onnx.ModelProto:
        side = CALIBRATION_SIDE * TASKS[task].scale
        cuts = [photo[100 : 100 + side, 100 : 100 + side] for photo in training_photos()]
        given = [TASKS[task].given(cut, seed) for seed, cut in enumerate(cuts)]
        batches = [pixels.transpose(2, 0, 1)[None].astype(np.float32) / 255 for pixels in given]
        return quantized(model, batches, per_channel=per_channel)

    return change


def version_3(model: onnx.ModelProto) -> onnx.ModelProto:
    """As the earliest exporters wrote it."""
    model.ir_version = 3
    return model
