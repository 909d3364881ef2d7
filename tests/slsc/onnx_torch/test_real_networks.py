"""Real weights at odd sizes on a real photo, and third-party files, against ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from skimage import data
from torch import nn

from slsc.onnx_torch import OnnxModule
from slsc.zoo import zoo_model
from slsc.zoo.dmphn import Dmphn
from slsc.zoo.dncnn import DnCnn
from slsc.zoo.export import to_onnx
from slsc.zoo.srn import Srn
from slsc.zoo.unet import ResidualUnet


def photo(height: int, width: int, white: float) -> np.ndarray:
    crop = data.astronaut()[100 : 100 + height, 150 : 150 + width]
    return np.ascontiguousarray(crop.transpose(2, 0, 1)[None] * np.float32(white / 255), np.float32)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("rfdn_x4", "rfdn_x4"),
        ("imdn_x4", "imdn_x4"),
        ("pds_x4", "pds_x4"),
        ("carn_m_x4", "carn_m_x234"),
        ("carn_x2", "carn_x2"),
        ("edsr_8b64f_x2", "edsr_8b64f_x2"),
    ],
)
def test_zoo_export(data_dir: Path, assert_agrees: Any, name: str, file: str) -> None:
    entry = zoo_model(name)
    network = entry.load(data_dir / "weights" / f"{file}.safetensors")
    model = to_onnx(network)
    assert_agrees(model, photo(37, 61, entry.white))
    assert_agrees(model, photo(48, 33, entry.white))
    module = OnnxModule(model)
    assert set(module.parameter_names()) == {key for key, _ in network.named_parameters()}
    assert module.write_back(model).SerializeToString() == model.SerializeToString()


@pytest.mark.parametrize(
    ("build", "size"),
    [
        (partial(ResidualUnet, 16), (36, 44)),
        (partial(Srn, 8), (32, 48)),
        (partial(Dmphn, 8, patches=False), (36, 44)),
        (partial(Dmphn, 8), (32, 40)),
        (partial(DnCnn, 5, 16), (37, 61)),
    ],
)
def test_restoration_networks(assert_agrees: Any, build: Callable[[], nn.Module], size: tuple[int, int]) -> None:
    network = build()
    model = to_onnx(network)
    assert_agrees(model, photo(*size, 1)[:, : getattr(network, "channels", 3)])
    assert_agrees(model, photo(2 * size[0], 2 * size[1], 1)[:, : getattr(network, "channels", 3)])
    module = OnnxModule(model)
    assert set(module.parameter_names()) == {key for key, _ in network.named_parameters()}
    assert module.write_back(model).SerializeToString() == model.SerializeToString()


@pytest.mark.parametrize("file", ["subpixel_cnn_x3_luma", "distill_enhancer_256_rgb"])
def test_third_party_file(data_dir: Path, assert_agrees: Any, file: str) -> None:
    model = onnx.load(data_dir / "onnx" / f"{file}.onnx")
    batch, channels, height, width = (d.dim_value or 1 for d in model.graph.input[0].type.tensor_type.shape.dim)
    assert_agrees(model, photo(height, width, 1)[:, :channels].repeat(batch, axis=0))
    module = OnnxModule(model)
    assert module.write_back(model).SerializeToString() == model.SerializeToString()
    assert len(module.conv_steps()) == sum(node.op_type == "Conv" for node in model.graph.node)
