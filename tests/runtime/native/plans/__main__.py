"""`python -m plans FOLDER` writes a few of each kind, as seeds for the fuzzer."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from plans import KINDS

for name, make in KINDS.items():
    for seed in range(8):
        Path(sys.argv[1], f"{name}{seed}.nmp").write_bytes(make(np.random.default_rng(seed)).to_bytes())
