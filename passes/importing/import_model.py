"""The passes that turn a file as exporters write it into the graph the search and the runtime work on."""

from __future__ import annotations

import numpy as np
import onnx

from slsc.passes.analysis.shapes import sample_sizes
from slsc.passes.base import PassContext, PassResult
from slsc.passes.graph import image_channels
from slsc.passes.importing.batch import SingleBatch
from slsc.passes.importing.batch_norm import FoldBatchNorm
from slsc.passes.importing.dynamic_size import FreeSize
from slsc.passes.importing.edges import ContinueEdges
from slsc.passes.importing.float_interface import FloatInterface
from slsc.passes.importing.fold import FoldConstants
from slsc.passes.importing.functions import InlineFunctions
from slsc.passes.importing.identity import RemoveIdentities
from slsc.passes.importing.import_checks import ImportChecks, NodeChecks
from slsc.passes.importing.opset import RaiseOpset
from slsc.passes.importing.pad_conv import FoldPad
from slsc.passes.importing.pixel_shuffle import FusePixelShuffle
from slsc.passes.importing.tie_size import TieSize
from slsc.passes.pipeline import Pipeline


def import_model(model: onnx.ModelProto) -> PassResult:
    """Check a network and clean it, every pass proven on random images of a size the network accepts.

    Raises:
        ModelError: the model holds what slsc does not take.
        VerificationError: a pass changed what the network computes.
    """
    checked = checking_pipeline().run(model, PassContext())
    shape = (1, image_channels(checked.model), *sample_sizes(checked.model)[0])
    noise = np.random.default_rng(0).random(shape, np.float32)
    # The value range is not known yet: one image in each of the usual ones.
    cleaned = import_pipeline().run(checked.model, PassContext((noise, 255 * noise)))
    return PassResult(cleaned.model, checked.modified or cleaned.modified, {**checked.report, **cleaned.report})


def checking_pipeline() -> Pipeline:
    """One image in, one out, of a size that is known or free and a whole number of times as large; then the checks."""
    return Pipeline([InlineFunctions(), NodeChecks(), SingleBatch(), TieSize(), ContinueEdges(), ImportChecks()])


def import_pipeline() -> Pipeline:
    """Folding, then one spelling of pixel shuffle, then free sizes.

    Identities go before constants are folded, so that a weight shared through them stays one initializer; sizes are
    freed last, once no Reshape of a pixel shuffle holds them fixed.
    """
    return Pipeline(
        [
            RaiseOpset(),
            RemoveIdentities(),
            FoldConstants(),
            FoldBatchNorm(),
            FoldPad(),
            FusePixelShuffle(),
            FloatInterface(),
            FreeSize(),
        ]
    )
