"""`slsc eval`, on networks whose quality is known: they enlarge by repeating pixels, or do nothing."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from PIL import Image
from torch import nn

from slsc.cli.main import main
from slsc.data.calibration import calibration_photos
from slsc.data.degradations import bicubic_pair
from slsc.errors import DataError, UsageError
from slsc.jobs.eval.evaluation import evaluate, mean_score
from slsc.metrics.psnr import psnr_y
from slsc.networks.restorer import open_restorer
from slsc.passes.package import write_bundle
from slsc.probe import Known
from slsc.runtime.bundle.engines import Artefact, Engine
from slsc.runtime.bundle.manifest import SCHEMA, ImageIO, Manifest, Source, TileGeometry
from slsc.runtime.bundle.value_range import UNIT
from slsc.zoo import MODELS
from slsc.zoo.export import export_onnx, to_onnx


class Repeat(nn.Module):
    """Enlarges by repeating pixels, with a 1x1 convolution that does nothing, so that there is a layer."""

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1, bias=False)
        self.conv.weight.data = torch.eye(3).view(3, 3, 1, 1)
        self.scale = scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        return y if self.scale == 1 else nn.functional.interpolate(y, scale_factor=float(self.scale), mode="nearest")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two small photos, one in a sub-folder, their sides no multiples of 2."""
    (tmp_path / "hr" / "more").mkdir(parents=True)
    for name, photo in zip(("a.png", "more/b.png"), calibration_photos(None, 2, 0), strict=True):
        Image.fromarray(photo[:97, :121]).save(tmp_path / "hr" / name)
    return tmp_path / "hr"


@pytest.fixture
def enlarger(tmp_path: Path) -> Path:
    export_onnx(Repeat(2), tmp_path / "x2.onnx")
    return tmp_path / "x2.onnx"


def _nothing(stage: str, done: int, total: int) -> None:
    """Show no progress."""


def _repeated(low: np.ndarray) -> np.ndarray:
    return low.repeat(2, axis=0).repeat(2, axis=1)


def test_scores_are_those_of_the_restored_images(photos: Path, enlarger: Path) -> None:
    told: list[tuple[int, int]] = []
    scores = evaluate(
        open_restorer(enlarger),
        photos,
        None,
        lpips=False,
        progress=lambda stage, done, total: told.append((done, total)),
    )
    assert [score.name for score in scores] == ["a.png", "more/b.png"]
    assert told == [(1, 2), (2, 2)]
    for score in scores:
        low, high = bicubic_pair(np.asarray(Image.open(photos / score.name)), 2)
        assert score.psnr == pytest.approx(psnr_y(_repeated(low), high, 2))
        assert score.baseline_psnr > score.psnr
        assert 0 < score.ssim < 1
    assert mean_score(scores).psnr == pytest.approx(np.mean([score.psnr for score in scores]))


def test_given_inputs_are_used(photos: Path, enlarger: Path, tmp_path: Path) -> None:
    (tmp_path / "lr" / "more").mkdir(parents=True)
    for name in ("a", "more/b"):
        low, _ = bicubic_pair(np.asarray(Image.open(photos / f"{name}.png")), 2)
        Image.fromarray(255 - low).save(tmp_path / "lr" / f"{name}x2.bmp")
    made = evaluate(open_restorer(enlarger), photos, None, lpips=False, progress=_nothing)
    given = evaluate(open_restorer(enlarger), photos, tmp_path / "lr", lpips=False, progress=_nothing)
    assert all(one.psnr > 20 > other.psnr for one, other in zip(made, given, strict=True))


def test_same_size_network_is_compared_with_its_input(photos: Path, tmp_path: Path) -> None:
    export_onnx(Repeat(1), tmp_path / "x1.onnx")
    restorer = open_restorer(tmp_path / "x1.onnx", known=Known(input=UNIT, output=UNIT))
    with pytest.raises(UsageError, match="--lr"):
        evaluate(restorer, photos, None, lpips=False, progress=_nothing)
    (score, _) = evaluate(restorer, photos, photos, lpips=False, progress=_nothing)
    assert score.psnr == score.baseline_psnr == math.inf
    assert score.to_dict()["psnr_rgb"] is None


def test_missing_and_misfit_inputs_are_named(photos: Path, enlarger: Path, tmp_path: Path) -> None:
    (tmp_path / "lr").mkdir()
    Image.new("RGB", (60, 47)).save(tmp_path / "lr" / "a.png")
    restorer = open_restorer(enlarger)
    with pytest.raises(DataError, match=r"more/b\.png: no image of the same name"):
        evaluate(restorer, photos, tmp_path / "lr", lpips=False, progress=_nothing)
    (tmp_path / "lr" / "more").mkdir()
    Image.new("RGB", (60, 48)).save(tmp_path / "lr" / "more" / "b.png")
    with pytest.raises(DataError, match=r"lr/a\.png.*makes 120x94 of it, the reference is 121x97"):
        evaluate(restorer, photos, tmp_path / "lr", lpips=False, progress=_nothing)


