"""How a session restores."""

from __future__ import annotations

from dataclasses import dataclass

from slsc.errors import UsageError
from slsc.runtime.adaptive.wish import Wish
from slsc.runtime.bundle.engines import MAX_M

MAX_THREADS = 1024


@dataclass(frozen=True)
class Options:
    """How a session restores.

    Attributes:
        backend: a name of `slsc.runtime.backends.BACKENDS`; None for the first of them that is available and accepts
            the engine. "onnxruntime:cuda" is ONNX Runtime with that provider, "onnxruntime:cuda,cpu" falls back to the
            CPU; see `slsc.runtime.backends.ort_providers.PROVIDERS`.
        engine: name of an engine of the bundle, None for its first.
        threads: threads of the backend, 0 for one per core.
        memory: bytes the process may have resident while restoring, whatever the size of the photo; None for a
            default of some hundred MiB over what it has when the session opens. What other parts of the process
            allocate after the session was opened is not counted.
        tile: largest tile core in input pixels a side, None for the largest that fits.
        exact: output equals whole-image inference up to float rounding, whatever the halo takes.
        beta, budget, time_budget, quality: what adaptive restoration is asked for, one of them at most; see
            `slsc.runtime.adaptive.wish.Wish`. They need a bundle with an estimator, and no `engine`.
        strict: refuse a photo for which what is asked for cannot be met, instead of coming as near as can be.
        capacity: most weights kept of every M in each sparse layer, the most important ones; None for all that the
            engine has. Needs a backend whose runners are `Adjustable`.
    """

    backend: str | None = None
    engine: str | None = None
    threads: int = 0
    memory: int | None = None
    tile: int | None = None
    exact: bool = False
    capacity: int | None = None
    beta: float | None = None
    budget: float | None = None
    time_budget: float | None = None
    quality: float | None = None
    strict: bool = False

    @property
    def wish(self) -> Wish:
        """What is asked for."""
        return Wish(self.beta, self.budget, self.time_budget, self.quality)

    def __post_init__(self) -> None:
        if self.wish.given and (self.engine is not None or self.capacity is not None):
            what = "engine" if self.engine is not None else "capacity"
            raise UsageError(
                f"one {what} for the whole photo leaves nothing to choose", hint=f"leave out --{what}, or what asks"
            )
        if not 0 <= self.threads <= MAX_THREADS:
            raise UsageError(f"threads must be in 0..{MAX_THREADS}, got {self.threads}", hint="0 takes every core")
        if self.memory is not None and self.memory < 1:
            raise UsageError(f"memory must be positive, got {self.memory} bytes", hint="write it as 512MiB")
        if self.tile is not None and self.tile < 1:
            raise UsageError(f"tile must be positive, got {self.tile}", hint="leave it out for the largest that fits")
        if self.capacity is not None and not 1 <= self.capacity <= MAX_M:
            raise UsageError(
                f"capacity must be in 1..{MAX_M}, got {self.capacity}", hint="leave it out to keep all weights"
            )
