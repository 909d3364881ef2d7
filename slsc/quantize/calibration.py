"""What integers are fitted to: patches of photos, and of pictures like pages and slides.

Edges of letters between pure black and white make some activations several times as large as any in photos. Where such
values are cut off, a page is spoilt. So drawn pictures have a say in ranges, a small one, since a range that has room
for them has coarser steps for photos. Weights are fitted to photos alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import onnx
import torch
from torch import Tensor

from slsc.passes.graph import takes_one_image
from slsc.search.calibration import CALIBRATION_SIDE, calibration_inputs
from slsc.search.inputs import PatchSource

DRAWN_PATCHES = 16


@dataclass(frozen=True)
class Calibration:
    """Inputs in a network's range.

    Attributes:
        inputs: (B, C, H, W) photos, and behind them drawn pictures.
        photos: how many are photos; at least one.
    """

    inputs: Tensor
    photos: int

    @classmethod
    def drawn(cls, model: onnx.ModelProto, photos: PatchSource, pictures: PatchSource, seed: int) -> Calibration:
        """The inputs for a network; without pictures for one that takes a single image at a time.

        Args:
            model: the network.
            photos, pictures: sources of either.
            seed: the same gives the same patches.
        """
        found = calibration_inputs(model, photos, seed)
        if takes_one_image(model):
            return cls(found, len(found))
        others = pictures.draw(DRAWN_PATCHES, photos.side(CALIBRATION_SIDE), (seed, 1))[0]
        return cls(torch.cat([found, others]), len(found))
