"""Write the generated pages of the reference: `python -m slsc.tools.reference docs/reference`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from slsc.cli.arguments import existing_folder
from slsc.errors import SlscError
from slsc.tools.reference.pages import PAGES


def main() -> int:
    """Write every page into the folder named on the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m slsc.tools.reference", description=__doc__)
    parser.add_argument("folder", help="where the pages go: docs/reference of the checkout")
    try:
        folder: Path = existing_folder(parser.parse_args().folder)
    except SlscError as error:
        print(f"slsc.tools.reference: error: {error}", file=sys.stderr)
        return error.exit_code
    for name, page in PAGES.items():
        (folder / name).write_text(page())
        print(folder / name)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
