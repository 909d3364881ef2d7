"""Small networks of today's families as torch exports them: by tracing with free sizes, and by torch.export."""

from __future__ import annotations

import io
import warnings
from typing import Any

import onnx
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from slsc.onnx_torch import OnnxModule


class UNet(nn.Module):
    """Strided and transposed convolutions, batch norm, a skip by concatenation, reflection padding."""

    def __init__(self) -> None:
        super().__init__()
        self.head, self.norm, self.slope = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.PReLU(8)
        self.down, self.body = nn.Conv2d(8, 16, 4, 2, 1), nn.Conv2d(16, 16, 3, padding=1, padding_mode="reflect")
        self.up, self.tail = nn.ConvTranspose2d(16, 8, 4, 2, 1), nn.Conv2d(16, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        skip = self.slope(self.norm(self.head(x)))
        deep = self.up(F.relu6(self.body(F.elu(self.down(skip)))))
        wide = F.interpolate(F.avg_pool2d(deep, 2), scale_factor=2, mode="bilinear", align_corners=False)
        return torch.clamp(self.tail(torch.cat([skip, deep + wide], 1)) + x, 0, 1)


class GatedBlock(nn.Module):
    """NAFNet-like: channel norm spelled out, depthwise conv, gate, channel attention, pad to a multiple and crop."""

    def __init__(self) -> None:
        super().__init__()
        self.head, self.tail, self.inner = nn.Conv2d(3, 8, 3, 1, 1), nn.Conv2d(8, 3, 3, 1, 1), nn.Conv2d(8, 8, 1)
        self.widen, self.depthwise = nn.Conv2d(8, 16, 1), nn.Conv2d(16, 16, 3, 1, 1, groups=16, bias=False)
        self.attend, self.beta = nn.Conv2d(8, 8, 1), nn.Parameter(torch.rand(1, 8, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        padded = F.pad(x, (0, (4 - width % 4) % 4, 0, (4 - height % 4) % 4))
        features = self.head(padded)
        centred = features - features.mean(1, keepdim=True)
        normed = centred / (centred.pow(2).mean(1, keepdim=True) + 1e-6).sqrt()
        left, right = self.depthwise(self.widen(normed)).chunk(2, 1)
        gated = left * right
        gated = gated * self.attend(F.adaptive_avg_pool2d(gated, 1))
        return (self.tail(features + self.inner(gated) * self.beta) + padded)[:, :, :height, :width]


class WindowAttention(nn.Module):
    """SwinIR-like: shifted windows by reshapes and rolls, layer norm, attention, GELU, pixel shuffle."""

    def __init__(self) -> None:
        super().__init__()
        self.head, self.tail = nn.Conv2d(3, 16, 3, 1, 1), nn.Conv2d(16, 12, 3, 1, 1)
        self.norm, self.qkv, self.project = nn.LayerNorm(16), nn.Linear(16, 48), nn.Linear(16, 16)
        self.mlp = nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16))

    def forward(self, x: Tensor) -> Tensor:
        features = self.head(x)
        batch, channels, height, width = features.shape
        rolled = torch.roll(features.permute(0, 2, 3, 1), (-2, -2), (1, 2))
        blocks = rolled.view(batch, height // 4, 4, width // 4, 4, channels).permute(0, 1, 3, 2, 4, 5)
        tokens = blocks.reshape(-1, 16, channels)
        query, key, value = self.qkv(self.norm(tokens)).reshape(-1, 16, 3, 4, 4).permute(2, 0, 3, 1, 4)
        mixed = ((query * 0.5) @ key.transpose(-2, -1)).softmax(-1) @ value
        tokens = tokens + self.project(mixed.transpose(1, 2).reshape(-1, 16, channels))
        tokens = tokens + self.mlp(tokens)
        image = tokens.view(batch, height // 4, width // 4, 4, 4, channels).permute(0, 1, 3, 2, 4, 5)
        image = torch.roll(image.reshape(batch, height, width, channels), (2, 2), (1, 2)).permute(0, 3, 1, 2)
        return F.pixel_shuffle(self.tail(image), 2)


NETWORKS = {"unet": UNet, "gated": GatedBlock, "windows": WindowAttention}


def exported(name: str, opset: int, *, dynamo: bool) -> onnx.ModelProto:
    torch.manual_seed(0)
    network, x, buffer = NETWORKS[name]().eval(), torch.rand(1, 3, 16, 24), io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if dynamo:
            program = torch.onnx.export(network, (x,), dynamo=True, opset_version=opset, verbose=False)
            assert program is not None
            return program.model_proto
        free = {"x": {2: "height", 3: "width"}}
        torch.onnx.export(
            network, (x,), buffer, dynamo=False, opset_version=opset, input_names=["x"], dynamic_axes=free
        )
    return onnx.load_from_string(buffer.getvalue())


@pytest.mark.parametrize("opset", [11, 17])
@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_traced_export_with_free_sizes(assert_agrees: Any, random: Any, name: str, opset: int) -> None:
    model = exported(name, opset, dynamo=False)
    assert_agrees(model, random(1, 3, 24, 20))
    assert_agrees(model, random(1, 3, 18, 21) if name == "gated" else random(1, 3, 16, 36))
    module = OnnxModule(model)
    module(torch.from_numpy(random(1, 3, 24, 20))).square().mean().backward()
    assert all(parameter.grad is not None for parameter in module.parameters())
    assert module.write_back(model).SerializeToString() == model.SerializeToString()


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_export_by_torch_export(assert_agrees: Any, random: Any, name: str) -> None:
    assert_agrees(exported(name, 18, dynamo=True), random(1, 3, 16, 24))
