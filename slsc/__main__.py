"""`python -m slsc`, the same as the `slsc` command."""

from __future__ import annotations

import sys

from slsc.cli.entry import main

if __name__ == "__main__":
    sys.exit(main())
