"""Every network of the zoo, narrowed: the same function, and the paper's costs."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch

from slsc.passes.analysis.cost import costs
from slsc.passes.analysis.paper_cost import module_activations, paper_macs
from slsc.passes.analysis.shapes import sample_size
from slsc.passes.base import PassContext
from slsc.passes.graph import image_channels
from slsc.passes.importing.fold import FoldConstants
from slsc.passes.importing.identity import RemoveIdentities
from slsc.passes.narrowing import NarrowChannels, follow_channels, narrow_cost, narrow_share
from slsc.passes.pipeline import Pipeline
from slsc.zoo import MODELS
from slsc.zoo.carn import Carn
from slsc.zoo.edsr import Edsr
from slsc.zoo.export import to_onnx

HD = (720, 1280)

GOLDEN = {
    "edsr": (partial(Edsr, 4, shift=False), (29.11, 380_931), (16.56, 214_851), (7.52, 96_003)),
    "carn": (partial(Carn, 4, shift=False), (23.31, 279_459), (13.31, 157_755), (6.08, 70_611)),
    "rfdn": (MODELS["rfdn64_x4"].build, (10.44, 214_768), (6.05, 123_840), (2.85, 57_744)),
    "unet": (MODELS["unet"].build, (115.42, 1_699_587), (65.27, 956_739), (29.31, 425_859)),
    "srn": (MODELS["srn"].build, (302.67, 1_774_211), (171.21, 998_979), (76.94, 444_867)),
    "dmphn": (MODELS["dmphn"].build, (250.94, 2_017_356), (142.02, 1_136_316), (63.90, 506_412)),
}
"""GMACs at 1280x720 and parameters, from the filter pruning rows of the SLS paper's tables."""

SHARES = (0.5, 0.375, 0.25)
"""What these rows keep of every width."""


def exported(module: torch.nn.Module):
    return Pipeline([RemoveIdentities(), FoldConstants()]).run(to_onnx(module), PassContext()).model


@pytest.mark.parametrize(
    "name", sorted(set(MODELS) - {"dmphn_1_2_4_8"})
)  # tracing it takes as long as all others together
@torch.no_grad()
def test_a_narrow_network_is_the_whole_one_with_zero_filters(name, proven, some):
    torch.manual_seed(0)
    model = exported(MODELS[name].build())
    channels = follow_channels(model)
    image = np.random.default_rng(0).random((1, image_channels(model), *sample_size(model)), np.float32)
    keep = some(channels, share=0.3)

    narrow = proven(model, channels, keep, image[:, :, :32, :32], "makers")

    whole, left = costs(model, HD), costs(narrow, HD)
    assert not channels.kept and len(channels.widths) > 1
    assert narrow_cost(whole, left).share == narrow_share(whole, channels, keep) < 0.2
    assert narrow_cost(whole, left).params == left.params < 0.2 * whole.params


@pytest.mark.parametrize("name", GOLDEN)
def test_uniform_widths_cost_what_the_paper_says(name, some):
    build, *rows = GOLDEN[name]
    model = exported(build())
    channels = follow_channels(model)
    for share, (gmacs, params) in zip(SHARES, rows, strict=True):
        narrow = Pipeline([NarrowChannels(channels, some(channels, share=share))]).run(model, PassContext()).model
        cost = costs(narrow, HD)
        assert cost.params == params
        assert round(paper_macs(cost, module_activations(narrow)) / 1e9, 2) == gmacs
