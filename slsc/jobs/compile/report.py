"""What came of a compilation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from slsc.jobs.compile.hardware import Hardware
from slsc.jobs.compile.measuring import Quality
from slsc.jobs.compile.paying import Race
from slsc.jobs.compile.timing import Traded
from slsc.jobs.type.precision import LayerType
from slsc.jobs.type.wanted import Precision
from slsc.probe import ProbeResult
from slsc.runtime.bundle.estimators import EstimatorRecord
from slsc.runtime.bundle.manifest import TileGeometry


@dataclass(frozen=True)
class Figures:
    """One line of the before/after table; `name` is "dense" or the engine's.

    Attributes:
        name: see above.
        budget: most that `share` may be; 1 for "dense".
        share: kept / dense MACs over the prunable layers.
        share_of_all: kept / dense MACs over the whole network.
        params: parameters that are kept.
        macs: kept weight MACs for an output of `slsc.jobs.inspect.inspection.REPORT_HW`, all tiles of a network of one
            size together, halos included.
        predicted_ms: time that the profile of a device predicts; None without one.
        quality: measured on the held-out photos.
        artefact_bytes: size of each of its artefacts, by kind.
        refusals: why there are no others, by kind.
        layers: what its convolutions compute in, where it was given types.
        loss: PSNR that these cost, dB; None without, or where it cannot be measured.
        untyped: why it computes in float32 where other types were to be tried; else empty.
    """

    name: str
    budget: float
    share: float
    share_of_all: float
    params: int
    macs: int
    predicted_ms: float | None
    quality: Quality
    artefact_bytes: Mapping[str, int]
    refusals: Mapping[str, str]
    layers: tuple[LayerType, ...] = ()
    loss: float | None = None
    untyped: str = ""


@dataclass(frozen=True)
class CompileReport:
    """What was made.

    Attributes:
        notes: what was said of the network's inputs and outputs, and how its conventions were met.
        probe: interface of the network, and how it was found.
        tile: how tiles must overlap.
        output_hw: output size of `Figures.macs`.
        tiles: of a network of one size that this takes; 1 for networks of any.
        dense: the network before.
        quantized: the network as its file has it, where activations are rounded to integers there: `psnr_to_dense` is
            what that rounding changes. None for other networks.
        engines: the engines, in the order of the budgets.
        held_out: number of photos the quality was measured on.
        labelled: these are pairs of the user's, in the state they came in.
        plain_psnr: PSNR in dB of doing nothing on them, as `Quality.psnr`; None without truth.
        precision: types that engines were given, or were to be.
        warnings: networks that restore nothing, and were compiled by force.
        seconds: wall-clock time.
        peak_bytes: most memory the process has held; None where the system does not tell.
        hardware: how the network was fitted to 2:4 hardware.
        device: what the predicted times are of, in words; None without a profile.
        frontier: what latencies buy; empty without a profile, and for networks that came sparse.
        estimator: of an adaptive bundle.
        race: what engines take beside the dense network on this processor; None for adaptive bundles, and where the
            native engine does not run them.
    """

    notes: tuple[str, ...]
    probe: ProbeResult
    tile: TileGeometry
    output_hw: tuple[int, int]
    tiles: int
    dense: Figures
    quantized: Quality | None
    engines: tuple[Figures, ...]
    held_out: int
    labelled: bool
    plain_psnr: float | None
    precision: Precision
    warnings: tuple[str, ...]
    seconds: float
    peak_bytes: int | None
    hardware: Hardware
    device: str | None
    frontier: tuple[Traded, ...]
    estimator: EstimatorRecord | None
    race: Race | None
