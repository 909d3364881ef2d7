"""SSIM on luma, as the super-resolution literature measures it, and on all channels.

Wang et al., Image Quality Assessment, IEEE TIP 13(4), 2004, with the settings of its authors' code.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from skimage.metrics import structural_similarity

from slsc.metrics.psnr import luma_pair, require_same_size

WINDOW = 11
"""Side in pixels of the Gaussian window (sigma 1.5)."""


def ssim_y(restored: npt.NDArray[np.uint8], reference: npt.NDArray[np.uint8], border: int) -> float:
    """SSIM of uint8 images on Y, peak 255, `border` pixels left out at each side; 1 for equal images.

    Raises:
        ValueError: the sizes differ, or less than a window is left inside the border.
    """
    first, second = luma_pair(restored, reference, border)
    return _ssim(first[:, :, None], second[:, :, None])


def ssim_all(restored: npt.NDArray[np.uint8], reference: npt.NDArray[np.uint8]) -> float:
    """Mean over the channels of the SSIM of HxWxC uint8 images, peak 255; 1 for equal images.

    Raises:
        ValueError: the sizes differ, or are less than a window.
    """
    require_same_size(restored, reference)
    return _ssim(restored.astype(np.float64), reference.astype(np.float64))


def _ssim(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> float:
    side = min(first.shape[:2])
    if side < WINDOW:
        raise ValueError(f"SSIM needs {WINDOW} pixels along each side, {side} are to be compared")
    return float(
        structural_similarity(
            first,
            second,
            data_range=255,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            channel_axis=2,
        )
    )
