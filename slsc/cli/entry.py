"""The `slsc` command from its first moment: an interrupt while Python still loads modules is as quiet as later."""

from __future__ import annotations

import os
import signal
from typing import NoReturn

EXIT_INTERRUPTED = 130


def leave_at_once(*_: object) -> NoReturn:
    """End the process while it has done nothing yet; in the middle of an import, an exception may end up anywhere."""
    os.write(2, b"slsc: interrupted\n")
    os._exit(EXIT_INTERRUPTED)


def main() -> int:
    """Run the process's command line and return its exit code; see `slsc.cli.main.main`."""
    signal.signal(signal.SIGINT, leave_at_once)
    from slsc.cli.main import main as run

    return run()
