"""What can be profiled: the engines of a bundle, or one ONNX network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from slsc.errors import BackendError, ModelError, UsageError
from slsc.passes.importing.binding import NOTHING_BOUND, Binding
from slsc.runtime.backends import Backend, require_accepted
from slsc.runtime.bundle.engines import Engine
from slsc.runtime.bundle.reader import Bundle, open_bundle
from slsc.runtime.bundle.value_range import UNIT, ValueRange


@dataclass(frozen=True)
class Target:
    """One network.

    Attributes:
        name: of the engine, or of the file without its suffix.
        channels: of its input.
        values: of black and white in its input.
        fixed_hw: the only size it takes, None when free.
        artefact: what a backend loads; raises BackendError where it cannot run there.
    """

    name: str
    channels: int
    values: ValueRange
    fixed_hw: tuple[int, int] | None
    artefact: Callable[[Backend], bytes]


def bundle_targets(path: Path, engine: str | None) -> list[Target]:
    """The engines of a bundle, or the one called `engine`.

    Raises:
        BundleError: the bundle cannot be opened.
        UsageError: it has no such engine.
    """
    bundle = open_bundle(path)
    return [_bundle_target(bundle, entry) for entry in bundle.select(engine)]


def _bundle_target(bundle: Bundle, engine: Engine) -> Target:
    io = bundle.manifest.io

    def artefact(backend: Backend) -> bytes:
        require_accepted(backend, engine)
        return bundle.read(engine.artefacts[backend.kind].entry)

    return Target(engine.name, io.channels, io.input_range, io.fixed_hw, artefact)


def binding_in(path: Path) -> Binding:
    """What the network that a bundle was compiled from was said to hold.

    Raises:
        BundleError: the bundle cannot be opened.
    """
    return Binding.from_options(open_bundle(path).manifest.source.options)


def network_target(path: Path, binding: Binding = NOTHING_BOUND) -> Target:
    """An ONNX network, after the import passes; dense on every backend, whatever zeros it holds.

    Args:
        path: the ONNX file.
        binding: what its inputs beside the image hold, and which output is wanted.

    Raises:
        ModelError: it cannot be read, or holds what slsc does not take.
    """
    from slsc.networks.loading import import_network
    from slsc.passes.artefacts import FORMS
    from slsc.passes.graph import declared_shape, image_channels, image_input

    model = import_network(path, binding).model
    _, _, height, width = declared_shape(model, image_input(model)[0])

    def artefact(backend: Backend) -> bytes:
        try:
            return FORMS[backend.kind].build(model, None)
        except ModelError as refusal:
            raise BackendError(
                f"the backend {backend.name} cannot run the network",
                where=str(path),
                why=str(refusal),
                hint="leave out --backend to measure on those that can",
            ) from refusal

    fixed = (height, width) if height and width else None
    return Target(path.stem, image_channels(model), UNIT, fixed, artefact)


def image_size(targets: Sequence[Target], asked: tuple[int, int] | None, default: tuple[int, int]) -> tuple[int, int]:
    """Height and width to profile at: what was asked for, else the networks' own, else the default.

    Raises:
        UsageError: a network takes another size only.
    """
    fixed = next((target.fixed_hw for target in targets if target.fixed_hw), None)
    if fixed and asked not in (None, fixed):
        raise UsageError(
            f"the network takes images of {fixed[0]}x{fixed[1]} (height x width) only", hint="leave out --size"
        )
    return asked or fixed or default
