"""Weight files: strict loading, and the published networks' quality on the exported ONNX."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors.torch import save_file

from slsc.data.degradations import bicubic_pair
from slsc.data.images import list_images, open_rgb
from slsc.errors import ModelError
from slsc.metrics.psnr import psnr_all, psnr_y
from slsc.zoo import MODELS
from slsc.zoo.compact import Compact
from slsc.zoo.export import export_onnx
from slsc.zoo.weights import load_weights, save_weights

PUBLISHED = [
    ("rfdn_x4", "rfdn_x4", "Set5", 32.16),
    ("carn_m_x4", "carn_m_x234", "Set5", 31.88),
    ("carn_m_x2", "carn_m_x234", "Set5", 37.68),
    ("carn_x2", "carn_x2", "Set5", 37.88),
    ("imdn_x4", "imdn_x4", "Set5", 32.21),
    ("pds_x4", "pds_x4", "Set5", 31.76),
    ("edsr_8b64f_x2", "edsr_8b64f_x2", "Set5", 37.80),
]
"""Network, weight file, images, mean PSNR-Y in dB measured on the original code."""


@pytest.mark.parametrize(("name", "weights", "images", "expected"), PUBLISHED)
def test_exported_networks_reach_the_published_psnr(
    data_dir: Path, tmp_path: Path, name: str, weights: str, images: str, expected: float
) -> None:
    entry = MODELS[name]
    export_onnx(entry.load(data_dir / "weights" / f"{weights}.safetensors"), tmp_path / "net.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    scores = []
    for path in list_images(data_dir / "eval" / images):
        lr, hr = bicubic_pair(open_rgb(path), entry.scale)
        x = lr.transpose(2, 0, 1)[None].astype(np.float32) * np.float32(entry.white / 255)
        (y,) = session.run(None, {"input": x})
        restored = (y[0].transpose(1, 2, 0) * (255 / entry.white)).round().clip(0, 255).astype(np.uint8)
        scores.append(psnr_y(restored, hr, entry.scale))
    assert np.mean(scores) == pytest.approx(expected, abs=0.02)


def test_dmphn_reaches_what_its_weight_file_promises(data_dir: Path, tmp_path: Path) -> None:
    export_onnx(MODELS["dmphn_1_2_4_8"].load(data_dir / "weights" / "dmphn_1_2_4_8.safetensors"), tmp_path / "net.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    # A part, which takes a seventh of the time.
    blurred, sharp = (
        open_rgb(data_dir / "eval" / "gopro_pairs" / f"Istanbul_{kind}.png")[200:456, 400:912]
        for kind in ("blur", "sharp")
    )
    (y,) = session.run(None, {"input": blurred.transpose(2, 0, 1)[None].astype(np.float32) / 255})
    restored = (y[0].transpose(1, 2, 0) * 255).round().clip(0, 255).astype(np.uint8)
    assert psnr_all(blurred, sharp) == pytest.approx(22.16, abs=0.01)
    assert psnr_all(restored, sharp) == pytest.approx(29.38, abs=0.01)


def test_saved_weights_load_again(tmp_path: Path) -> None:
    first, second = Compact(2, 32, 1), Compact(2, 32, 1)
    save_weights(first, tmp_path / "net.safetensors")
    load_weights(second, tmp_path / "net.safetensors")
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)


def test_channels_last_weights_are_saved_in_the_usual_order(tmp_path: Path) -> None:
    model = Compact(2, 32, 1).to(memory_format=torch.channels_last)
    save_weights(model, tmp_path / "net.safetensors")
    again = Compact(2, 32, 1)
    load_weights(again, tmp_path / "net.safetensors")
    assert torch.equal(again.head.weight, model.head.weight)


def _state(**changes: torch.Tensor | None) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor | None] = {**Compact(2, 32, 1).state_dict(), **changes}
    return {name: value for name, value in state.items() if value is not None}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tail.bias": None}, "lacks tail.bias"),
        ({"extra.weight": torch.zeros(1)}, "no extra.weight"),
        ({"tail.bias": torch.zeros(5)}, r"tail.bias is \(5,\), the network needs \(12,\)"),
    ],
)
def test_any_difference_in_keys_or_shapes_is_refused(
    tmp_path: Path, changes: dict[str, torch.Tensor | None], message: str
) -> None:
    path = tmp_path / "net.safetensors"
    save_file(_state(**changes), path)
    with pytest.raises(ModelError, match=message) as caught:
        load_weights(Compact(2, 32, 1), path)
    assert caught.value.where == str(path)


def test_weights_of_other_scales_are_left_out_only_where_declared(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    save_file(_state(**{"upsample.up3.weight": torch.zeros(1)}), path)
    load_weights(Compact(2, 32, 1), path, other_scales="upsample.up")
    with pytest.raises(ModelError, match=r"upsample\.up3"):
        load_weights(Compact(2, 32, 1), path)


def test_carn_x4_is_not_made_from_a_file_without_its_upsampler(data_dir: Path) -> None:
    with pytest.raises(ModelError, match=r"upsample\.up4"):
        MODELS["carn_x4"].load(data_dir / "weights" / "carn_x2.safetensors")


@pytest.mark.parametrize("content", [None, b"", b"\xff" * 64])
def test_unreadable_weight_file_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "net.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=r"net\.safetensors"):
        load_weights(Compact(2, 32, 1), path)


def test_command_exports_a_network(tmp_path: Path) -> None:
    weights, output = tmp_path / "net.safetensors", tmp_path / "net.onnx"
    save_weights(Compact(), weights)
    command = [sys.executable, "-m", "slsc.zoo"]
    done = subprocess.run([*command, "compact_x4", weights, "-o", output], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, str(output))
    assert output.stat().st_size > weights.stat().st_size
    failed = subprocess.run([*command, "imdn_x4", weights, "-o", output], capture_output=True, text=True)
    assert failed.returncode == 2
    assert "another network" in failed.stderr
