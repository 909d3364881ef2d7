"""`slsc eval` on same-size networks: blurred or noisy inputs, colour and grey."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from slsc.cli.main import main
from slsc.data.calibration import calibration_photos
from slsc.errors import DataError, UsageError
from slsc.jobs.eval.evaluation import Score, evaluate, mean_score
from slsc.networks.restorer import open_restorer
from slsc.passes.package import write_bundle
from slsc.probe import Form, Known
from slsc.runtime.bundle.engines import Artefact, Engine
from slsc.runtime.bundle.manifest import SCHEMA, ImageIO, Manifest, Source, TileGeometry
from slsc.runtime.bundle.value_range import UNIT
from slsc.zoo import zoo_model
from slsc.zoo.export import export_onnx


class Damp(nn.Module):
    """Moves every value half the way to grey, with a 1x1 convolution."""

    def __init__(self, channels: int, share: float = 0.5) -> None:
        super().__init__()
        self.channels = channels
        self.conv = nn.Conv2d(channels, channels, 1)
        self.conv.weight.data = (1 - share) * torch.eye(channels).view(channels, channels, 1, 1)
        self.conv.bias = nn.Parameter(torch.full((channels,), 0.5 * share))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, channels, H, W) to the same shape."""
        damped: torch.Tensor = self.conv(x)
        return damped


@pytest.fixture
def pairs(tmp_path: Path) -> tuple[Path, Path]:
    """Folders `sharp` and `blur` of the same names: the blurred ones are 10 levels brighter."""
    for name, photo in zip(("a", "b"), calibration_photos(None, 2, 0), strict=True):
        crop = photo[:41, :50].clip(0, 245)
        for folder, image in (("sharp", crop), ("blur", crop + np.uint8(10))):
            (tmp_path / folder).mkdir(exist_ok=True)
            Image.fromarray(image).save(tmp_path / folder / f"{name}.png")
    return tmp_path / "sharp", tmp_path / "blur"


def scored(network: Path, hr: Path, lr: Path | None = None, noise: float | None = None) -> list[Score]:
    known = Known(input=UNIT, output=UNIT, form=Form.PICTURE)
    restorer = open_restorer(network, known=known if network.suffix == ".onnx" else None)
    return evaluate(restorer, hr, lr, noise=noise, lpips=False, progress=lambda *_: None)


def exported(path: Path, module: nn.Module) -> Path:
    export_onnx(module, path)
    return path


def test_restoration_is_measured_on_all_channels_of_the_whole_image(tmp_path: Path, pairs: tuple[Path, Path]) -> None:
    (score, _) = scored(exported(tmp_path / "same.onnx", Damp(3, 0)), *pairs)
    assert score.psnr == score.baseline_psnr == pytest.approx(20 * math.log10(255 / 10))
    assert score.to_dict().keys() == {"name", "psnr_rgb", "ssim", "baseline_psnr_rgb"}


def test_pairs_of_unequal_size_or_without_input_are_named(tmp_path: Path, pairs: tuple[Path, Path]) -> None:
    network = exported(tmp_path / "same.onnx", Damp(3))
    Image.new("RGB", (50, 40)).save(pairs[1] / "b.png")
    with pytest.raises(DataError, match=r"blur/b\.png.*makes 50x40 of it, the reference is 50x41"):
        scored(network, *pairs)
    (pairs[1] / "b.png").unlink()
    with pytest.raises(DataError, match=r"sharp/b\.png: no image of the same name"):
        scored(network, *pairs)


def test_a_folder_laid_out_as_gopro_holds_its_inputs(tmp_path: Path, pairs: tuple[Path, Path]) -> None:
    network = exported(tmp_path / "same.onnx", Damp(3, 0))
    found = scored(network, tmp_path)
    assert [score.name for score in found] == ["sharp/a.png", "sharp/b.png"]
    assert [score.psnr for score in found] == [score.psnr for score in scored(network, *pairs)]


