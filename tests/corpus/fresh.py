"""Networks that nobody has looked at: drawn, trained and judged anew for every seed.

    PYTHONPATH=tests python -m corpus.fresh --seed 7 --photos DIR -o fresh.md [--count 20]

Architecture, task, strength and convention are drawn; every network is trained on photos of DIR for half a minute,
compiled without any option about its interface, and restores a photo that it has not seen. A row tells what was found,
what is true, and how far `slsc run` is from ONNX Runtime fed as is right. What is wrong and not said is SILENT. A
threshold chosen on one seed is judged on another.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from corpus.architectures.fresh import ENLARGING, RESTORING, Ircnn, Vgg7
from corpus.beginning import begin_enlarging
from corpus.commands import Outcome, compiled, restore
from corpus.dressing import channels_last
from corpus.exporting import EXAMPLE_HW, IMAGENET, Dressed, Levels, to_onnx
from corpus.exports import BYTES, CAFFE, CENTRED, SIGNED, UNIT
from corpus.feeding import Feed, Pixels, restored, within
from corpus.fitting import fit, pair
from corpus.tasks import Task, Values, grey
from corpus.trial import decibels
from slsc.data.images import list_images, open_rgb
from slsc.runtime.image.resample import imresize

STEPS, RATE = 400, 3e-3

PHOTO_HW = (120, 168)

PHOTOS = 24

WRONG = 0.1
"""dB below what is right from which on a result is wrong; so is a mean colour that is off by a level of 255."""

DIV2K = Levels(
    tuple(-255 * mean for mean in (0.4488, 0.4371, 0.4040)),
    tuple(255 * (1 - mean) for mean in (0.4488, 0.4371, 0.4040)),
)


@dataclass(frozen=True)
class Dress:
    """How a network takes and gives pixels; see `corpus.exporting.Dressed`."""

    name: str
    given: Levels
    made: Levels
    flip: str = ""
    residual: float = 0
    last: bool = False
    grey: bool = False


def _plain(name: str, levels: Levels, **how: object) -> Dress:
    return Dress(name, levels, levels, **how)  # type: ignore[arg-type]


DRESSES = (
    _plain("0..1", UNIT),
    _plain("0..255", BYTES),
    _plain("-1..1", SIGNED),
    _plain("-0.5..0.5", CENTRED),
    _plain("ImageNet", IMAGENET),
    Dress("0..1 to -1..1", UNIT, SIGNED),
    Dress("0..255 to 0..1", BYTES, UNIT),
    Dress("ImageNet to 0..1", IMAGENET, UNIT),
    _plain("0..255 less Caffe's means, BGR", CAFFE, flip="flip"),
    _plain("0..255 less DIV2K's means", DIV2K),
    _plain("0..1, BGR", UNIT, flip="index"),
    _plain("0..255, BGR", BYTES, flip="flip"),
    _plain("0..255, channels last", BYTES, last=True),
    _plain("-1..1, channels last", SIGNED, last=True),
    _plain("0..1, luma", UNIT, grey=True),
    _plain("0..255, luma", BYTES, grey=True),
)
RESIDUALS = (_plain("0..1, noise put out", UNIT, residual=-1), _plain("0..255, correction put out", BYTES, residual=1))


@dataclass(frozen=True)
class Drawn:
    """A network to be."""

    build: Callable[[], nn.Module]
    kind: str
    job: str
    task: Task
    dress: Dress
    border: int = 0


class Shifted(nn.Module):
    """A network whose own zero is another value than black, as of those trained on centred values."""

    def __init__(self, network: nn.Module, zero: Tensor) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("zero", zero.view(1, -1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x - self.zero) + self.zero


def draw(seed: int, count: int) -> list[Drawn]:
    """Two in five enlarge; no dress twice in a row of as many as there are."""
    rng = np.random.default_rng(seed)
    enlarging = round(0.4 * count)
    drawn = []
    for index, dress in enumerate(_shuffled(DRESSES, enlarging, rng)):
        scale, kind = int(rng.choice([2, 3, 4])), ENLARGING[index % len(ENLARGING)]
        drawn.append(Drawn(_builder(kind, dress, scale), kind.__name__, f"sr x{scale}", _shrunk(scale), dress))
    jobs = _shuffled(tuple(JOBS), count - enlarging, rng)
    for index, dress in enumerate(_shuffled((*DRESSES, *RESIDUALS), count - enlarging, rng)):
        kind = RESTORING[(index + seed) % len(RESTORING)]
        kind = Ircnn if dress.residual and kind is Vgg7 else kind  # there is no difference to a larger image
        job, task = JOBS[jobs[index]](rng)
        drawn.append(Drawn(_builder(kind, dress), kind.__name__, job, task, dress, 4 if kind is Vgg7 else 0))
    return drawn


def _shuffled(of: tuple, count: int, rng: np.random.Generator) -> list:
    rounds = [[of[place] for place in rng.permutation(len(of))] for _ in range(-(-count // len(of)))]
    return [one for part in rounds for one in part][:count]


def _builder(kind: type[nn.Module], dress: Dress, *scale: int) -> Callable[[], nn.Module]:
    channels = 1 if dress.grey else 3

    def build() -> nn.Module:
        module = kind(channels, *scale)
        if scale:
            begin_enlarging(module, *scale)
        black, white = (torch.tensor(values) for values in (dress.given.black, dress.given.white))
        zero = -black / (white - black)
        return Shifted(module, zero.flip(0) if dress.flip else zero)

    return build


def _shrunk(scale: int) -> Task:
    def shrink(image: Values, rng: np.random.Generator) -> Values:
        return imresize(image, (image.shape[0] // scale, image.shape[1] // scale), round_passes=True).astype(np.float64)

    return Task(shrink, scale)


def _noise(rng: np.random.Generator) -> tuple[str, Task]:
    low, high = (10, 50) if rng.integers(2) else (sigma := int(rng.choice([15, 20, 35, 50])), sigma)
    return f"noise {low}..{high}", Task(lambda image, own: image + own.normal(0, own.uniform(low, high), image.shape))


def _jpeg(rng: np.random.Generator) -> tuple[str, Task]:
    quality = int(rng.choice([10, 15, 30, 40]))

    def compress(image: Values, own: np.random.Generator) -> Values:
        coded = cv2.imencode(".jpg", image.astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        return cv2.imdecode(coded, cv2.IMREAD_COLOR).astype(np.float64)

    return f"JPEG {quality}", Task(compress)


def _blur(rng: np.random.Generator) -> tuple[str, Task]:
    sigma = float(rng.choice([1.2, 1.8, 2.4]))
    return f"blur {sigma}", Task(
        lambda image, own: cv2.GaussianBlur(image, (15, 15), sigma, borderType=cv2.BORDER_REFLECT)
    )


def _motion(rng: np.random.Generator) -> tuple[str, Task]:
    length, degrees = int(rng.choice([7, 9, 13])), int(rng.choice([0, 30, 45, 90]))
    kernel = np.zeros((length, length))
    dx, dy = (length // 2 * turn(math.radians(degrees)) for turn in (math.cos, math.sin))
    ends = [(round(length // 2 + sign * dx), round(length // 2 - sign * dy)) for sign in (-1, 1)]
    cv2.line(kernel, *ends, 1.0)
    return f"motion {length} at {degrees}", Task(
        lambda image, own: cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT)
    )


def _rain(rng: np.random.Generator) -> tuple[str, Task]:
    length, lean = int(rng.choice([9, 13, 17])), int(rng.choice([-4, 0, 3]))
    kernel = np.zeros((length, length))
    cv2.line(kernel, (length // 2 - lean, 0), (length // 2 + lean, length - 1), 1.0)

    def spoil(image: Values, own: np.random.Generator) -> Values:
        drops = (own.random(image.shape[:2]) < 0.008) * own.uniform(60, 200, image.shape[:2])
        return image + cv2.filter2D(drops, -1, kernel, borderType=cv2.BORDER_REFLECT)[:, :, None].clip(0, 180)

    return f"rain {length}/{lean}", Task(spoil)


def _dark(rng: np.random.Generator) -> tuple[str, Task]:
    gamma = float(rng.choice([1.0, 1.5, 2.2]))

    def spoil(image: Values, own: np.random.Generator) -> Values:
        return 255 * own.uniform(0.25, 0.5) * (image / 255) ** gamma + own.normal(0, 2, image.shape)

    return f"dark, gamma {gamma}", Task(spoil)


def _haze(rng: np.random.Generator) -> tuple[str, Task]:
    least = float(rng.choice([0.3, 0.5]))

    def spoil(image: Values, own: np.random.Generator) -> Values:
        passed = np.linspace(*own.uniform(least, 0.9, 2), image.shape[0])[:, None, None]
        return image * passed + own.uniform(180, 250) * (1 - passed)

    return f"haze {least}", Task(spoil)


JOBS: dict[str, Callable[[np.random.Generator], tuple[str, Task]]] = {
    "noise": _noise, "jpeg": _jpeg, "blur": _blur, "motion": _motion, "rain": _rain, "dark": _dark, "haze": _haze,
}  # fmt: skip


def train(drawn: Drawn, photos: list[Pixels], seed: int) -> nn.Module:
    """The network, trained on photos."""
    torch.manual_seed(seed)
    module, rng, scale = drawn.build(), np.random.default_rng(seed), drawn.task.scale
    for layer in list(module.modules())[::-1]:
        if scale == 1 and isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            layer.weight.data.mul_(0.3)
            break
    photos = [grey(photo) for photo in photos] if drawn.dress.grey else photos
    channels = 1 if drawn.dress.grey else 3
    pairs = [pair(drawn.task, photo, 1000 * seed + number, channels) for number, photo in enumerate(photos)]
    return fit(module, pairs, partial(_loss, drawn.border), rng, steps=STEPS, rate=RATE, mirrored=False)


def _loss(border: int, module: nn.Module, given: Tensor, truth: Tensor) -> Tensor:
    inside = slice(border, -border or None)
    return F.l1_loss(module(given), truth[:, :, inside, inside])


def export(drawn: Drawn, module: nn.Module, path: Path) -> Feed:
    """Write the file; how it wants to be fed."""
    dress = drawn.dress
    dressed = Dressed(module, dress.given, dress.made, flip=dress.flip, residual=dress.residual).eval()
    model = to_onnx(dressed, [torch.rand(1, 1 if dress.grey else 3, *EXAMPLE_HW)])
    onnx.save(channels_last(model) if dress.last else model, path)
    order = "Y" if dress.grey else "BGR" if dress.flip else "RGB"
    return Feed(
        dress.given, dress.made, order, dress.last, residual=dress.residual, border=drawn.border * drawn.task.scale
    )


def judge(drawn: Drawn, path: Path, feed: Feed, photo: Pixels) -> tuple[str, ...]:
    """What is found, what that makes of a photo, and what is right."""
    bundle, made = compiled(path, path.parent, (), None)
    truth = _middle(photo, drawn.task.scale)
    truth = grey(truth) if drawn.dress.grey else truth
    given = drawn.task.given(truth, 99991)
    right = restored(path, feed, given)
    before, best = (decibels(one, truth, feed) for one in (imresize(given, truth.shape[:2], round_passes=True), right))
    figures = (f"{before:.2f}", f"{best:.2f}")
    if made.code:
        return (*figures, "", "", f"exit {made.code}", made.error)
    ran, result = restore(bundle, given, path.with_suffix(".png"))
    if ran.code:
        return (*figures, "", "", f"run exit {ran.code}", ran.error)
    got = decibels(result, truth, feed)
    inner = within(result, feed.border).astype(float)
    shift = float(np.abs((inner - right).mean(axis=(0, 1))).max())
    off = float(np.abs(inner - right).mean())
    verdict = "right" if got > best - WRONG and shift < 1 else "said" if _doubts(made) else "SILENT"
    return (*figures, f"{got:.2f}", f"{off:.2f}", verdict, _found(made))


def _middle(photo: Pixels, scale: int) -> Pixels:
    height, width = (scale * side for side in PHOTO_HW)
    height, width = min(height, photo.shape[0] // 12 * 12), min(width, photo.shape[1] // 12 * 12)
    top, left = (photo.shape[0] - height) // 2, (photo.shape[1] - width) // 2
    return photo[top : top + height, left : left + width]


def _doubts(made: Outcome) -> bool:
    return any(one["how"] == "assumed" for one in made.fields["probe"]["findings"]) or "warning" in made.said


def _found(made: Outcome) -> str:
    asked = ("range", "output range", "picture", "order")
    found = [one for one in made.fields["probe"]["findings"] if one["question"] in asked]
    return "; ".join(f"{one['answer']} ({one['how']})" for one in found if one["answer"] != "the output")


def main(argv: list[str] | None = None) -> int:
    """Draw, train, judge; write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--photos", type=Path, required=True, metavar="DIR", help="photos to train on")
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="keep the networks here; those there are not trained again"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.md")
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    rng = np.random.default_rng(args.seed)
    paths = list_images(args.photos)
    photos = [open_rgb(paths[place]) for place in rng.permutation(len(paths))[: PHOTOS + 1]]
    with tempfile.TemporaryDirectory() as folder:
        keep = args.keep or Path(folder)
        keep.mkdir(exist_ok=True)
        rows = []
        for number, drawn in enumerate(draw(args.seed, args.count)):
            name = f"{args.seed}_{number:02}_{drawn.kind.lower()}"
            weights = keep / f"{name}.pt"
            if weights.is_file():
                module = drawn.build().eval()
                module.load_state_dict(torch.load(weights))
            else:
                module = train(drawn, photos[1:], args.seed * 100 + number)
                torch.save(module.state_dict(), weights)
            path = keep / f"{name}.onnx"
            row = (name, drawn.job, drawn.dress.name, *judge(drawn, path, export(drawn, module, path), photos[0]))
            print(*row, sep=" | ", file=sys.stderr, flush=True)
            rows.append(row)
    head = ("network", "task", "truth", "before", "right", "got", "off", "verdict", "found")
    args.output.write_text("".join(f"| {' | '.join(row)} |\n" for row in (head, (":--",) * len(head), *rows)))
    print(args.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
