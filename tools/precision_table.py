"""What types cost: networks in fp16, bf16, int8 and auto, beside the naive int8, measured on reference photos.

Networks are ONNX files, or bundles, of which every engine is taken. Each is typed as `slsc type` does it, calibrated on
--data, and compared with itself in float32 on --hr, every rounding emulated in ONNX Runtime. table.csv and table.md go
to the output folder after every row, and rows that are there are not made again.

    python -m slsc.tools.precision_table rfdn_x4.slsb rfdn_x4.onnx --data TRAIN --hr Set14 -o tables
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import onnx

from slsc.cli.arguments import is_bundle
from slsc.data.degradations import bicubic_pair
from slsc.data.images import list_images, open_rgb
from slsc.data.patches import Pair
from slsc.errors import SlscError
from slsc.jobs.compile.measuring import HeldOut
from slsc.jobs.compile.photos import CompileData, from_photos, photos, probe_photos
from slsc.jobs.type.precision import Typing
from slsc.jobs.type.wanted import AUTO, INT8, Precision
from slsc.onnx_torch import OnnxModule
from slsc.passes.base import PassContext
from slsc.passes.importing.import_model import import_model
from slsc.passes.importing.load import load_model
from slsc.passes.pipeline import Pipeline
from slsc.passes.precision.emulate import emulated
from slsc.passes.precision.int8 import WriteInt8
from slsc.passes.precision.types import HALVES
from slsc.probe import Known, probe_io
from slsc.quantize.calibration import Calibration
from slsc.quantize.layers import quantizable
from slsc.quantize.naive import quantize_naively
from slsc.runtime.atomic import staged
from slsc.runtime.bundle.reader import open_bundle
from slsc.search.inputs import PatchSource

NAIVE = "naive int8"
PRECISIONS = (*HALVES, NAIVE, INT8, AUTO)
HEADER = ("network", "precision", "PSNR", "float32", "loss", "MACs in int8", "MACs in 16 bits")

Row = tuple[str, ...]


class Subject:
    """One float32 network, its photos to calibrate on and its references.

    Args:
        network: after the import passes.
        data: folder to calibrate on.
        references: folder of images to be restored from their bicubic reductions.
    """

    def __init__(self, network: onnx.ModelProto, data: Path, references: Path) -> None:
        images = photos(data, 0)
        self.network, self.probe = network, probe_io(network, probe_photos(images), Known())
        self._data: CompileData = from_photos(images, self.probe.io.scale, self.probe.undone)
        pairs = [bicubic_pair(open_rgb(path), self.probe.io.scale) for path in list_images(references)]
        self._references = self._held_out(pairs)
        self._found = Typing(
            network, self.calibration, self._held_out(self._data.held_out), self.probe.restorer, lambda *_: None
        )

    def _held_out(self, pairs: Sequence[Pair]) -> HeldOut:
        return HeldOut(self.probe.restorer(self.network), self.probe.io, pairs, truth=True)

    def calibration(self) -> Calibration:
        """To calibrate on."""
        photos, pictures = (PatchSource(pairs, self.probe.io) for pairs in (self._data.search, self._data.graphics()))
        return Calibration.drawn(self.network, photos, pictures, 0)

    def cells(self, precision: str) -> tuple[str, ...]:
        """What a precision does to it: the cells after the first two."""
        if precision == NAIVE:
            model, shares = self._naive(), ("", "")
        else:
            typed = self._found.typed(Precision(precision))
            model = typed.model
            shares = f"{typed.share(INT8):.1%}", f"{sum(map(typed.share, HALVES)):.1%}"
        dense, found = (
            self._references.dense_quality().psnr,
            self._references.quality(self.probe.restorer(emulated(model))),
        )
        assert dense is not None and found.psnr is not None
        return f"{found.psnr:.3f}", f"{dense:.3f}", f"{dense - found.psnr:.3f}", *shares

    def _naive(self) -> onnx.ModelProto:
        module = OnnxModule(self.network)
        calibration = self.calibration()
        photos = calibration.inputs[: calibration.photos]
        types = quantize_naively(module, photos, quantizable(module, self.network), signed=False)
        return Pipeline([WriteInt8(types)]).run(self.network, PassContext()).model


def networks(paths: Sequence[Path]) -> Iterator[tuple[str, onnx.ModelProto]]:
    """Every network of ONNX files and of bundles' engines, with its name."""
    for path in paths:
        if is_bundle(path):
            bundle = open_bundle(path)
            for engine in bundle.manifest.engines:
                model = onnx.load_from_string(bundle.read(engine.onnx))
                yield f"{path.stem} {engine.budget}", import_model(model).model
        else:
            yield path.stem, import_model(load_model(path)).model


def write(folder: Path, rows: Sequence[Row]) -> None:
    """The table, as CSV and as Markdown."""
    lines = [HEADER, tuple("---" for _ in HEADER), *rows]
    for name, text in (
        ("table.csv", "".join(",".join(row) + "\n" for row in (HEADER, *rows))),
        ("table.md", "".join("| " + " | ".join(row) + " |\n" for row in lines)),
    ):
        with staged(folder / name) as (stream, _):
            stream.write(text.encode())


def read(folder: Path) -> list[Row]:
    """The rows that are there."""
    path = folder / "table.csv"
    return [tuple(row) for row in csv.reader(path.open())][1:] if path.exists() else []


def main() -> int:
    """Parse arguments and make the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL.onnx|BUNDLE")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="photos to calibrate on")
    parser.add_argument("--hr", type=Path, required=True, metavar="DIR", help="references")
    parser.add_argument("--precision", action="append", choices=PRECISIONS, help="repeatable; default: all")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR")
    args = parser.parse_args()
    try:
        args.output.mkdir(parents=True, exist_ok=True)
        rows = read(args.output)
        for name, network in networks(args.models):
            missing = [each for each in args.precision or PRECISIONS if (name, each) not in {row[:2] for row in rows}]
            subject = Subject(network, args.data, args.hr) if missing else None
            for precision in missing:
                assert subject is not None
                rows.append((name, precision, *subject.cells(precision)))
                print(*rows[-1], file=sys.stderr, flush=True)
                write(args.output, rows)
    except SlscError as error:
        print(f"precision_table: error: {error}", file=sys.stderr)
        return error.exit_code
    print(args.output / "table.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
