"""The deblurring networks in the native engine, against ONNX Runtime; DMPHN 1-2-4-8 with its real weights."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import onnx
import pytest
from torch import nn

from slsc.passes.base import PassContext
from slsc.passes.importing.import_model import import_pipeline
from slsc.zoo import zoo_model
from slsc.zoo.dmphn import Dmphn
from slsc.zoo.export import to_onnx
from slsc.zoo.srn import Srn
from slsc.zoo.unet import ResidualUnet


def imported(module: nn.Module) -> onnx.ModelProto:
    return import_pipeline().run(to_onnx(module), PassContext()).model


@pytest.mark.parametrize(
    ("build", "size", "align"),
    [
        (partial(ResidualUnet, 16), (36, 44), 4),
        (partial(Srn, 8), (32, 48), 16),
        (partial(Dmphn, 8, patches=False), (36, 44), 4),
    ],
)
def test_networks_of_the_paper(
    lowers: Callable, build: Callable[[], nn.Module], size: tuple[int, int], align: int
) -> None:
    assert lowers(imported(build()), size, low=0.0).row_align == align


def test_the_published_network_of_eight_patches(data_dir: Path, lowers: Callable) -> None:
    network = zoo_model("dmphn_1_2_4_8").load(data_dir / "weights" / "dmphn_1_2_4_8.safetensors")
    assert lowers(imported(network), (32, 24), low=0.0).row_align == 16
