"""MNN's sparse convolution kernels, on the same zeros; its converter decides layer by layer where they pay."""

from __future__ import annotations

from slsc.tools.contenders.mnn import Mnn

CONTENDER = Mnn(pruned=True, options=("--detectSparseSpeedUp",))
