"""The trained networks that the corpus' files are made of, and their weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

from corpus.architectures.attention import NafNet, RainNet, Restormer, SwinIr
from corpus.architectures.restorers import AodNet, ArCnn, DnCnn, DrUnet, FfdNet, Mimo, Mobile, Unet, UpUnet, ZeroDce
from corpus.architectures.upscalers import Edsr, Espcn, Fsrcnn, Imdn, Rfdn, Rrdb, Srvgg, UpConv7

WEIGHTS = Path(__file__).parent / "weights"


@dataclass(frozen=True)
class Base:
    """An architecture trained for a task.

    Attributes:
        build: makes it; from values of 0..1 to the same.
        task: one of `corpus.tasks.TASKS`.
        steps: of training.
        rate: largest learning rate.
        channels: of its input: RGB, luma, or RGB and the level of the noise.
        multiple: what its input's sides must be multiples of.
        border: pixels of the output's sides that it leaves out.
    """

    build: Callable[[], nn.Module]
    task: str
    steps: int = 300
    rate: float = 4e-3
    channels: int = 3
    multiple: int = 1
    border: int = 0


BASES: Mapping[str, Base] = {
    "edsr": Base(Edsr, "sr x2", 500),
    "srvgg": Base(Srvgg, "sr x4", 500),
    "rrdb": Base(Rrdb, "sr x4", 450),
    "imdn": Base(Imdn, "sr x2", 500),
    "rfdn": Base(Rfdn, "sr x4", 500),
    "fsrcnn": Base(Fsrcnn, "sr x2", 1000, channels=1),
    "espcn": Base(Espcn, "sr x3", 5000, channels=1),
    "upconv7": Base(UpConv7, "sr x2", 500, border=14),
    "swinir": Base(SwinIr, "sr x2", 500, multiple=8),
    "dncnn": Base(DnCnn, "noise"),
    "dncnn_grey": Base(partial(DnCnn, 1), "noise", channels=1),
    "ffdnet": Base(FfdNet, "noise", 800, multiple=2),
    "drunet": Base(DrUnet, "noise", 500, channels=4, multiple=2),
    "mobile": Base(Mobile, "noise"),
    "nafnet": Base(NafNet, "noise"),
    "restormer": Base(Restormer, "noise"),
    "unet": Base(Unet, "blur", 500, multiple=4),
    "up_unet": Base(UpUnet, "noise", multiple=2),
    "mimo": Base(Mimo, "blur", 500, multiple=2),
    "nafnet_local": Base(partial(NafNet, attention=False), "blur", 400),
    "arcnn": Base(ArCnn, "jpeg", 2000, 3e-3),
    "rain": Base(RainNet, "rain"),
    "zerodce": Base(ZeroDce, "dark"),
    "unet_dark": Base(Unet, "dark", multiple=4),
    "aodnet": Base(AodNet, "haze", 500),
}


def trained(name: str) -> nn.Module:
    """A base with its weights, in evaluation mode."""
    module = BASES[name].build()
    halves = load_file(WEIGHTS / f"{name}.safetensors")
    module.load_state_dict(
        {key: value.float() if value.is_floating_point() else value for key, value in halves.items()}
    )
    return module.eval()


def halved(module: nn.Module) -> dict[str, torch.Tensor]:
    """What is kept of a module: its state at half precision."""
    return {key: value.half() if value.is_floating_point() else value for key, value in module.state_dict().items()}
