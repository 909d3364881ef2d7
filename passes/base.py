"""The contract of a pass: conditions before and after, a copy that is changed, and a report of what was done."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import onnx

from slsc.errors import VerificationError


class PreconditionError(VerificationError):
    """A pass was run on a model it does not hold for; the passes before it should have seen to that."""


class PostconditionError(VerificationError):
    """A pass did not do what it promises: a fault of the pass, not of the model."""


@dataclass(frozen=True)
class PassContext:
    """What the passes of one pipeline share.

    Attributes:
        inputs: NCHW float32 batches in the network's value range, of a size the model accepts. Passes that must not
            change the network's function are proven on them by running the model before and after; empty to skip that.
    """

    inputs: tuple[npt.NDArray[np.float32], ...] = ()


@dataclass(frozen=True)
class PassResult:
    """What a pass returns.

    Attributes:
        model: the model after the pass; the one it was given is untouched.
        modified: whether the two differ.
        report: what was done and what was refused, with node names and reasons, as JSON-ready values.
    """

    model: onnx.ModelProto
    modified: bool
    report: dict[str, Any] = field(default_factory=dict)


class Pass(ABC):
    """One graph transformation. The docstring of each pass numbers its rules, and its code cites them."""

    name: ClassVar[str]

    preserves_function: ClassVar[bool] = True
    """Whether the network computes the same afterwards; if so the pipeline proves it by running both."""

    def requires(self, model: onnx.ModelProto, context: PassContext) -> None:  # noqa: B027  (no condition by default)
        """Raise `PreconditionError` if `model` is not what the pass needs."""

    def ensures(self, model: onnx.ModelProto, context: PassContext) -> None:  # noqa: B027  (no condition by default)
        """Raise `PostconditionError` if `model` is not what the pass promises."""

    @abstractmethod
    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Transform a copy of `model`.

        Raises:
            ModelError: the model holds something this pass must refuse.
        """


def copy_of(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy a pass may change."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return copy