@pytest.mark.parametrize("channels", [1, 3])
def test_noise_is_unclipped_and_the_same_for_every_run(tmp_path: Path, pairs: tuple[Path, Path], channels: int) -> None:
    network = exported(tmp_path / "damp.onnx", Damp(channels))
    scores = scored(network, pairs[0], noise=25)
    assert [score.psnr for score in scores] == [score.psnr for score in scored(network, pairs[0], noise=25)]
    assert scores[0].protocol.channels == ("grey" if channels == 1 else "rgb")
    for score in scores:
        with Image.open(pairs[0] / score.name) as photo:
            clean = np.asarray(photo.convert("L") if channels == 1 else photo, np.float64).reshape(41, 50, channels)
        noisy = clean + np.random.RandomState(0).normal(0, 25, clean.shape)
        damped = np.rint((noisy / 2 + 127.5 / 2).clip(0, 255))
        assert score.psnr == pytest.approx(10 * math.log10(255**2 / np.mean((damped - clean) ** 2)), abs=0.02)
        assert 20 < score.baseline_psnr < 22


def test_a_bundle_takes_the_same_noise(tmp_path: Path, pairs: tuple[Path, Path]) -> None:
    network = exported(tmp_path / "damp.onnx", Damp(3))
    engine = Engine("dense", {"onnx": Artefact("engines/dense.onnx")}, "1", 1.0, 9, 9, 9.0, 100.0, {}, None)
    io = ImageIO(3, "RGB", UNIT, UNIT, "input", "output", 1, "restore")
    manifest = Manifest(SCHEMA, "0", Source("damp.onnx", "0" * 64), io, TileGeometry(0, 0.0, 0), (engine,), (), {})
    write_bundle(tmp_path / "damp.slsb", manifest, {engine.onnx: network.read_bytes()})
    one, other = (scored(path, pairs[0], noise=15) for path in (network, tmp_path / "damp.slsb"))
    assert mean_score(one).psnr == pytest.approx(mean_score(other).psnr, abs=1e-6)


def test_noise_where_it_does_not_belong_is_refused(tmp_path: Path, pairs: tuple[Path, Path]) -> None:
    class Enlarge(Damp):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            """Twice the size."""
            return nn.functional.interpolate(super().forward(x), scale_factor=2.0, mode="nearest")

    same = exported(tmp_path / "same.onnx", Damp(3, 0))
    with pytest.raises(UsageError, match="--lr DIR"):
        scored(same, pairs[0])
    with pytest.raises(UsageError, match=r"inputs already.*--noise"):
        scored(same, *pairs, noise=25)
    with pytest.raises(UsageError, match="enlarges"):
        scored(exported(tmp_path / "x2.onnx", Enlarge(3)), pairs[0], noise=25)
    for sigma in (0, -1, math.nan):
        with pytest.raises(UsageError, match="above 0"):
            scored(same, pairs[0], noise=sigma)


def test_command_names_the_measure(
    tmp_path: Path, pairs: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    network = exported(tmp_path / "same.onnx", Damp(3, 0))
    arguments = ["eval", str(network), "--hr", str(pairs[0]), "--lr", str(pairs[1]), "--range", "0:1"]
    assert main(arguments) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["image", "PSNR-RGB", "SSIM", "input", "PSNR-RGB"]
    assert main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["mean"]["psnr_rgb"] == pytest.approx(20 * math.log10(255 / 10))


def test_dncnn_reaches_its_published_psnr_on_noise(data_dir: Path, tmp_path: Path) -> None:
    network = zoo_model("dncnn_gray").load(data_dir / "weights" / "dncnn_sigma25_gray.safetensors")
    scores = scored(exported(tmp_path / "dncnn.onnx", network), data_dir / "eval" / "Set12_gray", noise=25)
    assert mean_score(scores).psnr == pytest.approx(30.436, abs=0.01)
