"""The whole deblurring network of eight patches with its real weights.

Zhang et al., Deep Stacked Hierarchical Multi-patch Network for Image Deblurring, CVPR 2019, model 1-2-4-8.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from slsc.passes.base import PassContext
from slsc.passes.importing import import_pipeline

ROWS, COLUMNS = 2, 3


def residual(channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1)
    )


class Chain(nn.Module):
    """Layers one after the other; residual ones add their input."""

    def __init__(self, layers: dict[str, nn.Module]) -> None:
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.children():
            x = layer(x) + x if isinstance(layer, nn.Sequential) else layer(x)
        return x


def encoder() -> Chain:
    return Chain(
        {"layer1": nn.Conv2d(3, 32, 3, padding=1), "layer2": residual(32), "layer3": residual(32),
         "layer5": nn.Conv2d(32, 64, 3, 2, 1), "layer6": residual(64), "layer7": residual(64),
         "layer9": nn.Conv2d(64, 128, 3, 2, 1), "layer10": residual(128), "layer11": residual(128)}
    )  # fmt: skip


def decoder() -> Chain:
    return Chain(
        {"layer13": residual(128), "layer14": residual(128), "layer16": nn.ConvTranspose2d(128, 64, 4, 2, 1),
         "layer17": residual(64), "layer18": residual(64), "layer20": nn.ConvTranspose2d(64, 32, 4, 2, 1),
         "layer21": residual(32), "layer22": residual(32), "layer24": nn.Conv2d(32, 3, 3, padding=1)}
    )  # fmt: skip


def halves(x: Tensor, axis: int) -> list[Tensor]:
    middle = x.shape[axis] // 2
    if axis == ROWS:
        return [x[:, :, :middle], x[:, :, middle:]]
    return [x[:, :, :, :middle], x[:, :, :, middle:]]


class Dmphn(nn.Module):
    """RGB 0..1; height a multiple of 16, width of 8."""

    def __init__(self) -> None:
        super().__init__()
        for level in (1, 2, 3, 4):
            self.add_module(f"encoder_lv{level}", encoder())
            self.add_module(f"decoder_lv{level}", decoder())

    def forward(self, image: Tensor) -> Tensor:
        level1 = image - 0.5
        level2 = halves(level1, ROWS)
        level3 = [part for half in level2 for part in halves(half, COLUMNS)]
        level4 = [part for quarter in level3 for part in halves(quarter, ROWS)]
        features4 = [self.encoder_lv4(part) for part in level4]
        joined4 = [torch.cat(features4[i : i + 2], ROWS) for i in range(0, 8, 2)]
        features3 = [
            self.encoder_lv3(part + self.decoder_lv4(joined)) for part, joined in zip(level3, joined4, strict=True)
        ]
        joined3 = [
            torch.cat(features3[i : i + 2], COLUMNS) + torch.cat(joined4[i : i + 2], COLUMNS) for i in range(0, 4, 2)
        ]
        features2 = [
            self.encoder_lv2(part + self.decoder_lv3(joined)) for part, joined in zip(level2, joined3, strict=True)
        ]
        joined2 = torch.cat(features2, ROWS) + torch.cat(joined3, ROWS)
        features1 = self.encoder_lv1(level1 + self.decoder_lv2(joined2)) + joined2
        return self.decoder_lv1(features1) + 0.5


def test_dmphn(data_dir: Path, tmp_path: Path, lowers: Callable) -> None:
    network = Dmphn()
    network.load_state_dict(load_file(data_dir / "weights" / "dmphn_1_2_4_8.safetensors"))
    axes = {0: "n", 2: "h", 3: "w"}
    with pytest.warns(DeprecationWarning):
        torch.onnx.export(
            network.eval(), (torch.rand(1, 3, 32, 32),), tmp_path / "net.onnx", dynamo=False, opset_version=17,
            input_names=["x"], output_names=["y"], dynamic_axes={"x": axes, "y": axes},
        )  # fmt: skip
    model = import_pipeline().run(onnx.load(tmp_path / "net.onnx"), PassContext()).model
    found = lowers(model, (32, 24), low=0.0)
    assert found.row_align == 16
