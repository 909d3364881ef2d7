"""Graphs of random shape: whatever is added, joined, split or shuffled, the narrow network computes the same."""

from __future__ import annotations

import numpy as np
import onnx
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from slsc.passes.narrowing import follow_channels

SIDE = 8


@settings(max_examples=150, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_random_graphs(proven, some, random_graph, data):
    model = random_graph(data.draw).model()
    onnx.checker.check_model(model, full_check=True)
    channels = follow_channels(model)
    keep = some(channels, data.draw(st.integers(0, 99)), data.draw(st.sampled_from((0.0, 0.3, 0.7))))
    image = np.random.default_rng(1).random((2, 3, SIDE, SIDE), np.float32)
    proven(model, channels, keep, image)
