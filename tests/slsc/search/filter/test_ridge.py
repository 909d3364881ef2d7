from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from slsc.onnx_torch import OnnxModule
from slsc.search.filter import ridge
from slsc.search.layers import layers_of
from slsc.search.moments import layer_moments


@pytest.mark.parametrize("groups", [1, 2])
def test_recovers_a_convolution_of_the_channels_it_may_read(build_model, monkeypatch, groups: int) -> None:
    monkeypatch.setattr(ridge, "RIDGE", 1e-6)
    text = f"t (float[n,3,h,w] x) => (float[n,4,h,w] y) {{ z = Conv(x, s) y = Conv<group={groups}>(z, w, b) }}"
    module = OnnxModule(build_model(text, s=(8, 3, 1, 1), w=(4, 8 // groups, 3, 3), b=(4,)))
    layer = layers_of(module)["w"]
    mask = np.ones((4, 8 // groups, 3, 3), bool)
    mask[:, 1] = mask[0] = False
    generator = torch.Generator().manual_seed(0)
    inputs = 3 + torch.rand(4, 8, 24, 24, generator=generator)
    weight, bias = torch.randn(4, 8 // groups, 3, 3, generator=generator), torch.randn(4, generator=generator)
    target = F.conv2d(inputs, weight * torch.from_numpy(mask), bias, groups=groups)

    moments = layer_moments(module, layer, inputs, target, 4000, generator)
    found, offset = ridge.ridge_fit(np.zeros(mask.shape, np.float32), moments, mask, True)

    np.testing.assert_allclose(found, weight.numpy() * mask, atol=2e-2)
    fitted = F.conv2d(inputs, torch.from_numpy(found), torch.from_numpy(offset), groups=groups)
    torch.testing.assert_close(fitted[:, 1:], target[:, 1:], atol=5e-2, rtol=0)
    assert not found[~mask].any() and not fitted[:, 0].any()


def test_the_pull_is_towards_the_old_weights_and_spares_the_mean(build_model, monkeypatch) -> None:
    monkeypatch.setattr(ridge, "RIDGE", 1e6)
    text = "t (float[n,3,h,w] x) => (float[n,2,h,w] y) { y = Conv(x, w, b) }"
    module = OnnxModule(build_model(text, w=(2, 3, 1, 1), b=(2,)))
    old = module.parameter("w").detach().numpy()
    generator = torch.Generator().manual_seed(0)
    inputs, target = torch.rand(1, 3, 32, 32, generator=generator), 7 + torch.rand(1, 2, 32, 32, generator=generator)
    moments = layer_moments(module, layers_of(module)["w"], inputs, target, 1024, generator)
    mask = np.ones((2, 3, 1, 1), bool)
    weight, bias = ridge.ridge_fit(old, moments, mask, True)
    np.testing.assert_allclose(weight, old, atol=1e-4)
    fitted = F.conv2d(inputs, torch.from_numpy(weight), torch.from_numpy(bias))
    torch.testing.assert_close(fitted.mean((0, 2, 3)), target.mean((0, 2, 3)), atol=1e-3, rtol=0)
    _, without = ridge.ridge_fit(old, moments, mask, False)
    assert not without.any()
