"""What reads files of each kind, as one call: it returns, or raises an `SlscError`; anything else is a finding."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from slsc.errors import ResourceError, SlscError
from slsc.passes.importing.import_model import import_model
from slsc.passes.importing.load import load_model
from slsc.runtime.backends.base import AllocationFailed
from slsc.runtime.backends.native import NativeRunner
from slsc.runtime.bundle.reader import open_bundle
from slsc.runtime.image.photo import decoding_bytes, load_photo
from slsc.runtime.session import Session

HEIGHT, WIDTH = 9, 13
MEMORY = 1 << 30
MAX_DECODED, MAX_ARENA, MAX_MACS = 64 << 20, 16 << 20, 10**8
"""What would only take long is not done."""

OWN_FAULTS = ("Traceback", "broke down")
"""What messages hold only where slsc is to blame, not the file."""


def answered(error: SlscError) -> bool:
    """Whether an error is a good answer to a bad file: fit to print, and no fault of slsc's own."""
    return str(error).isprintable() and not any(words in str(error) for words in OWN_FAULTS)


def read_plan(path: Path) -> None:
    """Open a plan and run it on a small image."""
    runner = NativeRunner(path.read_bytes(), 1)
    try:
        channels = runner._shape(HEIGHT, WIDTH)[0]
        if runner.arena_bytes(HEIGHT, WIDTH) < MAX_ARENA and sum(runner.op_macs()) < MAX_MACS:
            runner.run(np.zeros((1, channels, HEIGHT, WIDTH), np.float32))
    except AllocationFailed as error:  # sessions make this of it
        raise ResourceError("out of memory", why=str(error)) from error
    finally:
        runner.close()


def read_bundle(path: Path) -> None:
    """Open a bundle, check every entry, and restore a small image with its first engine."""
    open_bundle(path).verify_all()
    with Session(path, threads=1, memory=MEMORY) as session:
        restored = session.restore(np.full((HEIGHT, WIDTH, 3), 100, np.uint8))
    scale = session.manifest.io.scale
    assert restored.shape == (HEIGHT * scale, WIDTH * scale, 3)


def read_onnx(path: Path) -> None:
    """Read a network, check it and clean it."""
    import_model(load_model(path))


def read_image(path: Path) -> None:
    """Decode a photo, where its header does not ask for much."""
    if decoding_bytes(path) < MAX_DECODED:
        photo = load_photo(path)
        assert photo.pixels.ndim == 3 and photo.pixels.dtype in (np.uint8, np.uint16)


READERS: dict[str, Callable[[Path], None]] = {
    "plan": read_plan,
    "bundle": read_bundle,
    "onnx": read_onnx,
    "image": read_image,
}
