"""What types are wanted for a network."""

from __future__ import annotations

import math
from dataclasses import dataclass

from slsc.errors import UsageError
from slsc.passes.precision.types import FLOAT32, ROUNDED

INT8, AUTO = "int8", "auto"

AUTO_LOSS = 0.03
"""What `auto` may lose unless told otherwise, dB."""


@dataclass(frozen=True)
class Precision:
    """What types a network is to be given.

    Attributes:
        name: "float32", one of `slsc.passes.precision.types.HALVES`, "bf16-rounded", "int8" or "auto".
        loss: most that it may lose, dB; None for any, and for `AUTO_LOSS` with "auto".
        half: what "auto" gives layers that do not get 8 bits: one of 16 bits, "bf16-rounded" or "float32".
        signed: 8-bit activations are int8 with zero point 0, as TensorRT wants them, instead of uint8.
        keep: names of nodes that stay float32.
        optional: where it cannot be had, `slsc compile` leaves the network in float32 and says why.

    Raises:
        UsageError: a loss that is no number of 0 or more.
    """

    name: str
    loss: float | None = None
    half: str = "fp16"
    signed: bool = False
    keep: tuple[str, ...] = ()
    optional: bool = False

    def __post_init__(self) -> None:
        if self.loss is not None and not (math.isfinite(self.loss) and self.loss >= 0):
            raise UsageError(
                f"--loss {self.loss:g} is no loss", why="it is a number of dB, 0 or more", hint="--loss 0.03"
            )

    @property
    def allowed(self) -> float | None:
        """Most that the network may lose, dB; None for any."""
        return AUTO_LOSS if self.loss is None and self.name == AUTO else self.loss

    @property
    def lessons(self) -> int:
        """How often a network is trained through its roundings, where it is trained: "auto" tries all layers first."""
        return {INT8: 1, AUTO: 2}.get(self.name, 0)

    @property
    def beside(self) -> str | None:
        """What "auto" gives layers that do not get 8 bits, if anything; None for float32."""
        return None if self.half == FLOAT32.name else self.half


WHERE_IT_PAYS = Precision(AUTO, loss=0.01, half=FLOAT32.name, signed=True, optional=True)
"""8 bits for the native engine where it computes faster in them and next to nothing is lost, else float32: what
`slsc compile` does unless told otherwise. Activations are signed, so that TensorRT takes such a bundle, too."""

IN_BFLOAT16 = Precision(ROUNDED, loss=WHERE_IT_PAYS.loss, optional=True)
"""What is tried beside 8 bits where it is left to `slsc compile`: other backends run such networks in float32."""
