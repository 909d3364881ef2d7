"""Latencies to compile to, and what the profile of a device predicts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import onnx

from slsc.errors import UsageError
from slsc.plan import Plan
from slsc.runtime.bundle.manifest import ImageIO
from slsc.search.device_profile import DeviceProfile, require_reachable
from slsc.search.searcher import Searcher


@dataclass(frozen=True)
class Traded:
    """A point of the trade between time and quality.

    Attributes:
        ms: predicted.
        share: kept / dense MACs over the prunable layers.
        psnr: dB between the dense network's output and what the layers' measured sensitivities say of it, before
            weights are corrected; None for no difference.
    """

    ms: float
    share: float
    psnr: float | None


@dataclass(frozen=True)
class Timing:
    """What compilation is told of time.

    Attributes:
        latencies: milliseconds, one engine each; none where times are only to be predicted.
        profile: of a device.
        where: the profile's file.
    """

    latencies: tuple[float, ...]
    profile: DeviceProfile
    where: Path

    def names(self) -> list[str]:
        """Names of the engines, such as "20ms".

        Raises:
            UsageError: a latency is there twice.
        """
        found = [f"{latency:g}ms" for latency in self.latencies]
        for index, name in enumerate(found):
            if name in found[:index]:
                raise UsageError(f"latency {name} is given twice", hint="name each latency once")
        return found

    def require_of(self, model: onnx.ModelProto, m: int) -> None:
        """Refuse a profile that says nothing of the network, and latencies that cannot be reached.

        Raises:
            DataError, BudgetError: see `DeviceProfile.require_of` and `require_reachable`.
        """
        self.profile.require_of(model, m, self.where)
        for latency in self.latencies:
            require_reachable(latency, self.profile)

    def predicted(self, plan: Plan) -> float:
        """Milliseconds of a network that keeps what a plan says."""
        return self.profile.predict({layer.name: layer.n for layer in plan.layers})

    def frontier(self, searcher: Searcher, io: ImageIO) -> tuple[Traded, ...]:
        """What latencies buy, from the least one on."""
        span = io.output_range.mean_span
        return tuple(
            Traded(point.ms, point.share, 10 * math.log10(span**2 / point.error) if point.error > 0 else None)
            for point in searcher.frontier(self.profile)
        )
