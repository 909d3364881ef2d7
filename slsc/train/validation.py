"""PSNR of a torch network on held-out images, while it trains."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from slsc.metrics.psnr import psnr_y


def mean_psnr_y(
    model: nn.Module,
    pairs: Sequence[tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]],
    white: float,
) -> float:
    """Mean PSNR-Y in dB over (LR, HR) pairs of HxWx3 uint8 images, border = scale; leaves the model in train mode.

    Args:
        model: maps NCHW LR to HR, black 0, `white` white.
        pairs: HR an exact multiple of LR.
        white: 1 or 255.
    """
    model.eval()
    with torch.inference_mode():
        scores = [psnr_y(_restore(model, lr, white), hr, hr.shape[0] // lr.shape[0]) for lr, hr in pairs]
    model.train()
    return float(np.mean(scores))


def _restore(model: nn.Module, lr: npt.NDArray[np.uint8], white: float) -> npt.NDArray[np.uint8]:
    inputs = torch.from_numpy(lr.transpose(2, 0, 1)[None].astype(np.float32) * (white / 255))
    restored = model(inputs)[0].permute(1, 2, 0).numpy() * (255 / white)
    return restored.round().clip(0, 255).astype(np.uint8)
