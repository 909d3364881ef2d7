"""The block that SPAN and its descendants share: attention without parameters."""

from __future__ import annotations

from torch import Tensor, nn


class MergedConv(nn.Module):
    """A 3x3 convolution that was several in training, merged into one for inference; keys of the published weights.

    Args:
        inputs: channels of the input.
        outputs: channels of the output.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.eval_conv = nn.Conv2d(inputs, outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, H, W) to (B, outputs, H, W)."""
        result: Tensor = self.eval_conv(x)
        return result


class Spab(nn.Module):
    """Swift parameter-free attention block (Wan et al., CVPR 2024 workshops, section 3.2).

    Three convolutions; what they find decides by its own sigmoid how much of it, and of the input, goes on.

    Args:
        features: channels inside and of the output.
        inputs: channels of the input; other than `features`, there is nothing to add, and the attention is left out.
    """

    def __init__(self, features: int, inputs: int | None = None) -> None:
        super().__init__()
        self.attends = inputs is None
        self.c1_r = MergedConv(inputs or features, features)
        self.c2_r = MergedConv(features, features)
        self.c3_r = MergedConv(features, features)
        self.act = nn.SiLU()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map (B, C, H, W) to (B, features, H, W), and what the first convolution found, activated."""
        first = self.act(self.c1_r(x))
        found: Tensor = self.c3_r(self.act(self.c2_r(first)))
        return ((found + x) * (found.sigmoid() - 0.5) if self.attends else found), first
