"""Puts the package `fuzzing` within reach: it also runs by itself, see docs/explain/untrusted.md."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
