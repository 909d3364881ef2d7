"""The network a training run starts from, as the ONNX graph that everything works on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx
import torch

from slsc.jobs.train.request import TrainRequest
from slsc.networks.loading import import_network, known_of
from slsc.onnx_torch import OnnxModule
from slsc.passes.graph import fixed_hw, image_channels, image_input
from slsc.passes.importing.import_model import import_model
from slsc.probe import probe_io
from slsc.runtime.bundle.manifest import ImageIO
from slsc.runtime.bundle.value_range import ValueRange
from slsc.zoo import ZooModel, zoo_model
from slsc.zoo.export import to_onnx


@dataclass(frozen=True)
class StartNetwork:
    """A network before training.

    Attributes:
        model: after the import passes.
        io: how pixels enter and leave it.
        frozen: names of weights that are no parameters of the network, such as a mean colour.
        doubts: what of `io` is assumed, in words.
    """

    model: onnx.ModelProto
    io: ImageIO
    frozen: frozenset[str]
    doubts: tuple[str, ...] = ()

    def module(self, model: onnx.ModelProto | None = None) -> OnnxModule:
        """The network, or `model` which was made from it, as a module to train."""
        module = OnnxModule(self.model if model is None else model)
        for name in self.frozen.intersection(module.parameter_names()):
            module.parameter(name).requires_grad_(False)
        return module


def start_network(request: TrainRequest, photos: Sequence[npt.NDArray[np.uint8]]) -> StartNetwork:
    """Build, or read, the network of a request; one that puts out a residual is made to put out the picture.

    Args:
        request: names it.
        photos: to find the interface of an ONNX file on.

    Raises:
        UsageError: no such network in the zoo.
        ModelError: weights or ONNX file cannot be used.
    """
    if request.model is not None:
        imported = import_network(request.model, request.binding)
        model, known = imported.model, known_of(imported, request.interface)
        probe = probe_io(model, photos, known)
        return StartNetwork(probe.restorer(model), probe.io, frozenset(), tuple(probe.doubts()))
    entry = zoo_model(request.arch or "")
    torch.manual_seed(request.settings.seed)
    module = entry.load(request.weights) if request.weights else entry.build()
    model = import_model(to_onnx(module)).model
    frozen = (name for name, value in module.named_parameters() if not value.requires_grad)
    return StartNetwork(model, _zoo_io(entry, model), frozenset(frozen))


def _zoo_io(entry: ZooModel, model: onnx.ModelProto) -> ImageIO:
    channels = image_channels(model)
    inputs, outputs = image_input(model)
    values = ValueRange.uniform(0, entry.white)
    return ImageIO(
        channels=channels,
        order="RGB" if channels == 3 else "Y",
        input_range=values,
        output_range=values,
        input=inputs,
        output=outputs,
        scale=entry.scale,
        task="sr" if entry.scale > 1 else "restore",
        fixed_hw=fixed_hw(model),
        multiple_of=entry.multiple_of,
    )
