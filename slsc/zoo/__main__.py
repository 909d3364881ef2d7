"""Write a network of the zoo as ONNX: `python -m slsc.zoo rfdn_x4 rfdn_x4.safetensors -o rfdn_x4.onnx`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from slsc.errors import SlscError
from slsc.zoo.export import export_onnx
from slsc.zoo.registry import MODELS, zoo_model


def main() -> int:
    """Export the network named on the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m slsc.zoo", description=__doc__)
    parser.add_argument("network", help=f"one of {', '.join(MODELS)}")
    parser.add_argument("weights", type=Path, help="its weights, a .safetensors file with the original key names")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.onnx")
    args = parser.parse_args()
    try:
        export_onnx(zoo_model(args.network).load(args.weights), args.output)
    except SlscError as error:
        print(f"slsc.zoo: error: {error}", file=sys.stderr)
        return error.exit_code
    print(args.output)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
