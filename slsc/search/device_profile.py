"""What each layer of a network takes on a device, by N: the price list of a search for a latency.

`slsc profile NETWORK -o PROFILE.json` measures it; docs/tutorial/budget.md tells how.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import onnx

import slsc
from slsc.errors import BudgetError, DataError
from slsc.passes.analysis.layers import prunable_layers
from slsc.passes.analysis.structure import structure_digest
from slsc.search.oneshot.stages import stage_counts

SCHEMA = 1
MAX_BYTES = 16 << 20
MAX_LAYERS = 1 << 16
MAX_MS = 1e7
"""Of one layer, and of all there is beside: some hours."""

ROUNDING = 1e-9
"""Share by which a latency may miss the least one, as sums of floats do."""


@dataclass(frozen=True)
class DeviceProfile:
    """Times of one network on one device, milliseconds.

    Attributes:
        network: `structure_digest` of the network, after the import passes.
        backend: that ran it, a name of `slsc.runtime.backends.BACKENDS`.
        version: of slsc, whose engine it is.
        device: what it ran on, in words.
        threads: it ran on.
        precision: it computed in.
        input_hw: size of the image, pixels.
        m: group size.
        layers: by prunable layer and N: what the layer takes. M is among the N.
        rest: what all else takes, whatever N is.
    """

    network: str
    backend: str
    version: str
    device: str
    threads: int
    precision: str
    input_hw: tuple[int, int]
    m: int
    layers: Mapping[str, Mapping[int, float]]
    rest: float

    def layer_ms(self, name: str, n: int) -> float:
        """What a layer takes at N:M; between the N that were measured, on the line that joins them."""
        points = sorted(self.layers[name].items())
        return float(np.interp(n, [at for at, _ in points], [ms for _, ms in points]))

    def predict(self, keep: Mapping[str, int]) -> float:
        """What the network takes whose layer `name` keeps `keep[name]` of every M; layers not named are dense."""
        return self.rest + sum(self.layer_ms(name, keep.get(name, self.m)) for name in self.layers)

    def least(self) -> float:
        """The fastest that the network can be with the N that a search chooses from."""
        return self.rest + sum(map(min, self._choices()))

    def most(self) -> float:
        """The slowest."""
        return self.rest + sum(map(max, self._choices()))

    def _choices(self) -> list[list[float]]:
        counts = [self.m, *stage_counts(self.m, 1)]
        return [[self.layer_ms(name, n) for n in counts] for name in self.layers]

    def in_words(self) -> str:
        """What the times are of."""
        height, width = self.input_hw
        return f"input {height}x{width}, {self.backend}, {self.threads} threads, {self.device}"

    def require_of(self, model: onnx.ModelProto, m: int, where: Path) -> None:
        """Refuse a profile that says nothing of a network.

        Args:
            model: the network, after the import passes.
            m: the group size that is searched with.
            where: the profile's file.

        Raises:
            DataError: it is of another network, group size, or version of the engine, or was changed by hand.
        """
        again = f"measure again: slsc profile MODEL.onnx -o {where}"
        if self.version != slsc.__version__:
            why = f"it was measured with slsc {self.version}, this is {slsc.__version__}"
            raise DataError("the profile is of another engine", where=str(where), why=why, hint=again)
        if self.network != structure_digest(model):
            why = "layers, shapes or names differ from those that were measured"
            raise DataError("the profile is of another network", where=str(where), why=why, hint=again)
        named = {layer.name for layer in prunable_layers(model)}
        if named != set(self.layers):
            odd = min(named ^ set(self.layers))
            raise DataError("the profile is of other layers", where=str(where), why=f"one is {odd!r}", hint=again)
        if self.m != m:
            why = f"it was measured with {self.m}"
            raise DataError(f"the profile is not of groups of {m} weights", where=str(where), why=why, hint=again)

    def to_json(self) -> str:
        """The file; `read_profile` is the inverse."""
        return json.dumps({"schema": SCHEMA, **asdict(self)}, indent=1) + "\n"


@dataclass(frozen=True)
class FrontierPoint:
    """The best that a latency buys.

    Attributes:
        ms: predicted.
        share: kept / dense MACs over the prunable layers.
        error: mean squared error of the network's output that is predicted, before weights are corrected.
    """

    ms: float
    share: float
    error: float


def require_reachable(latency: float, profile: DeviceProfile) -> None:
    """Refuse a latency in milliseconds that no choice of N meets.

    Raises:
        BudgetError: names the least; exit code 3.
    """
    if latency < profile.least() * (1 - ROUNDING):
        raise BudgetError(
            f"a latency of {latency:g} ms cannot be reached",
            why=f"with each layer at its fastest N the network takes {profile.least():.3f} ms ({profile.in_words()})",
            hint=f"use --latency {math.ceil(100 * profile.least()) / 100:g}ms or more",
            exit_code=3,
        )


def read_profile(path: Path) -> DeviceProfile:
    """Read a profile; the file may hold anything.

    Raises:
        DataError: it cannot be read, or is no profile.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            _refuse(path, f"it is larger than {MAX_BYTES >> 20} MiB")
        data = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_number)
    except OSError as error:
        raise DataError("the profile cannot be read", where=str(path), why=error.strerror) from None
    except (ValueError, RecursionError) as error:
        _refuse(path, f"it is no JSON ({type(error).__name__})")
    try:
        return _profile(data)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        _refuse(path, f"{type(error).__name__}: {error}")


def _profile(data: Any) -> DeviceProfile:
    if type(data) is not dict or data.get("schema") != SCHEMA:
        raise ValueError(f"it is no profile of schema {SCHEMA}")
    if unknown := set(data) - {"schema", *(field.name for field in fields(DeviceProfile))}:
        raise ValueError(f"unknown field {min(unknown)!r}")
    m = _integer(data["m"], 2, 256)
    height, width = data["input_hw"]
    layers = data["layers"]
    if not isinstance(layers, dict) or not 1 <= len(layers) <= MAX_LAYERS:
        raise ValueError("there are no layers, or too many")
    return DeviceProfile(
        **{name: _text(data[name]) for name in ("network", "backend", "version", "device", "precision")},
        threads=_integer(data["threads"], 1, 1 << 16),
        input_hw=(_integer(height, 1, 1 << 20), _integer(width, 1, 1 << 20)),
        m=m,
        layers={name: _points(points, m) for name, points in layers.items()},
        rest=_ms(data["rest"]),
    )


def _points(points: Any, m: int) -> dict[int, float]:
    if not isinstance(points, dict) or len(points) > m:
        raise ValueError("a layer has no times by N")
    found = {_integer(int(n), 1, m): _ms(ms) for n, ms in points.items() if len(n) <= 3}
    if not {1, m} <= found.keys():
        raise ValueError(f"a layer has no time at N = 1, or at N = {m}")
    return found


def _integer(value: Any, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"{str(value)[:40]} is no integer in {low}..{high}")
    return value


def _ms(value: Any) -> float:
    if type(value) not in (int, float) or not (math.isfinite(value) and 0 <= value <= MAX_MS):
        raise ValueError(f"{str(value)[:40]} is no time in milliseconds")
    return float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= 200:
        raise ValueError("a text is missing, or is longer than 200 characters")
    return value


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _refuse(path: Path, why: str) -> NoReturn:
    hint = "make one: slsc profile MODEL.onnx -o PROFILE.json"
    raise DataError("this is no profile of a device", where=str(path), why=why, hint=hint)
