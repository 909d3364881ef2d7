"""Adam in rotated coordinates.

Adam scales every weight's step by itself, which is blind to how weights work together: the inputs of a convolution are
much alike, and the loss is steep along what they share and flat along their differences. Rotated to the principal
directions of its inputs a row of weights has coordinates that matter one by one, and Adam scales the steps along
those. It is what SOAP does (Vyas et al., ICLR 2025) on the side of the inputs, with directions measured once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from slsc.trainer.adam import adam_direction

DAMPING = 1e-3
"""Share of a parameter's mean gradient below which a coordinate's steps shrink with its gradient. In directions in
which inputs hardly vary gradients are noise, and steps of full size would lead a long run astray there."""


@dataclass(frozen=True)
class Rotation:
    """Orthonormal directions of some rows of a weight seen as a matrix, a row by output channel.

    Attributes:
        rows: (R,) the rows.
        index: (R, n) the columns that the directions are of; other columns of these rows are left alone.
        vectors: (R or 1, n, n), a direction a column; one for all rows where they are the same.
    """

    rows: Tensor
    index: Tensor
    vectors: Tensor

    def into(self, matrix: Tensor, rotated: Tensor) -> None:
        """Write the coordinates of `matrix` to `rotated`, in the columns of `index`; both are the whole weight's."""
        self._write(rotated, self._read(matrix) @ self.vectors)

    def back(self, rotated: Tensor, matrix: Tensor) -> None:
        """The other way."""
        self._write(matrix, self._read(rotated) @ self.vectors.mT)

    def to(self, device: torch.device) -> Rotation:
        """On a device."""
        return Rotation(self.rows.to(device), self.index.to(device), self.vectors.to(device))

    def _read(self, matrix: Tensor) -> Tensor:
        return matrix[self.rows].gather(1, self.index)[:, None, :]

    def _write(self, matrix: Tensor, values: Tensor) -> None:
        matrix[self.rows] = matrix[self.rows].scatter(1, self.index, values[:, 0])


class RotatedAdam(torch.optim.Optimizer):
    """Adam, some parameters in rotated coordinates.

    Args:
        parameters: to train.
        lr: the rate.
        rotations: of the parameters that are rotated. Columns outside their index get no step.
    """

    def __init__(
        self, parameters: Iterable[nn.Parameter], lr: float, rotations: Mapping[nn.Parameter, Sequence[Rotation]]
    ) -> None:
        super().__init__(parameters, {"lr": lr})
        self._rotations = dict(rotations)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One step; no closure is taken."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.sub_(self._direction(parameter), alpha=group["lr"])

    def state_dict(self) -> dict[str, Any]:
        """What Adam keeps, and the rotations, by the number of the parameter: without them it means nothing."""
        rotations = {
            number: [vars(rotation) for rotation in self._rotations.get(parameter, ())]
            for number, parameter in enumerate(self._parameters())
        }
        return {**super().state_dict(), "rotations": rotations}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:  # type: ignore[override]
        """Take up what `state_dict` gave, in place of the rotations of before."""
        super().load_state_dict(dict(state_dict))
        self._rotations = {
            parameter: [Rotation(**rotation) for rotation in state_dict["rotations"][number]]
            for number, parameter in enumerate(self._parameters())
        }

    def _parameters(self) -> Iterator[nn.Parameter]:
        return (parameter for group in self.param_groups for parameter in group["params"])

    def _direction(self, parameter: nn.Parameter) -> Tensor:
        assert parameter.grad is not None
        rotations = self._on(parameter)
        gradient = parameter.grad.reshape(len(parameter), -1) if rotations else parameter.grad
        if not rotations:
            return adam_direction(self.state[parameter], gradient, DAMPING)
        rotated, direction = torch.zeros_like(gradient), torch.zeros_like(gradient)
        for rotation in rotations:
            rotation.into(gradient, rotated)
        scaled = adam_direction(self.state[parameter], rotated, DAMPING)
        for rotation in rotations:
            rotation.back(scaled, direction)
        return direction.reshape(parameter.shape)

    def _on(self, parameter: nn.Parameter) -> Sequence[Rotation]:
        """The rotations of a parameter, on its device."""
        found = self._rotations.get(parameter, ())
        if found and found[0].rows.device != parameter.device:
            found = self._rotations[parameter] = [rotation.to(parameter.device) for rotation in found]
        return found
