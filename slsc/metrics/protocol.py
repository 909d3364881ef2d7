"""Which channels and pixels a figure of quality counts, by what the network does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from slsc.metrics.psnr import psnr_all, psnr_y
from slsc.metrics.ssim import ssim_all, ssim_y
from slsc.runtime.bundle.manifest import ImageIO
from slsc.runtime.image.colour import luma

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Protocol:
    """How the literature measures a task.

    Attributes:
        channels: "y": luma of BT.601, 16..235; "rgb" or "grey": all channels alike.
        border: pixels left out at each side.
    """

    channels: str
    border: int

    @property
    def psnr_name(self) -> str:
        """Name of the PSNR in reports that programs read: psnr_y, psnr_rgb or psnr_grey."""
        return f"psnr_{self.channels}"

    @property
    def psnr_title(self) -> str:
        """Name of the PSNR in tables that people read."""
        return {"y": "PSNR-Y", "rgb": "PSNR-RGB", "grey": "PSNR"}[self.channels]

    def seen(self, image: Pixels) -> Pixels:
        """What is shown to the network and compared, of an HxWx3 RGB image: itself, or HxWx1 where grey counts."""
        return np.rint(luma(image)).astype(np.uint8) if self.channels == "grey" else image

    def psnr(self, restored: Pixels, reference: Pixels) -> float:
        """PSNR in dB of HxWxC uint8 images; infinite where they are equal.

        Raises:
            ValueError: the sizes differ, or nothing is left inside the border.
        """
        if self.channels == "y":
            return psnr_y(restored, reference, self.border)
        return psnr_all(restored, reference)

    def ssim(self, restored: Pixels, reference: Pixels) -> float:
        """SSIM of HxWxC uint8 images, on the same channels; 1 where they are equal.

        Raises:
            ValueError: the sizes differ, or less than a window of 11 pixels is left inside the border.
        """
        if self.channels == "y":
            return ssim_y(restored, reference, self.border)
        return ssim_all(restored, reference)


def protocol_for(io: ImageIO) -> Protocol:
    """Super-resolution is measured on luma inside a border of `scale` pixels, restoration on the whole image.

    Grey restoration networks are measured on grey images.
    """
    if io.scale > 1:
        return Protocol("y", io.scale)
    return Protocol("rgb" if io.channels == 3 else "grey", 0)
