"""What integers are fitted to."""

from __future__ import annotations

import numpy as np
import onnx.parser
import torch

from slsc.data.graphics import drawn
from slsc.quantize.calibration import DRAWN_PATCHES, Calibration
from slsc.runtime.bundle.manifest import ImageIO
from slsc.runtime.bundle.value_range import UNIT
from slsc.search.calibration import CALIBRATION_PATCHES, calibration_inputs
from slsc.search.inputs import PatchSource

IO = ImageIO(3, "RGB", UNIT, UNIT, "x", "y", 1, "restore")


def calibration(batch: str) -> tuple[Calibration, torch.Tensor]:
    """That of a network, and the photos alone."""
    graph = f"net (float[{batch},3,h,w] x) => (float[{batch},3,h,w] y) {{ y = Relu (x) }}"
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]> {graph}')
    photo = np.random.default_rng(0).integers(256, size=(400, 400, 3), dtype=np.uint8)
    photos, pictures = (PatchSource([(image, image)], IO) for image in (photo, drawn(400, (0,))))
    return Calibration.drawn(model, photos, pictures, 3), calibration_inputs(model, photos, 3)


def test_drawn_pictures_come_behind_the_photos() -> None:
    found, photos = calibration("n")
    assert found.photos == CALIBRATION_PATCHES and len(found.inputs) == found.photos + DRAWN_PATCHES
    assert torch.equal(found.inputs[: found.photos], photos)
    pure = (found.inputs == 0) | (found.inputs == 1)
    assert pure[found.photos :].float().mean() > 0.9 > pure[: found.photos].float().mean()


def test_a_network_of_single_images_does_without() -> None:
    found, photos = calibration("1")
    assert found.photos == 1 and torch.equal(found.inputs, photos)
