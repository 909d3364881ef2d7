"""Naming what people give for an ONNX file by its first bytes, and saying how to come from there to one."""

from __future__ import annotations

from dataclasses import dataclass

EXPORT = "export it with torch.onnx.export"


@dataclass(frozen=True)
class Foreign:
    """A kind of file that is no ONNX model: what it is, and what to do about it."""

    what: str
    hint: str


CHECKPOINT = Foreign("a PyTorch checkpoint", f"load it into its network in Python, and {EXPORT}")
HTML = Foreign("a web page", "download the file itself: on GitHub and Hugging Face by the link named raw or download")
IMAGE = Foreign("an image", "give the network here; images are for `slsc run`")

MAGIC = (
    (0, b"version https://git-lfs", Foreign("a Git LFS pointer, not the file it stands for", "run `git lfs pull`")),
    (0, b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", CHECKPOINT),
    (0, b"ftrt", Foreign("a TensorRT engine", "give the ONNX file that it was built from")),
    (0, b"ptrt", Foreign("a TensorRT engine", "give the ONNX file that it was built from")),
    (4, b"ORTM", Foreign("a model in ONNX Runtime's own format", "give the ONNX file that it was converted from")),
    (4, b"TFL3", Foreign("a TensorFlow Lite model", "convert it with tf2onnx")),
    (0, b"\x89HDF\r\n\x1a\n", Foreign("an HDF5 file, as Keras writes them", "convert it with tf2onnx")),
    (8, b'{"', Foreign("a safetensors file, which holds weights alone", f"load it into its network, and {EXPORT}")),
    (0, b"\x89PNG", IMAGE),
    (0, b"\xff\xd8\xff", IMAGE),
    (0, b"\x1f\x8b", Foreign("a gzip archive", "unpack it")),
)
"""Where in a file which bytes stand, and what that says."""

ZIPS = (
    (b"constants.pkl", Foreign("a TorchScript archive", f"load it with torch.jit.load, and {EXPORT}")),
    (b"data.pkl", CHECKPOINT),
    (b"manifest.json", Foreign("an slsc bundle, compiled already", "give the ONNX file that it was compiled from")),
    (b"", Foreign("a zip archive", "unpack it")),
)
"""Names of entries of zip archives, and what they say; the first that is there counts."""


def foreign(data: bytes) -> Foreign | None:
    """What a file is that ONNX cannot read; None where nothing is known."""
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return HTML
    if data.startswith(b"PK\x03\x04"):
        return next(kind for name, kind in ZIPS if name in data)
    return next((kind for at, magic, kind in MAGIC if data[at : at + len(magic)] == magic), None)