def test_tiny_image_is_named(tmp_path: Path, enlarger: Path) -> None:
    (tmp_path / "hr").mkdir()
    Image.new("RGB", (100, 12)).save(tmp_path / "hr" / "thin.png")
    with pytest.raises(DataError, match=r"thin\.png.*too small"):
        evaluate(open_restorer(enlarger), tmp_path / "hr", None, lpips=False, progress=_nothing)


def _bundle(path: Path, network: Path) -> Path:
    io = ImageIO(3, "RGB", UNIT, UNIT, "input", "output", 2, "sr")
    engine = Engine("dense", {"onnx": Artefact("engines/dense.onnx")}, "1", 1.0, 9, 9, 9.0, 100.0, {}, None)
    manifest = Manifest(SCHEMA, "0", Source("x2.onnx", "0" * 64), io, TileGeometry(0, 0.0, 0), (engine,), (), {})
    write_bundle(path, manifest, {engine.onnx: network.read_bytes()})
    return path


def test_a_bundle_scores_as_its_network(photos: Path, enlarger: Path, tmp_path: Path) -> None:
    bundle = _bundle(tmp_path / "x2.slsb", enlarger)
    one = evaluate(open_restorer(enlarger), photos, None, lpips=False, progress=_nothing)
    other = evaluate(open_restorer(bundle, engine="dense"), photos, None, lpips=False, progress=_nothing)
    assert [score.psnr for score in one] == pytest.approx([score.psnr for score in other], abs=0.01)


def test_options_of_the_other_kind_of_file_are_refused(enlarger: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--engine"):
        open_restorer(enlarger, engine="1-8")
    with pytest.raises(UsageError, match="--range"):
        open_restorer(_bundle(tmp_path / "x2.slsb", enlarger), known=Known(input=UNIT, output=UNIT))


def test_sizes_the_strides_do_not_divide_are_padded(photos: Path, tmp_path: Path) -> None:
    class Strided(Repeat):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            """Fails unless the sides are even."""
            return super().forward(nn.functional.pixel_shuffle(nn.functional.pixel_unshuffle(x, 2), 2))

    export_onnx(Strided(2), tmp_path / "even.onnx")
    restorer = open_restorer(tmp_path / "even.onnx")
    image = np.asarray(Image.open(photos / "a.png"))
    np.testing.assert_array_equal(restorer.restore(image), _repeated(image))


def test_command_prints_a_table_or_json(photos: Path, enlarger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", str(enlarger), "--hr", str(photos)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["image", "PSNR-Y", "SSIM", "bicubic", "PSNR-Y"]
    assert [line.split()[0] for line in lines[2:]] == ["a.png", "more/b.png", "mean"]
    assert main(["eval", str(enlarger), "--hr", str(photos), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert f"{result['mean']['psnr_y']:.2f}" == lines[-1].split()[1]
    assert [image["name"] for image in result["images"]] == ["a.png", "more/b.png"]


@pytest.mark.parametrize("target", ["no.onnx", "no.slsb"])
def test_missing_target_is_named(photos: Path, capsys: pytest.CaptureFixture[str], target: str) -> None:
    assert main(["eval", target, "--hr", str(photos)]) in (1, 2)
    assert target in capsys.readouterr().err


def test_a_network_of_one_size_is_run_in_tiles_of_it(photos: Path, tmp_path: Path) -> None:
    class Fixed(Repeat):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            """Add an image of one size, which no pass can free."""
            return super().forward(x) + torch.zeros(96 * 128).reshape(96, 128) + torch.arange(96)[:, None] * 1e-9

    model = to_onnx(Fixed(2))
    for side, dim in zip((48, 64), model.graph.input[0].type.tensor_type.shape.dim[2:], strict=True):
        dim.dim_value = side
    onnx.save(model, tmp_path / "fixed.onnx")
    onnx.save(to_onnx(Repeat(2)), tmp_path / "free.onnx")
    known = Known(input=UNIT, output=UNIT)
    fixed, free = (open_restorer(tmp_path / name, known=known) for name in ("fixed.onnx", "free.onnx"))
    assert "takes 64x48 only" in fixed.doubts[-1]
    for height, width in ((48, 64), (100, 131), (20, 30)):
        image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
        assert np.array_equal(fixed.restore(image), free.restore(image))
        values = (image / 128 - 0.5).astype(np.float32)
        assert np.abs(fixed.restore_values(values) - free.restore_values(values)).max() < 1e-6


def test_rfdn_reaches_its_published_psnr(data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export_onnx(MODELS["rfdn_x4"].load(data_dir / "weights" / "rfdn_x4.safetensors"), tmp_path / "rfdn.onnx")
    assert (
        main(
            [
                "eval",
                str(tmp_path / "rfdn.onnx"),
                "--hr",
                str(data_dir / "eval" / "Set5"),
                "--range",
                "0:255",
                "--order",
                "RGB",
                "--json",
            ]
        )
        == 0
    )
    mean = json.loads(capsys.readouterr().out)["mean"]
    assert mean["psnr_y"] == pytest.approx(32.16, abs=0.02)
    assert mean["baseline_psnr_y"] == pytest.approx(28.43, abs=0.01)
