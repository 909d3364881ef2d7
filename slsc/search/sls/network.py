"""A network whose weights pass through gates (SLS, Eq. 2 and 5)."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from slsc.onnx_torch import OnnxModule
from slsc.search.base import Rules, SearchNetwork
from slsc.search.sls.filling import fill_budget
from slsc.search.sls.gates import Gate, gates, scores, slot_gates, start_of
from slsc.search.sls.settings import SlsSettings
from slsc.search.sls.units import macs_by_n, require_units, slot_macs, slots_of


class GatedNetwork(nn.Module):
    """Runs a network with W * b[slot] for the weight W of every prunable layer.

    Keeping one small number a weight instead of M masks is the same as Eq. 1 and 2 and takes a thirtieth of the memory.

    Args:
        network: its layers and their cost.
        module: its weights; trained in place.
        rules: group size and mask rule.
        settings: how k becomes gates.
        keep: N to start from by layer, which it may fall from but not exceed; all dense for None.

    Attributes:
        network: `module`.
        names: the prunable layers.
        k: (layers, M - 1), what learns N, over `settings.k_rate`.
        frozen: whether N is settled; the gates are then `kept`.

    Raises:
        UsageError: rules and settings do not go together.
    """

    kept: Tensor
    frozen: Tensor
    shares: Tensor

    def __init__(
        self,
        network: SearchNetwork,
        module: OnnxModule,
        rules: Rules,
        settings: SlsSettings,
        keep: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__()
        require_units(rules, ordered=settings.ordered)
        self.network, self._rules, self._settings = module, rules, settings
        self.names = tuple(layer.name for layer in network.layers)
        start = [start_of(keep[name] if keep else rules.m, rules.m) for name in self.names]
        self.k = nn.Parameter(torch.stack(start) / settings.k_rate)
        self.register_buffer("kept", torch.ones(len(self.names), rules.m))
        self.register_buffer("frozen", torch.tensor(False))
        self._macs = macs_by_n(network.cost, self.names, rules.m)
        by_slot = slot_macs(network.cost, self.names, rules.m)
        self.register_buffer("shares", torch.from_numpy(by_slot / by_slot.sum()).float(), persistent=False)
        for index, name in enumerate(self.names):
            self.register_buffer(_slots(index), slots_of(module.parameter(name), rules))

    def forward(self, x: Tensor) -> Tensor:
        """The restored image for `x`, (B, C, H, W) in the network's range."""
        rows = slot_gates(self.gates(), self._settings).unbind(0)
        weights = {
            name: Gate.apply(self.network.parameter(name), row, self.get_buffer(_slots(index)))
            for index, (name, row) in enumerate(zip(self.names, rows, strict=True))
        }
        restored: Tensor = self.network(x, weights)
        return restored

    def gates(self) -> Tensor:
        """b of every unit of every layer, (layers, M)."""
        learned = gates(self._scores(), self._settings)
        return torch.where(self.frozen, self.kept, learned)

    def share(self) -> Tensor:
        """Kept / original MACs over the prunable layers (Eq. 5 over its sum at N = M), differentiable in k."""
        return (slot_gates(self.gates(), self._settings) * self.shares).sum()

    def exact_share(self) -> Fraction:
        """The same without rounding, as budgets are judged and `slsc.passes.analysis.cost.plan_cost` counts."""
        counts = self._counts()
        return Fraction(int(self._macs[np.arange(len(counts)), counts].sum()), int(self._macs[:, -1].sum()))

    def keep(self) -> dict[str, int]:
        """N of every layer."""
        return dict(zip(self.names, self._counts().tolist(), strict=True))

    def masks(self) -> dict[str, npt.NDArray[np.bool_]]:
        """True where a weight is kept, by layer."""
        rows = slot_gates(self.gates().detach(), self._settings) > 0
        return {
            name: rows[index][self.get_buffer(_slots(index)).int()].cpu().numpy()
            for index, name in enumerate(self.names)
        }

    @torch.no_grad()
    def rank(self) -> None:
        """Form the units anew from the weights as they are."""
        for index, name in enumerate(self.names):
            self.get_buffer(_slots(index)).copy_(slots_of(self.network.parameter(name), self._rules))

    @torch.no_grad()
    def project(self) -> None:
        """Bring k back to where it is used, 0 to its largest value; beyond it would no longer learn."""
        self.k.clamp_(0.0, self._settings.most / self._settings.k_rate)

    @torch.no_grad()
    def fill(self, budget: Fraction) -> None:
        """Settle N at the units of the highest p that fit into `budget`."""
        p = self._scores().cpu().numpy()
        taken = fill_budget(p, self._macs, int(budget * int(self._macs[:, -1].sum())))
        self._settle(torch.from_numpy(taken))

    def freeze(self) -> None:
        """Settle N at what the gates are now."""
        self._settle(self.gates().detach())

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Take up a state, with N settled if it was."""
        result = super().load_state_dict(state, strict, assign)
        self._hold_k()
        return result

    def _scores(self) -> Tensor:
        return scores(self.k * self._settings.k_rate, self._settings)

    def _settle(self, kept: Tensor) -> None:
        with torch.no_grad():
            self.kept.copy_(kept)
            self.frozen.fill_(True)
        self._hold_k()

    def _hold_k(self) -> None:
        learns = not bool(self.frozen)
        self.k.requires_grad_(learns)
        if not learns:
            self.k.grad = None  # Adam's momentum moves what has a gradient, even one of zeros

    def _counts(self) -> npt.NDArray[np.int64]:
        counts: npt.NDArray[np.int64] = (self.gates().detach() > 0).sum(1).cpu().numpy()
        return counts


def _slots(index: int) -> str:
    return f"slots_{index}"
