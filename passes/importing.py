"""The passes that turn a file as exporters write it into the graph the search and the runtime work on."""

from __future__ import annotations

import numpy as np
import onnx

from slsc.passes.base import PassContext, PassResult
from slsc.passes.batch_norm import FoldBatchNorm
from slsc.passes.dynamic_size import FreeSize
from slsc.passes.float_interface import FloatInterface
from slsc.passes.fold import FoldConstants
from slsc.passes.functions import InlineFunctions
from slsc.passes.graph import image_channels
from slsc.passes.identity import RemoveIdentities
from slsc.passes.import_checks import ImportChecks
from slsc.passes.opset import RaiseOpset
from slsc.passes.pad_conv import FoldPad
from slsc.passes.pipeline import Pipeline
from slsc.passes.pixel_shuffle import FusePixelShuffle
from slsc.passes.shapes import sample_sizes


def import_model(model: onnx.ModelProto) -> PassResult:
    """Check a network and clean it, every pass proven on random images of a size the network accepts.

    Raises:
        ModelError: the model holds what slsc does not take.
        VerificationError: a pass changed what the network computes.
    """
    checked = Pipeline([InlineFunctions(), ImportChecks()]).run(model, PassContext())
    shape = (1, image_channels(checked.model), *sample_sizes(checked.model)[0])
    noise = np.random.default_rng(0).random(shape, np.float32)
    # The value range is not known yet: one image in each of the usual ones.
    cleaned = import_pipeline().run(checked.model, PassContext((noise, 255 * noise)))
    return PassResult(cleaned.model, checked.modified or cleaned.modified, {**checked.report, **cleaned.report})


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
