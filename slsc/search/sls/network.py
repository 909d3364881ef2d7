"""A network whose weights pass through gates (SLS, Eq. 2 and 5)."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from slsc.onnx_torch import OnnxModule
from slsc.search.base import Network, Rules
from slsc.search.sls.gates import gates, start_of
from slsc.search.sls.settings import SlsSettings
from slsc.search.sls.units import mask_of, unit_of, unit_sizes


class GatedNetwork(nn.Module):
    """Runs a network with W * b[unit] for the weight W of every prunable layer.

    Keeping one small number a weight instead of M masks is the same as Eq. 1 and 2 and takes a thirtieth of the memory.

    Args:
        network: its layers and their cost.
        module: its weights; trained in place.
        rules: group size and mask rule.
        settings: how k becomes gates.
        keep: N to start from by layer; all dense for None.

    Attributes:
        k: (layers, M - 1), what learns N.
        frozen: whether N is settled; the gates are then `kept`.
    """

    units: Tensor
    kept: Tensor
    frozen: Tensor

    def __init__(
        self,
        network: Network,
        module: OnnxModule,
        rules: Rules,
        settings: SlsSettings,
        keep: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__()
        self.network, self._rules, self._settings = module, rules, settings
        self.names = tuple(layer.name for layer in network.layers)
        start = [start_of(keep[name] if keep else rules.m, rules.m, settings) for name in self.names]
        self.k = nn.Parameter(torch.stack(start))
        for index in range(len(self.names)):
            self.register_buffer(_units(index), torch.empty(0, dtype=torch.uint8))
        self.register_buffer("kept", torch.ones(len(self.names), rules.m))
        self.register_buffer("frozen", torch.tensor(False))
        positions = {layer.name: layer.positions for layer in network.cost.layers}
        shapes = {layer.name: layer.shape for layer in network.layers}
        macs = [[positions[name] * size for size in unit_sizes(shapes[name], rules.m)] for name in self.names]
        self._macs = np.array(macs, np.int64)  # of each unit of each layer
        self.register_buffer("_shares", torch.from_numpy(self._macs / self._macs.sum()).float(), persistent=False)
        self.rank()

    def forward(self, x: Tensor) -> Tensor:
        """The restored image for `x`, (B, C, H, W) in the network's range."""
        open_ = self.gates()
        weights = {
            name: _Gate.apply(self.network.parameter(name), row, getattr(self, _units(index)))
            for index, (name, row) in enumerate(zip(self.names, open_.unbind(0), strict=True))
        }
        return self.network(x, weights)  # type: ignore[no-any-return]

    def gates(self) -> Tensor:
        """b of every layer, (layers, M)."""
        return self.kept if self.frozen else gates(self.k, self._settings)

    def share(self) -> Tensor:
        """Kept / original MACs over the prunable layers (Eq. 5 over its sum at N = M), differentiable in k."""
        return (self.gates() * self.get_buffer("_shares")).sum()

    def exact_share(self) -> Fraction:
        """The same without rounding, as budgets are judged."""
        kept = self.gates().detach().cpu().numpy() > 0
        return Fraction(int(self._macs[kept].sum()), int(self._macs.sum()))

    def keep(self) -> dict[str, int]:
        """N of every layer."""
        return dict(zip(self.names, (self.gates().detach() > 0).sum(1).tolist(), strict=True))

    def masks(self) -> dict[str, np.ndarray]:
        """True where a weight is kept, by layer."""
        rows = self.gates().detach()
        return {name: mask_of(getattr(self, _units(i)), rows[i]) for i, name in enumerate(self.names)}

    def rank(self) -> None:
        """Form the units anew from the weights as they are."""
        for index, name in enumerate(self.names):
            setattr(self, _units(index), unit_of(self.network.parameter(name), self._rules))

    def freeze(self) -> None:
        """Settle N at what the gates are now; k learns no more."""
        self.kept = self.gates().detach().clone()
        self.frozen = torch.ones_like(self.frozen)
        self.k.requires_grad_(False)

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Take up a state, with N settled if it was."""
        result = super().load_state_dict(state, strict, assign)
        self.k.requires_grad_(not self.frozen)
        return result


class _Gate(torch.autograd.Function):
    """W * b[unit]. The weight's gradient passes where its gate is open; that of b_u is summed over the unit's weights."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, row: Tensor, units: Tensor) -> Tensor:
        factor = row[units.int()]
        ctx.save_for_backward(weight, factor, units)
        ctx.m = len(row)
        return weight * factor

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        weight, factor, units = ctx.saved_tensors
        gated = None
        if ctx.needs_input_grad[1]:
            gated = torch.bincount(units.flatten(), (gradient * weight).flatten(), minlength=ctx.m)
        return gradient * factor, gated, None


def _units(index: int) -> str:
    return f"units_{index}"
