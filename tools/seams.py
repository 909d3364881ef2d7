"""How visible the borders between regions of different candidates are.

    python -m slsc.tools.seams rfdn.slsb --hr SETS/Set14 [--budget 1/8] [--backend native --backend onnxruntime]

Every image is restored with the candidates that its regions are given, by each backend. A seam is a step in luma from a
pixel to the next across a border between regions of different candidates. Beside it stand the steps inside, parallel to
the same borders and beyond where outputs fade into each other; the same for one engine everywhere, which has no borders
there; and for candidates' whole images put together without fading.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from slsc.data.degradations import bicubic_pair
from slsc.data.images import list_images, open_rgb
from slsc.errors import SlscError
from slsc.plan import parse_budget
from slsc.runtime.adaptive.mixed_tiles import FADE
from slsc.runtime.adaptive.regions import Regions
from slsc.runtime.backends import BACKENDS
from slsc.runtime.image.colour import luma
from slsc.runtime.session import Session
from slsc.tools.bench_report import table

Pixels = npt.NDArray[np.uint8]

ONE, PASTED = "one engine", "put together"
"""What the backends' own results are compared with."""


@dataclass
class Steps:
    """Sums of steps in luma, of 255, and how many there are."""

    across: float = 0.0
    inside: float = 0.0
    count: int = 0

    def add(self, image: Pixels, regions: Regions, choice: npt.NDArray[np.uint8], scale: int) -> None:
        """Add those of an image, both ways.

        Args:
            image: (H, W, 3), `scale` pixels a side for each of the input.
            regions: of the input.
            choice: what each region got.
            scale: see `image`.
        """
        plane, given = luma(image)[:, :, 0].astype(np.float64), regions.spread(choice, scale)
        self._add_rows(plane, given, regions.size[0] * scale, scale)
        self._add_rows(plane.T, given.T, regions.size[1] * scale, scale)

    def _add_rows(self, plane: npt.NDArray[np.float64], given: npt.NDArray[np.uint8], side: int, scale: int) -> None:
        steps, away = np.abs(np.diff(plane, axis=0)), 2 * FADE * scale + 1
        for border in range(side, len(plane), side):
            differ = given[border - 1] != given[border]
            beside = [row for row in (border - 1 - away, border - 1 + away) if 0 <= row < len(steps)]
            self.across += float(steps[border - 1, differ].sum())
            self.inside += float(np.mean([steps[row, differ].sum() for row in beside]))
            self.count += int(differ.sum())

    @property
    def ratio(self) -> float:
        """Across over inside; 1 where borders are as the rest, not a number without borders."""
        return self.across / self.inside if self.inside else float("nan")


def measure(bundle: Path, references: Path, budget: float, backends: Sequence[str]) -> dict[str, Steps]:
    """Steps by backend, with those of `ONE` and `PASTED`.

    Args:
        bundle: with an estimator; of a network that enlarges.
        references: folder of high-resolution images.
        budget: of each image; see `slsc run --budget`.
        backends: names.

    Raises:
        UsageError: the bundle has no estimator.
        DataError: an unusable folder or image.
    """
    found = {name: Steps() for name in (*backends, ONE, PASTED)}
    with ExitStack() as stack:
        choosing = {
            name: stack.enter_context(Session(bundle, backend=name, threads=1, budget=budget)) for name in backends
        }
        first = choosing[backends[0]]
        scale = first.manifest.io.scale
        for path in list_images(references):
            low, _ = bicubic_pair(open_rgb(path), scale)
            choice = first.choose(low)
            regions = Regions.of(low, choice.size)
            whole = [first.restore(low, map=np.full_like(choice.map, index)) for index in range(len(choice.candidates))]
            pasted = np.choose(regions.spread(choice.map, scale)[:, :, None], whole)
            images = {name: session.restore(low, map=choice.map) for name, session in choosing.items()}
            for name, image in {**images, ONE: whole[-1], PASTED: pasted}.items():
                found[name].add(image, regions, choice.map, scale)
    return found


def markdown(found: dict[str, Steps]) -> str:
    """A table."""
    rows = []
    for name, each in found.items():
        steps = (total / max(each.count, 1) for total in (each.across, each.inside))
        rows.append((name, each.count, *(f"{step:.3f}" for step in steps), f"{each.ratio:.3f}"))
    return table(("restored by", "pixels of borders", "step across", "step inside", "across / inside"), rows)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse arguments, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path, metavar="BUNDLE")
    parser.add_argument("--hr", type=Path, required=True, metavar="DIR", help="references")
    parser.add_argument(
        "--budget", type=parse_budget, default="1/8", metavar="B", help="of every image (default: %(default)s)"
    )
    parser.add_argument("--backend", action="append", choices=tuple(BACKENDS), help="several times (default: native)")
    args = parser.parse_args(argv)
    try:
        print(markdown(measure(args.bundle, args.hr, float(args.budget), args.backend or ["native"])))
    except SlscError as error:
        print(f"seams: error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
