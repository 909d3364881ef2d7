"""Which of several outputs is the restored image, where only one can be."""

from __future__ import annotations

import onnx

from slsc.errors import ModelError, SlscError
from slsc.passes.analysis.shapes import concrete_shapes, sample_size
from slsc.passes.base import Pass, PassContext, PassResult, copy_of
from slsc.passes.graph import drop_unused, image_channels, image_input
from slsc.passes.pipeline import Pipeline


class ChooseOutput(Pass):
    """Image, features, curves -> image.

    1. A network of one output is left alone.
    2. An output can be the restored image if the network with this output alone is taken, and it has as many channels
       as the image that goes in. So features, maps, numbers, and images smaller than the input cannot.
    3. If one output can be, it is kept, with what it needs.

    Args:
        checks: what decides whether a network is taken.
    """

    name = "choose-output"
    preserves_function = False  # the others go

    def __init__(self, checks: Pipeline) -> None:
        self._checks = checks

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Apply the rules.

        Raises:
            ModelError: several outputs can be the restored image, or none can.
        """
        names = [value.name for value in model.graph.output]
        if len(names) < 2:
            return PassResult(model, False, {"outputs": len(names)})
        able = [name for name in names if self._can_be_image(with_output(model, name))]
        if len(able) != 1:
            raise ModelError(
                f"the network has {len(names)} outputs",
                why=", ".join(map(shown, model.graph.output)),
                hint=f"say which is the restored image: {' or '.join(f'--output {name}' for name in able or names)}",
            )
        others = ", ".join(repr(name) for name in names if name != able[0])
        note = f"of {len(names)} outputs only {able[0]!r} can be the restored image; left out: {others}"
        return PassResult(with_output(model, able[0]), True, {"output": able[0], "note": note})

    def _can_be_image(self, model: onnx.ModelProto) -> bool:
        """Rule 2."""
        try:
            taken = self._checks.run(model, PassContext()).model
            made = concrete_shapes(taken, sample_size(taken)).of[image_input(taken)[1]]
            return len(made) == len("NCHW") and made[1] == image_channels(taken)
        except SlscError:
            return False


def with_output(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """The network with one of its outputs, and what that needs of nodes and weights."""
    result = copy_of(model)
    kept = next(value for value in model.graph.output if value.name == name)
    del result.graph.output[:]
    result.graph.output.append(kept)
    drop_unused(result)
    return result


def shown(value: onnx.ValueInfoProto) -> str:
    """An input or output as messages name it, with its declared shape."""
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return f"{value.name!r} of unknown shape"
    return f"{value.name!r} [{', '.join(str(dim.dim_value or dim.dim_param or '?') for dim in tensor.shape.dim)}]"
