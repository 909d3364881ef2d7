from __future__ import annotations

import numpy as np
import pytest
import torch

from slsc.onnx_torch import OnnxModule
from slsc.search import rotations
from slsc.search.rotations import rotations_of


def test_directions_are_orthonormal_and_of_what_is_kept(build) -> None:
    module = OnnxModule(build([("image", "head", 3, 8), ("head", "restored", 8, 4)], [], 4))
    mask = np.zeros((4, 8, 3, 3), bool)
    mask[:2, ::2], mask[2, :3] = True, True  # the third row keeps fewer, the fourth nothing
    found = rotations_of(module, {"restored.weight": torch.from_numpy(mask)}, torch.rand(2, 3, 12, 12), 0)
    assert found.keys() == {module.parameter("head.weight"), module.parameter("restored.weight")}
    by_size = {rotation.index.shape[1]: rotation for rotation in found[module.parameter("restored.weight")]}
    assert {size: rotation.rows.tolist() for size, rotation in by_size.items()} == {36: [0, 1], 27: [2]}
    assert by_size[27].index[0].tolist() == np.flatnonzero(mask[2]).tolist()
    for rotation in by_size.values():
        size = rotation.vectors.shape[1]
        torch.testing.assert_close(rotation.vectors[0].mT @ rotation.vectors[0], torch.eye(size), rtol=0, atol=1e-4)


def test_layers_that_would_take_too_long_are_left_out(build, monkeypatch: pytest.MonkeyPatch) -> None:
    module = OnnxModule(build([("image", "head", 3, 8), ("head", "restored", 8, 4)], [], 4))
    monkeypatch.setattr(rotations, "MOST_WORK", 8 * 27**3)
    assert rotations_of(module, {}, torch.rand(1, 3, 12, 12), 0).keys() == {module.parameter("head.weight")}
