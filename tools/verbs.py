"""Run verbs of `slsc` in processes of their own, and see what they took."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from slsc.errors import VerificationError


@dataclass(frozen=True)
class Outcome:
    """What came of one process.

    Attributes:
        fields: its JSON object.
        seconds: wall-clock time.
        peak_mib: largest resident set.
    """

    fields: dict[str, Any]
    seconds: float
    peak_mib: float


def run_verb(arguments: Sequence[str]) -> Outcome:
    """Run one `slsc` verb with --json.

    Raises:
        VerificationError: it failed; carries its own message.
    """
    begun = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "slsc", *arguments, "--json", "-q"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    fields: dict[str, Any] = json.loads(output or "{}")
    if process.returncode:
        error = fields.get("error", {})
        told = [error.get("what", f"exit {process.returncode}"), error.get("why")]
        raise VerificationError(f"`slsc {' '.join(arguments)}` failed", why=": ".join(filter(None, told)))
    return Outcome(fields, time.monotonic() - begun, usage.ru_maxrss / 1024)
