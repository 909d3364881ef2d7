"""LPIPS, a perceptual distance, through the optional package `lpips`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from slsc.errors import BackendError
from slsc.metrics.psnr import require_same_size

SMALLEST_SIDE = 31
"""Pixels along a side below which AlexNet's strides and poolings leave nothing."""

Distance = Callable[[npt.NDArray[np.uint8], npt.NDArray[np.uint8]], float]


def lpips_distance() -> Distance:
    """The distance of Zhang et al., CVPR 2018, AlexNet version 0.1, between uint8 images; 0 for equal ones.

    Images are HxWx3 RGB, or HxWx1 grey, which is read as RGB with equal channels. The function raises ValueError where
    a side is shorter than 31 pixels, or sizes differ.

    Raises:
        BackendError: the package is not installed, or cannot get AlexNet's weights, which it downloads once.
    """
    try:
        import lpips
    except ImportError as error:
        raise BackendError(
            "LPIPS needs the package lpips", why=str(error), hint="pip install 'slsc[lpips]', or leave out --lpips"
        ) from error
    import torch

    try:
        network = lpips.LPIPS(net="alex", verbose=False).eval()
    except OSError as error:
        raise BackendError(
            "LPIPS cannot get the weights of AlexNet", why=str(error), hint="go online once, or leave out --lpips"
        ) from error

    def distance(restored: npt.NDArray[np.uint8], reference: npt.NDArray[np.uint8]) -> float:
        require_comparable(restored, reference)
        first, second = (torch.from_numpy(network_input(image)) for image in (restored, reference))
        with torch.inference_mode():
            return float(network(first, second))

    return distance


def require_comparable(restored: npt.NDArray[np.uint8], reference: npt.NDArray[np.uint8]) -> None:
    """Raises ValueError unless LPIPS can compare the two."""
    require_same_size(restored, reference)
    if min(reference.shape[:2]) < SMALLEST_SIDE:
        raise ValueError(f"LPIPS needs {SMALLEST_SIDE} pixels along each side, {min(reference.shape[:2])} are there")


def network_input(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """What LPIPS is shown of an HxWx1 or HxWx3 image: (1, 3, H, W), black -1, white 1."""
    colours = np.broadcast_to(image, (*image.shape[:2], 3)).transpose(2, 0, 1)[None]
    return np.ascontiguousarray(colours, np.float32) / np.float32(127.5) - 1
