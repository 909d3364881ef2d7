from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("polygraphy")

from polygraphy.exception import PolygraphyException

from slsc.jobs.profile.runners import BackendRunner
from slsc.networks.loading import import_network
from slsc.passes.artefacts import FORMS
from slsc.runtime.backends import BACKENDS
from slsc.runtime.backends.library import library_path
from slsc.zoo import zoo_model
from slsc.zoo.export import export_onnx

pytestmark = pytest.mark.skipif(library_path() is None, reason="the native engine is not built")


@pytest.fixture(scope="module")
def runners(tmp_path_factory):
    """A runner of one network for each backend."""
    path = tmp_path_factory.mktemp("network") / "network.onnx"
    export_onnx(zoo_model("compact_x4").build(), path)
    model = import_network(path).model
    return {
        name: BackendRunner(make(1), FORMS[make.kind].build(model, None), 3, name)
        for name, make in BACKENDS.items()
        if make(1).available() is None
    }


def test_both_give_the_same(runners) -> None:
    image = np.random.default_rng(0).random((1, 3, 11, 14), np.float32)
    outputs = []
    for runner in runners.values():
        with runner:
            (name,) = runner.get_input_metadata(use_numpy_dtypes=False)
            (output,) = runner.infer({name: image}).values()
            outputs.append(output)
            assert runner.last_inference_time() > 0
    assert np.abs(outputs[0] - outputs[1]).max() < 1e-4 * np.ptp(outputs[1])


def test_polygraphy_checks_the_inputs_of_ours(runners) -> None:
    with runners["native"] as runner, pytest.raises(PolygraphyException):
        runner.infer({"image": np.zeros((1, 4, 8, 8), np.float32)})
