"""Networks on slsc's backends as Polygraphy runners.

Importing this module needs Polygraphy, an optional extra.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping

import numpy as np
from polygraphy.backend.base import BaseRunner
from polygraphy.common import TensorMetadata

from slsc.runtime.backends import Backend
from slsc.runtime.backends.base import Batch

IMAGE, RESTORED = "image", "restored"
"""Names of input and output, whatever an artefact calls them."""


class BackendRunner(BaseRunner):  # type: ignore[misc]  # Polygraphy has no type hints
    """An engine on a backend behind Polygraphy's interface, opened as `slsc run` opens it.

    Args:
        backend: which runs it, on its threads.
        artefact: of the backend's kind.
        channels: of its input.
        name: shown in Polygraphy's messages.
    """

    def __init__(self, backend: Backend, artefact: bytes, channels: int, name: str) -> None:
        super().__init__(name=name, prefix=f"slsc-{backend.name}-runner")
        self._backend, self._artefact, self._channels = backend, artefact, channels

    def activate_impl(self) -> None:
        """Load the engine."""
        self.engine = self._backend.load(self._artefact)

    def get_input_metadata_impl(self) -> TensorMetadata:
        """One image of any size."""
        return TensorMetadata().add(IMAGE, np.float32, (1, self._channels, None, None))

    def infer_impl(self, feed_dict: Mapping[str, Batch]) -> OrderedDict[str, Batch]:
        """Run the network once, from planar float32 in memory to the same, and keep the time."""
        begun = time.perf_counter()
        restored = self.engine.run(feed_dict[IMAGE])
        self.inference_time = time.perf_counter() - begun
        return OrderedDict([(RESTORED, restored)])

    def deactivate_impl(self) -> None:
        """Close the engine."""
        self.engine.close()
