"""The passes that turn a file as exporters write it into the graph the search and the runtime work on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime

from slsc.errors import ModelError, SlscError
from slsc.passes import verify
from slsc.passes.analysis.shapes import sample_size
from slsc.passes.base import Pass, PassContext, PassResult
from slsc.passes.graph import image_channels, image_input
from slsc.passes.importing.batch import SingleBatch
from slsc.passes.importing.batch_norm import FoldBatchNorm
from slsc.passes.importing.branches import TakeBranches
from slsc.passes.importing.channels_last import ChannelsFirst
from slsc.passes.importing.choose_output import ChooseOutput
from slsc.passes.importing.dequantize import Dequantize
from slsc.passes.importing.dynamic_rounding import LeaveOutDynamicRounding
from slsc.passes.importing.dynamic_size import FreeSize
from slsc.passes.importing.edges import ContinueEdges
from slsc.passes.importing.expand_operators import ExpandOperators
from slsc.passes.importing.fill_maps import FillMaps
from slsc.passes.importing.float_images import FloatImages
from slsc.passes.importing.float_interface import FloatInterface
from slsc.passes.importing.fold import FoldConstants
from slsc.passes.importing.four_axes import FourAxes
from slsc.passes.importing.functions import InlineFunctions
from slsc.passes.importing.fused_operators import UnfuseOperators
from slsc.passes.importing.identity import RemoveIdentities
from slsc.passes.importing.import_checks import ImportChecks, NodeChecks
from slsc.passes.importing.layout import SinkTransposes
from slsc.passes.importing.opset import RaiseOpset
from slsc.passes.importing.pad_conv import FoldPad
from slsc.passes.importing.pixel_shuffle import FusePixelShuffle
from slsc.passes.importing.plain_names import PlainNames
from slsc.passes.importing.sequences import PlainSequences
from slsc.passes.importing.tie_size import TieSize
from slsc.passes.pipeline import Pipeline

Range = tuple[float, float]
Image = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Imported(PassResult):
    """An imported network, and what its file tells beside.

    Attributes:
        input_range: black and white of the image that goes in, where its type in the file leaves no doubt; else None.
        output_range: likewise of the image that comes out.
        quantized: the network before its activations lost their rounding to integers, with the same names, channels
            first and images of float32; None where they had none.
    """

    input_range: Range | None = None
    output_range: Range | None = None
    quantized: onnx.ModelProto | None = None


def import_model(model: onnx.ModelProto) -> Imported:
    """Check a network and clean it, every pass proven on random images of a size the network accepts.

    Raises:
        ModelError: the model holds what slsc does not take.
        VerificationError: a pass changed what the network computes.
    """
    checks = checking_pipeline()
    chosen = Pipeline([ChooseOutput(checks)]).run(model, PassContext())
    checked = checks.run(chosen.model, PassContext())
    cleaned = import_pipeline().run(checked.model, PassContext(_images(checked.model)))
    image, output = image_input(checked.model)
    ranges = checked.report["float-images"].get("ranges", {})
    return Imported(
        cleaned.model,
        chosen.modified or checked.modified or cleaned.modified,
        {**chosen.report, **checked.report, **cleaned.report},
        input_range=ranges.get(image),
        output_range=ranges.get(output),
        quantized=_as_it_was(chosen.model) if checked.report["dequantize"]["quantized"] else None,
    )


def _images(model: onnx.ModelProto) -> tuple[Image, ...]:
    """Noise to prove passes on. The value range is not known yet: an image in each of the usual ones, but for those
    that the network makes no numbers of; fainter ones where it makes the same of all.

    Raises:
        ModelError: it makes numbers of none, or the same of all.
    """
    shape = (1, image_channels(model), *sample_size(model))
    noise = np.random.default_rng(0).random(shape, np.float32)
    running = verify.session(model)
    made = _finite(running, noise, 255 * noise)
    if not made:
        raise ModelError("the output is no number", why="of noise in 0..1 and in 0..255 alike", hint="train it again")
    if _alike(running, made):  # what brightens and clips may make white of all that, but not of the dark
        made = _finite(running, 0.125 * noise, 0.25 * noise - 1) or made
        if _alike(running, made):
            raise ModelError(
                "the output is the same for every image",
                where=image_input(model)[1],
                why="noise, stronger and fainter noise and noise upside down make no difference",
                hint="check that the export has its trained weights, and choose another output with --output",
            )
    return tuple(image for image, _ in made)


def _finite(running: onnxruntime.InferenceSession, *images: Image) -> list[tuple[Image, Image]]:
    """Images that a network makes numbers of, each with what it makes."""
    made = [(image, verify.run(running, image)) for image in images]
    return [(image, output) for image, output in made if np.isfinite(output).all()]


def _alike(running: onnxruntime.InferenceSession, made: list[tuple[Image, Image]]) -> bool:
    """Whether images, and the last one upside down, become the same."""
    mirrored = verify.run(running, made[-1][0][:, :, ::-1])
    return all(np.array_equal(output, mirrored) for _, output in made)


def _as_it_was(model: onnx.ModelProto) -> onnx.ModelProto:
    """A network that computes as its file says, fed as the imported one is."""
    faced = Pipeline([*_spelling(), FloatInterface(), ChannelsFirst()]).run(model, PassContext()).model
    try:
        return Pipeline(_sizing()).run(faced, PassContext()).model
    except SlscError:  # ONNX Runtime's own integer operators tell no shapes; photos of the file's size may do
        return faced


def checking_pipeline() -> Pipeline:
    """One image of floating point in, one out, channels first; sizes known or free, and a whole factor; the checks."""
    return Pipeline(
        [
            *_spelling(),
            LeaveOutDynamicRounding(),
            Dequantize(),
            FloatImages(),
            ChannelsFirst(),
            NodeChecks(),
            *_sizing(),
            ImportChecks(),
        ]
    )


def _spelling() -> tuple[Pass, ...]:
    return (
        InlineFunctions(),
        TakeBranches(),
        PlainSequences(),
        PlainNames(),
        UnfuseOperators(),
        ExpandOperators(),
        FourAxes(),
    )


def _sizing() -> tuple[Pass, ...]:
    return SingleBatch(), TieSize(), ContinueEdges()


def import_pipeline() -> Pipeline:
    """Folding, then one spelling of pixel shuffle and no needless Transpose, then free sizes.

    Identities go before constants are folded, so that a weight shared through them stays one initializer; sizes are
    freed last, once no Reshape of a pixel shuffle holds them fixed.
    """
    return Pipeline(
        [
            RaiseOpset(),
            RemoveIdentities(),
            FoldConstants(),
            FillMaps(),
            FoldBatchNorm(),
            FoldPad(),
            FusePixelShuffle(),
            SinkTransposes(),
            FreeSize(),
        ]
    )
