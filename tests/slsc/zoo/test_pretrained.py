"""The demo network that comes with the package."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from onnx import numpy_helper

import slsc.zoo
from slsc.data.calibration import bundled_photos
from slsc.data.degradations import bicubic_pair
from slsc.data.images import open_rgb
from slsc.jobs.eval.evaluation import evaluate, mean_score
from slsc.metrics.psnr import psnr_y
from slsc.networks.restorer import open_restorer
from slsc.probe import Form, Known
from slsc.runtime.bundle.value_range import UNIT
from slsc.runtime.image.resample import imresize
from slsc.zoo import MODELS

NETWORK = Path(slsc.zoo.__file__).parent / "pretrained" / "compact_x4.onnx"
KNOWN = Known(input=UNIT, output=UNIT, order="RGB", form=Form.PICTURE)


def test_is_the_compact_network_and_small() -> None:
    assert NETWORK.stat().st_size <= 1.5e6
    values = {tensor.name: numpy_helper.to_array(tensor).shape for tensor in onnx.load(NETWORK).graph.initializer}
    assert values == {name: tuple(value.shape) for name, value in MODELS["compact_x4"].build().state_dict().items()}


@pytest.mark.parametrize("name", ["astronaut.png", "coffee.png"])
def test_beats_bicubic_on_photos_it_has_never_seen(name: str) -> None:
    (path,) = (path for path in bundled_photos() if path.name == name)
    low, high = bicubic_pair(open_rgb(path), 4)
    restored = open_restorer(NETWORK, known=KNOWN).restore(low)
    assert psnr_y(restored, high, 4) > psnr_y(imresize(low, high.shape[:2], round_passes=True), high, 4) + 1


def test_beats_bicubic_on_set14_by_far(data_dir: Path) -> None:
    scores = evaluate(
        open_restorer(NETWORK, known=KNOWN), data_dir / "eval" / "Set14", None, lpips=False, progress=lambda *_: None
    )
    mean = mean_score(scores)
    assert mean.baseline_psnr == pytest.approx(26.09, abs=0.01)
    assert mean.psnr >= mean.baseline_psnr + 1.2
