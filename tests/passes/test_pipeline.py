"""The pipeline's checks around each pass."""

from __future__ import annotations

import numpy as np
import pytest

from slsc.errors import ModelError, ResourceError, VerificationError
from slsc.passes.base import Pass, PassContext, PassResult, PostconditionError, PreconditionError, copy_of
from slsc.passes.graph import initializers, set_initializer
from slsc.passes.pipeline import Pipeline

GRAPH = "net (float[n,3,h,w] x) => (float[n,3,h,w] y) { y = Conv <pads=[1,1,1,1]> (x, w) }"


@pytest.fixture
def model(build):
    return build(GRAPH, w=(3, 3, 3, 3))


class Scale(Pass):
    """Multiply the weight; a fault unless the factor is 1."""

    name = "scale"

    def __init__(self, factor: float, preserves: bool = True) -> None:
        self.factor, self.preserves_function = factor, preserves  # type: ignore[misc]

    def run(self, model, context):
        result = copy_of(model)
        set_initializer(result, "w", initializers(model)["w"] * np.float32(self.factor))
        return PassResult(result, True, {"factor": self.factor})


class Refuse(Pass):
    name = "refuse"

    def __init__(self, error: Exception, where: str) -> None:
        self.error, self.where = error, where

    def requires(self, model, context):
        self._raise("requires")

    def run(self, model, context):
        self._raise("run")
        return PassResult(model, False)

    def ensures(self, model, context):
        self._raise("ensures")

    def _raise(self, where: str) -> None:
        if where == self.where:
            raise self.error


def test_passes_run_in_order_and_are_proven(model, image):
    result = Pipeline([Scale(1.0), Scale(2.0, preserves=False)]).run(model, PassContext((image(8, 9),)))
    np.testing.assert_array_equal(initializers(result.model)["w"], initializers(model)["w"] * 2)
    assert result.modified and result.report["scale"] == {"factor": 2.0}
    once = Pipeline([Scale(1.0)]).run(model, PassContext((image(8, 9),)))
    assert once.report["scale"]["difference"] == {"max_abs": 0.0, "psnr_db": None}


def test_a_pass_that_changes_the_function_is_caught(model, image):
    with pytest.raises(
        PostconditionError, match=r"pass scale failed after the passes refuse: the network's output"
    ) as e:
        Pipeline([Refuse(ValueError(), "never"), Scale(1.001)]).run(model, PassContext((image(8, 9),)))
    assert e.value.exit_code == 1 and "dB" in str(e.value)
    assert Pipeline([Scale(1.001)]).run(model, PassContext()).modified  # nothing to run it on


@pytest.mark.parametrize(("where", "kind"), [("requires", PreconditionError), ("ensures", PostconditionError)])
def test_conditions_name_the_pass(model, where, kind):
    with pytest.raises(kind, match="pass refuse failed as the first pass: too tall") as caught:
        Pipeline([Refuse(kind("too tall"), where)]).run(model, PassContext())
    assert isinstance(caught.value.__cause__, kind)


def test_a_refusal_of_the_model_is_the_users_to_read(model):
    with pytest.raises(ModelError, match=r"^cannot take it$"):
        Pipeline([Refuse(ModelError("cannot take it"), "run")]).run(model, PassContext())


def test_a_breakdown_is_chained_and_named(model):
    with pytest.raises(VerificationError, match="pass refuse broke down after the passes scale: KeyError") as caught:
        Pipeline([Scale(1.0), Refuse(KeyError("x"), "run")]).run(model, PassContext())
    assert isinstance(caught.value.__cause__, KeyError)


def test_too_little_memory_is_no_breakdown(model):
    with pytest.raises(ResourceError, match="out of memory: in the pass refuse, as the first pass"):
        Pipeline([Refuse(MemoryError(), "run")]).run(model, PassContext())
