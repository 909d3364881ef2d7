"""Published networks on a photo: permuted in a random order and padded, they restore what they did."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from slsc.data.images import open_rgb
from slsc.passes.analysis.layers import conv_layers
from slsc.passes.base import PassContext
from slsc.passes.importing.import_model import import_model
from slsc.passes.narrowing import follow_channels
from slsc.passes.pipeline import Pipeline
from slsc.passes.sparsity24.freedom import orbits
from slsc.passes.sparsity24.permute import PermuteChannels
from slsc.passes.widening.pad import PadChannels
from slsc.zoo import MODELS
from slsc.zoo.export import to_onnx


@pytest.mark.parametrize(
    ("name", "weights"), [("rfdn_x4", "rfdn_x4"), ("imdn_x4", "imdn_x4"), ("carn_m_x4", "carn_m_x234")]
)
def test_a_photo_comes_out_the_same(data_dir: Path, name: str, weights: str) -> None:
    entry = MODELS[name]
    model = import_model(to_onnx(entry.load(data_dir / "weights" / f"{weights}.safetensors"))).model
    photo = open_rgb(data_dir / "eval" / "Set5" / "butterfly.png")[:48, :64]
    batch = photo.transpose(2, 0, 1)[None].astype(np.float32) * np.float32(entry.white / 255)
    channels = follow_channels(model)
    random, order = np.random.default_rng(0), np.arange(channels.count)
    for orbit in orbits(model, channels):
        order[list(orbit.classes)] = random.permutation(orbit.classes)
    more = {width.classes[-1]: -len(width.classes) % 16 for width in channels.widths}
    result = Pipeline([PermuteChannels(channels, order), PadChannels(channels, more)]).run(model, PassContext((batch,)))
    assert (order != np.arange(channels.count)).sum() > 0.9 * (channels.count - 1)
    for step in ("permute-channels", "pad-channels"):
        if step == "permute-channels" or any(more.values()):
            difference = result.report[step]["difference"]
            assert difference["max_abs"] < 1e-5 * entry.white and difference["psnr_db"] > 120
    hidden = [layer.shape[1] for layer in conv_layers(result.model) if layer.prunable and layer.groups == 1]
    assert all(channels % 16 == 0 for channels in hidden)
