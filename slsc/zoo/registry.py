"""The networks of the zoo by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from torch import nn

from slsc.errors import UsageError
from slsc.zoo.carn import Carn
from slsc.zoo.compact import Compact
from slsc.zoo.dmphn import Dmphn
from slsc.zoo.dncnn import DnCnn
from slsc.zoo.edsr import Edsr
from slsc.zoo.imdn import Imdn
from slsc.zoo.pds import Pds
from slsc.zoo.rfdn import Rfdn
from slsc.zoo.span import Span
from slsc.zoo.srn import Srn
from slsc.zoo.unet import ResidualUnet
from slsc.zoo.weights import load_weights


@dataclass(frozen=True)
class ZooModel:
    """A network one can build by name.

    Attributes:
        build: makes it with random weights.
        scale: output pixels per input pixel along each axis; 1 for same-size restoration.
        white: what stands for white in its input and output, 1 or 255; black is 0.
        other_scales: key prefix of weights for other scales that its published weight files also hold.
        multiple_of: height and width of its input must be multiples of these.
    """

    build: Callable[[], nn.Module]
    scale: int
    white: float
    other_scales: str | None = None
    multiple_of: tuple[int, int] = (1, 1)

    def load(self, path: Path) -> nn.Module:
        """Build the network with the weights of a safetensors file.

        Raises:
            ModelError: the file is unreadable or of another network.
        """
        module = self.build()
        load_weights(module, path, other_scales=self.other_scales)
        return module


MODELS: dict[str, ZooModel] = {
    "compact_x4": ZooModel(Compact, 4, 1),
    "edsr_baseline_x4": ZooModel(partial(Edsr, 4), 4, 255),
    "edsr_8b64f_x2": ZooModel(partial(Edsr, 2, blocks=8), 2, 255),
    "carn_x2": ZooModel(partial(Carn, 2), 2, 1, "upsample.up"),
    "carn_x4": ZooModel(partial(Carn, 4), 4, 1, "upsample.up"),
    "carn_m_x2": ZooModel(partial(Carn, 2, mobile=True, groups=4), 2, 1, "upsample.up"),
    "carn_m_x4": ZooModel(partial(Carn, 4, mobile=True, groups=4), 4, 1, "upsample.up"),
    "rfdn_x4": ZooModel(Rfdn, 4, 255),
    "rfdn64_x4": ZooModel(partial(Rfdn, 4, features=64, distilled=32, esa=32), 4, 255),
    "imdn_x4": ZooModel(Imdn, 4, 1),
    "pds_x4": ZooModel(Pds, 4, 1),
    "span_x4": ZooModel(Span, 4, 1),
    "dncnn_gray": ZooModel(DnCnn, 1, 1),
    "unet": ZooModel(ResidualUnet, 1, 1, multiple_of=(4, 4)),
    "srn": ZooModel(Srn, 1, 1, multiple_of=(16, 16)),
    "dmphn": ZooModel(partial(Dmphn, patches=False), 1, 1, multiple_of=(4, 4)),
    "dmphn_1_2_4_8": ZooModel(Dmphn, 1, 1, multiple_of=(16, 8)),
}


def zoo_model(name: str) -> ZooModel:
    """The entry called `name`.

    Raises:
        UsageError: there is none; names those there are.
    """
    if name not in MODELS:
        raise UsageError(f"no network {name!r} in the zoo", hint=f"use one of {', '.join(MODELS)}")
    return MODELS[name]
