"""The native engine, on plan files."""

from __future__ import annotations

from pathlib import Path

import slsc
from slsc.runtime.backends import load_backend
from slsc.tools.contenders.base import Restore, Subject


class SlscNative:
    """Ours: dense networks with its dense kernels, pruned ones with its sparse kernels."""

    version = slsc.__version__
    dense, pruned = True, True

    def convert(self, subject: Subject, folder: Path, hw: tuple[int, int]) -> Path:
        """Lower the network; see `Contender.convert`."""
        # Imported here: whoever only runs plans holds no onnx in memory.
        import onnx

        from slsc.passes.lowering.lower import lower

        target = folder / "network.nmp"
        target.write_bytes(lower(onnx.load(subject.file), subject.plan))
        return target

    def load(self, file: Path, hw: tuple[int, int], threads: int) -> Restore:
        """See `Contender.load`."""
        return load_backend("native", threads).load(file.read_bytes()).run


CONTENDER = SlscNative()
