"""LPIPS, a perceptual distance, through the optional package `lpips`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from slsc.errors import BackendError

Distance = Callable[[npt.NDArray[np.uint8], npt.NDArray[np.uint8]], float]


def lpips_distance() -> Distance:
    """The distance of Zhang et al., CVPR 2018, AlexNet version 0.1, between HxWx3 uint8 RGB images; 0 for equal ones.

    Raises:
        BackendError: the package is not installed.
    """
    try:
        import lpips
    except ImportError as error:
        raise BackendError(
            "LPIPS needs the package lpips", why=str(error), hint="pip install lpips, or leave out --lpips"
        ) from error
    import torch

    network = lpips.LPIPS(net="alex", verbose=False).eval()

    def distance(restored: npt.NDArray[np.uint8], reference: npt.NDArray[np.uint8]) -> float:
        first, second = (
            torch.from_numpy(image.astype(np.float32) / 127.5 - 1).permute(2, 0, 1)[None]
            for image in (restored, reference)
        )
        with torch.inference_mode():
            return float(network(first, second))

    return distance
