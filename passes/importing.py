"""The passes that turn a file as exporters write it into the graph the search and the runtime work on."""

from __future__ import annotations

from slsc.passes.base import Pass
from slsc.passes.batch_norm import FoldBatchNorm
from slsc.passes.dynamic_size import FreeSize
from slsc.passes.fold import FoldConstants
from slsc.passes.functions import InlineFunctions
from slsc.passes.identity import RemoveIdentities
from slsc.passes.import_checks import ImportChecks
from slsc.passes.opset import RaiseOpset
from slsc.passes.pad_conv import FoldPad
from slsc.passes.pipeline import Pipeline
from slsc.passes.pixel_shuffle import FusePixelShuffle


def import_pipeline() -> Pipeline:
    """Checks, then folding, then one spelling of pixel shuffle, then free sizes.

    Identities go before constants are folded, so that a weight shared through them stays one initializer; sizes are
    freed last, once no Reshape of a pixel shuffle holds them fixed.
    """
    passes: tuple[Pass, ...] = (
        InlineFunctions(),
        ImportChecks(),
        RaiseOpset(),
        RemoveIdentities(),
        FoldConstants(),
        FoldBatchNorm(),
        FoldPad(),
        FusePixelShuffle(),
        FreeSize(),
    )
    return Pipeline(passes)
