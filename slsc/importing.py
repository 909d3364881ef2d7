"""From a file to the graph that the front end works on: load, then the import passes, each proven by running it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from slsc.passes.base import PassContext, PassResult
from slsc.passes.graph import declared_shape, image_channels, image_input
from slsc.passes.importing import import_pipeline
from slsc.passes.load import load_model

SIDE = 128
"""Side of the images the passes are proven on where the network leaves it free: a multiple of the usual strides."""


def import_network(path: Path) -> PassResult:
    """Read a network and clean it; the report holds what each pass did.

    Raises:
        ModelError: the file cannot be read, or holds what slsc does not take.
        VerificationError: a pass changed what the network computes.
    """
    model = load_model(path)
    batch, _, height, width = declared_shape(model, image_input(model)[0])
    shape = (batch or 1, image_channels(model), height or SIDE, width or SIDE)
    noise = np.random.default_rng(0).random(shape, np.float32)
    # The value range is not known yet: one image in each of the usual ones.
    return import_pipeline().run(model, PassContext((noise, 255 * noise)))
