"""The residual block that the deblurring networks share."""

from __future__ import annotations

from torch import Tensor, nn


class ResBlock(nn.Module):
    """Two convolutions with a ReLU between them, added to their input; no normalisation.

    Args:
        channels: of input and output.
        kernel: side of the kernels in pixels, odd.
    """

    def __init__(self, channels: int, kernel: int = 3) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, kernel, padding=kernel // 2),
            nn.ReLU(),
            nn.Conv2d(channels, channels, kernel, padding=kernel // 2),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, channels, H, W) to the same shape."""
        y: Tensor = self.body(x)
        return y + x


def res_blocks(count: int, channels: int, kernel: int = 3) -> nn.Sequential:
    """`count` residual blocks, one after the other."""
    return nn.Sequential(*(ResBlock(channels, kernel) for _ in range(count)))
