"""Networks that others have published, where the data pack is at hand: ONNX files, and weights the zoo exports."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import onnx

from corpus.exporting import Levels
from corpus.feeding import Feed
from corpus.making import Export
from slsc.zoo.export import to_onnx
from slsc.zoo.registry import MODELS

FILES = {
    "subpixel_cnn_x3_luma": ("PyTorch 1.3, luma, one size", "sr x3", Feed(order="Y", fixed_hw=(224, 224))),
    "distill_enhancer_256_rgb": ("PyTorch, one size", "enlarged", Feed(fixed_hw=(256, 256))),
}
"""Of the folder `onnx`: kind, task, and how they want to be fed."""

WEIGHTS = {
    "rfdn_x4": ("rfdn_x4", "sr x4"),
    "imdn_x4": ("imdn_x4", "sr x4"),
    "pds_x4": ("pds_x4", "sr x4"),
    "carn_m_x4": ("carn_m_x234", "sr x4"),
    "edsr_8b64f_x2": ("edsr_8b64f_x2", "sr x2"),
    "dncnn_gray": ("dncnn_sigma25_gray", "noise"),
}
"""Of the folder `weights`, by network of the zoo: the file, and the task."""


def public_networks(pack: Path) -> Iterator[tuple[str, Export]]:
    """The networks of a data pack by their public names."""
    for name, (kind, task, feed) in FILES.items():
        path = pack / "onnx" / f"{name}.onnx"
        yield name, Export(kind, task, partial(onnx.load, path), feed)
    for name, (file, task) in WEIGHTS.items():
        model, path = MODELS[name], pack / "weights" / f"{file}.safetensors"
        levels = Levels.of(0, model.white)
        grey = name.endswith("gray")
        feed = Feed(given=levels, made=levels, order="Y" if grey else "RGB", multiple=max(model.multiple_of))
        yield (
            name,
            Export("the zoo's export", task, lambda model=model, path=path: to_onnx(model.load(path)), feed, grey=grey),
        )
