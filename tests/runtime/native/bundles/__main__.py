"""`python -m bundles FOLDER` writes a few, as seeds for the fuzzer."""

from __future__ import annotations

import sys
from pathlib import Path

import plans

import bundles

TILES = ({}, {"halo": 1, "align": 2}, {"exact": False, "exact_reason": "unbounded", "receptive_field": None})

plan = plans.identity(3).to_bytes()
for index, tile in enumerate(TILES):
    for order in ("RGB", "BGR"):
        about = bundles.manifest(io={"scale": 1, "order": order, "multiple_of": [1 + index, 2]}, tile=tile)
        bundles.write(Path(sys.argv[1], f"{order}{index}.slsb"), plan, about)
