"""What taking a quantized network without the rounding of its activations changes, on photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import onnx

from slsc.data.patches import Pair
from slsc.errors import ModelError
from slsc.jobs.compile.measuring import HeldOut, Quality
from slsc.metrics.protocol import protocol_for
from slsc.passes.graph import fixed_hw
from slsc.runtime.bundle.manifest import ImageIO


def quantized_quality(
    quantized: onnx.ModelProto, dense: onnx.ModelProto, io: ImageIO, pairs: Sequence[Pair], truth: bool
) -> Quality:
    """The network as its file has it, against the float one that takes its place; no figures if it takes no photo.

    Args:
        quantized: with integers between its layers, float32 images in and out.
        dense: its float equivalent.
        io: how pixels enter and leave both.
        pairs: (input, wanted output), HxWx3 uint8 RGB.
        truth: whether the wanted outputs say what is better.
    """
    try:
        return HeldOut(dense, replace(io, fixed_hw=fixed_hw(quantized)), pairs, truth).quality(quantized)
    except ModelError:  # of another batch, say: the float network does without
        return Quality(None, None, None, protocol_for(io).psnr_name)
