"""Whole networks of the kinds that image restoration knows, small, as torch exports them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from slsc.passes.base import PassContext
from slsc.passes.importing.import_model import import_pipeline
from slsc.passes.lowering.nmp_ops import OpType


@pytest.fixture
def exported(tmp_path: Path) -> Callable[[nn.Module], onnx.ModelProto]:
    """A torch module of RGB images as the import passes leave it."""

    def export(module: nn.Module, opset: int = 17) -> onnx.ModelProto:
        axes = {0: "n", 2: "h", 3: "w"}
        torch.onnx.export(
            module.eval(), (torch.rand(1, 3, 48, 64),), tmp_path / "net.onnx", dynamo=False, opset_version=opset,
            input_names=["x"], output_names=["y"], dynamic_axes={"x": axes, "y": axes},
        )  # fmt: skip
        return import_pipeline().run(onnx.load(tmp_path / "net.onnx"), PassContext()).model

    return export


def conv3(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride, 1)


class UNet(nn.Module):
    """Stride-2 convolutions down, pixel shuffles up, skips added."""

    def __init__(self) -> None:
        super().__init__()
        self.head, self.tail = conv3(3, 8), conv3(8, 3)
        self.down = nn.ModuleList([conv3(8 << i, 16 << i, 2) for i in range(3)])
        self.up = nn.ModuleList([conv3(16 << i, 32 << i) for i in range(3)])

    def forward(self, x: Tensor) -> Tensor:
        skips = [self.head(x)]
        for down in self.down:
            skips.append(F.relu(down(skips[-1])))
        y = skips.pop()
        for up in reversed(self.up):
            y = F.relu(F.pixel_shuffle(up(y), 2) + skips.pop())
        return self.tail(y) + x


class ConcatUNet(nn.Module):
    """Max pools down, bilinear enlargement to the skip's size up, skips concatenated, batch normalisation."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList([conv3(3, 8), conv3(8, 16), conv3(16, 32)])
        self.norm = nn.ModuleList([nn.BatchNorm2d(8), nn.BatchNorm2d(16), nn.BatchNorm2d(32)])
        self.up = nn.ModuleList([conv3(48, 16), conv3(24, 8)])
        self.tail = nn.Conv2d(8, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for conv, norm in zip(self.down, self.norm, strict=True):
            x = F.leaky_relu(norm(conv(x)), 0.1)
            skips.append(x)
            x = F.max_pool2d(x, 2)
        x = skips.pop()
        for up in self.up:
            skip = skips.pop()
            x = F.interpolate(x, size=skip.shape[2:], mode="bilinear", align_corners=False)
            x = F.relu(up(torch.cat([skip, x], 1)))
        return torch.sigmoid(self.tail(x))


class Srn(nn.Module):
    """A bilinear pyramid, coarse to fine, with 5x5 convolutions and transposed ones; weights shared by the levels."""

    def __init__(self) -> None:
        super().__init__()
        self.head, self.body = nn.Conv2d(6, 8, 5, padding=2), nn.Conv2d(8, 16, 5, 2, 2)
        self.up, self.tail = nn.ConvTranspose2d(16, 8, 4, 2, 1), nn.Conv2d(8, 3, 5, padding=2)

    def forward(self, x: Tensor) -> Tensor:
        levels = [F.interpolate(x, scale_factor=0.5**level, mode="bilinear") for level in (2, 1)] + [x]
        guess = levels[0]
        for index, level in enumerate(levels):
            if index:
                guess = F.interpolate(guess, scale_factor=2, mode="bilinear")
            shallow = F.relu(self.head(torch.cat([level, guess], 1)))
            guess = self.tail(F.relu(self.up(F.relu(self.body(shallow)))) + shallow) + level
        return guess


class Dmphn(nn.Module):
    """Patches of the image, encoded apart, joined, decoded by transposed convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(conv3(3, 8), nn.ReLU(), conv3(8, 16, 2), conv3(16, 16), nn.ReLU())
        self.decoder = nn.Sequential(conv3(16, 16), nn.ConvTranspose2d(16, 8, 4, 2, 1), nn.ReLU(), conv3(8, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder(self.encoder(x - 0.5)) + x


class Attention(nn.Module):
    """Squeeze and excitation through Linear layers, spatial attention through means, SiLU and GELU."""

    def __init__(self) -> None:
        super().__init__()
        self.head, self.mix, self.gate = conv3(3, 16), nn.Conv2d(16, 16, 1), nn.Conv2d(1, 1, 7, padding=3)
        self.squeeze, self.excite, self.tail = nn.Linear(16, 4), nn.Linear(4, 16), conv3(16, 12)

    def forward(self, x: Tensor) -> Tensor:
        y = F.gelu(self.head(x))
        scale = torch.sigmoid(self.excite(F.silu(self.squeeze(y.mean((2, 3))))))
        y = y * scale[:, :, None, None] + F.hardswish(self.mix(y))
        y = y * torch.sigmoid(self.gate(y.mean(1, keepdim=True)))
        return F.pixel_shuffle(self.tail(y), 2).clamp(0, 1)


class Naf(nn.Module):
    """Layer normalisation over channels, a depthwise convolution, gates by splitting, pixel unshuffle."""

    def __init__(self) -> None:
        super().__init__()
        self.head, self.wide, self.depth = (
            conv3(12, 16),
            nn.Conv2d(16, 32, 1),
            nn.Conv2d(32, 32, 3, padding=1, groups=32),
        )
        self.scale, self.tail = nn.Parameter(torch.rand(1, 16, 1, 1)), conv3(16, 12)

    def forward(self, x: Tensor) -> Tensor:
        y = self.head(F.pixel_unshuffle(x, 2))
        centred = y - y.mean(1, keepdim=True)
        normal = centred / (centred.pow(2).mean(1, keepdim=True) + 1e-3).sqrt()
        left, right = self.depth(self.wide(normal)).chunk(2, dim=1)
        return F.pixel_shuffle(self.tail(left * right * self.scale + y), 2) + x


class DenseBlocks(nn.Module):
    """ESRGAN's block: each convolution reads all before it."""

    def __init__(self) -> None:
        super().__init__()
        self.head, self.tail = conv3(3, 16), conv3(16, 3)
        self.convs = nn.ModuleList([conv3(16 + 8 * i, 8 if i < 4 else 16) for i in range(5)])

    def forward(self, x: Tensor) -> Tensor:
        parts = [self.head(x)]
        for conv in self.convs[:4]:
            parts.append(F.leaky_relu(conv(torch.cat(parts, 1)), 0.2))
        y = 0.2 * self.convs[4](torch.cat(parts, 1)) + parts[0]
        y = F.interpolate(y, scale_factor=2, mode="nearest")
        return self.tail(F.prelu(y, torch.full((16,), 0.3)))


EVEN = ((32, 48), (64, 96), (16, 8))
NETWORKS = {
    UNet: EVEN,
    ConcatUNet: ((37, 53), (32, 48), (9, 12)),
    Srn: EVEN,
    Dmphn: EVEN,
    Attention: ((37, 53), (7, 9)),
    Naf: ((36, 54), (8, 10)),
    DenseBlocks: ((37, 53), (7, 9)),
}


@pytest.mark.parametrize("architecture", NETWORKS, ids=lambda architecture: architecture.__name__)
def test_architecture(exported: Callable, lowers: Callable, architecture: type[nn.Module]) -> None:
    torch.manual_seed(1)
    found = lowers(exported(architecture()), *NETWORKS[architecture], low=0.0)
    used = Counter(op.type for op in found.ops)
    if architecture in (UNet, Dmphn, DenseBlocks):
        assert found.row_align == {UNet: 8, Dmphn: 2, DenseBlocks: 1}[architecture]
        assert used[OpType.BINARY] <= {UNet: 3, Dmphn: 0, DenseBlocks: 0}[architecture]
