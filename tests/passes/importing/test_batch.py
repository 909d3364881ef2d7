"""Networks of a fixed batch restore one image as they do in a batch of different ones, or are refused."""

from __future__ import annotations

import numpy as np
import pytest

from slsc.errors import ModelError
from slsc.passes import verify
from slsc.passes.base import PassContext
from slsc.passes.graph import declared_shape
from slsc.passes.importing.batch import SingleBatch
from slsc.passes.importing.import_model import import_model

NETWORKS = {
    "convolution": ("y = Conv <pads=[1,1,1,1]> (x, w)", {"w": (3, 3, 3, 3)}),
    "reshape": (
        "a = Conv <pads=[1,1,1,1]> (x, w) f = Reshape(a, flat) s = Softmax <axis=1> (f) "
        "m = ReduceMean <axes=[2]> (s) g = Reshape(m, gate) y = Mul(x, g)",
        {"w": (3, 3, 3, 3), "flat": np.array([3, 3, -1]), "gate": np.array([3, 3, 1, 1])},
    ),
}


def built(build, body, values, batch=3):
    return build(f"net (float[{batch},3,h,w] x) => (float[{batch},3,h,w] y) {{ {body} }}", **values)


@pytest.mark.parametrize("name", NETWORKS)
def test_one_image_at_a_time_gives_what_the_batch_gives(build, image, name):
    model = built(build, *NETWORKS[name])
    found = import_model(model)
    batch = image(20, 24, batch=3)
    together = verify.run(verify.session(model), batch)
    assert declared_shape(found.model, "x")[0] is None  # freed, so that patches can be batched
    assert np.abs(verify.run(verify.session(found.model), batch) - together).max() < 1e-6
    assert np.abs(verify.run(verify.session(found.model), batch[1:2]) - together[1:2]).max() < 1e-6
    assert "3 images" in found.report["single-batch"]["note"]


def test_a_batch_that_cannot_be_freed_is_filled(build, image):
    """A constant that has a value for each image of the batch."""
    body = "b = Mul(x, ones) y = Conv <pads=[1,1,1,1]> (b, w)"
    model = built(build, body, {"w": (3, 3, 3, 3), "ones": np.ones((3, 3, 1, 1), np.float32)})
    result = SingleBatch().run(model, PassContext())
    assert "all of which are computed" in result.report["note"] and declared_shape(result.model, "x")[0] == 1
    batch = image(20, 24, batch=3)
    expected = verify.run(verify.session(model), batch)
    alone = np.concatenate([verify.run(verify.session(result.model), one[None]) for one in batch])
    assert np.abs(alone - expected).max() < 1e-6


def test_images_that_affect_each_other_are_refused(build):
    body = "m = ReduceMean <axes=[0]> (x) y = Sub(x, m)"
    with pytest.raises(ModelError, match="3 images at once, which affect each other"):
        SingleBatch().run(built(build, body, {}), PassContext())


@pytest.mark.parametrize("batch", [1, "n"])
def test_one_image_or_any_number_is_left_alone(build, batch):
    model = built(build, *NETWORKS["convolution"], batch=batch)
    assert not SingleBatch().run(model, PassContext()).modified


def test_absurd_batches_are_refused_before_they_are_made(build):
    with pytest.raises(ModelError, match="takes 1000000000 images at once"):
        SingleBatch().run(built(build, *NETWORKS["convolution"], batch=10**9), PassContext())
