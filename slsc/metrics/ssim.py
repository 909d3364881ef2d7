"""SSIM on luma, by the protocol of the super-resolution literature."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from skimage.metrics import structural_similarity

from slsc.metrics.psnr import luma_pair

WINDOW = 11
"""Side in pixels of the Gaussian window (sigma 1.5)."""


def ssim_y(restored: npt.NDArray[np.uint8], reference: npt.NDArray[np.uint8], border: int) -> float:
    """SSIM of uint8 images on Y, peak 255, `border` pixels left out at each side; 1 for equal images.

    Wang et al., Image Quality Assessment, IEEE TIP 13(4), 2004, with the settings of its authors' code.

    Raises:
        ValueError: the sizes differ, or less than a window is left inside the border.
    """
    first, second = luma_pair(restored, reference, border)
    if min(first.shape) < WINDOW:
        raise ValueError(f"SSIM needs {WINDOW} pixels along each side, {min(first.shape)} are inside the border")
    return float(
        structural_similarity(
            first, second, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
    )
