"""Every network of the zoo with real weights, dense and pruned, in the native engine against ONNX Runtime."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import load_file
from skimage import data as photos
from torch import nn

from slsc.passes.bake import BakeMasks
from slsc.passes.base import PassContext
from slsc.passes.importing.import_model import import_pipeline
from slsc.passes.lowering import lower
from slsc.passes.lowering.nmp import PlanFile
from slsc.passes.lowering.nmp_ops import Conv, OpType
from slsc.plan import Plan
from slsc.runtime.backends.native import NativeRunner
from slsc.search.base import Rules, SearchNetwork
from slsc.search.uniform import prune_uniform
from slsc.zoo import zoo_model
from slsc.zoo.export import to_onnx

ENGINE_DB = 90
SIZES = ((37, 53), (64, 48), (7, 9), (16, 33))
NETWORKS = {
    "edsr_8b64f_x2": "edsr_8b64f_x2",
    "carn_x2": "carn_x2",
    "carn_m_x2": "carn_m_x234",
    "rfdn_x4": "rfdn_x4",
    "imdn_x4": "imdn_x4",
    "pds_x4": "pds_x4",
    "compact_x4": None,
    "dncnn": "dncnn_sigma25_gray",
}


class DnCnn(nn.Module):
    """17 convolutions; the output is the input minus what they make."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        state = load_file(path)
        layers: list[nn.Module] = []
        for name in sorted((key for key in state if key.endswith("weight")), key=lambda key: int(key.split(".")[1])):
            conv = nn.Conv2d(*state[name].shape[1::-1], 3, padding=1)
            conv.load_state_dict({"weight": state[name], "bias": state[name.replace("weight", "bias")]})
            layers += [conv, nn.ReLU()]
        self.model = nn.Sequential(*layers[:-1])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x - self.model(x)


def grey_onnx(module: nn.Module, path: Path) -> onnx.ModelProto:
    axes = {0: "n", 2: "h", 3: "w"}
    torch.onnx.export(
        module.eval(), (torch.rand(1, 1, 40, 48),), path, dynamo=False, opset_version=17, input_names=["x"],
        output_names=["y"], dynamic_axes={"x": axes, "y": axes},
    )  # fmt: skip
    return onnx.load(path)


@pytest.fixture(params=sorted(NETWORKS), scope="module")
def network(request: pytest.FixtureRequest, data_dir: Path, tmp_path_factory: pytest.TempPathFactory):
    name, file = request.param, NETWORKS[request.param]
    weights = data_dir / "weights" / f"{file}.safetensors"
    if name == "dncnn":
        model, white = grey_onnx(DnCnn(weights), tmp_path_factory.mktemp("dncnn") / "dncnn.onnx"), 1.0
    else:
        entry = zoo_model(name)
        torch.manual_seed(0)
        model, white = to_onnx(entry.load(weights) if file else entry.build()), entry.white
    return import_pipeline().run(model, PassContext()).model, white


def photo(channels: int, size: tuple[int, int], white: float) -> np.ndarray:
    crop = photos.astronaut()[100 : 100 + size[0], 150 : 150 + size[1], :channels]
    return np.ascontiguousarray(crop.transpose(2, 0, 1) * np.float32(white / 255), np.float32)


def pruned(model: onnx.ModelProto, budget: Fraction, m: int) -> tuple[onnx.ModelProto, Plan]:
    found = prune_uniform(SearchNetwork.of(model, (256, 256)), budget, Rules(m))
    return BakeMasks(found.plan, found.weights, found.masks).run(model, PassContext()).model, found.plan


def agree(
    model: onnx.ModelProto, plan: Plan | None, white: float, isas: list[str], run_onnx: Callable, decibels: Callable
) -> PlanFile:
    if not isas:
        pytest.skip("the native library was not built")
    data = lower(model, plan)
    lowered = PlanFile.from_bytes(data)
    runners = {isa: NativeRunner(data, 1, isa) for isa in isas}
    for size in SIZES:
        image = photo(lowered.values[lowered.input], size, white)
        try:
            wanted = run_onnx(model, image)
        except Exception:
            assert min(size) < 15  # RFDN's attention needs 15 pixels
            continue
        for isa, runner in runners.items():
            assert decibels(runner.run(image[None])[0], wanted) >= ENGINE_DB, (isa, size)
    return lowered


def test_dense(network, isas: list[str], run_onnx: Callable, decibels: Callable) -> None:
    model, white = network
    agree(model, None, white, isas, run_onnx, decibels)


@pytest.mark.parametrize(("budget", "m"), [(Fraction(1, 8), 32), (Fraction(1, 2), 16)])
def test_pruned(network, budget: Fraction, m: int, isas: list[str], run_onnx: Callable, decibels: Callable) -> None:
    model, white = network
    engine, plan = pruned(model, budget, m)
    lowered = agree(engine, plan, white, isas, run_onnx, decibels)
    assert lowered.m == m
    sparse = Counter(op.params.positions >= 0 for op in lowered.ops if isinstance(op.params, Conv))
    assert sparse[True] >= len(plan.layers)  # weights may be used several times


def test_capacity(network, isas: list[str], run_onnx: Callable, decibels: Callable) -> None:
    if not isas:
        pytest.skip("the native library was not built")
    model, white = network
    engine, plan = pruned(model, Fraction(1, 4), 32)
    data = lower(engine, plan)
    runner, lowered = NativeRunner(data, 1), PlanFile.from_bytes(data)
    largest = max(layer.n for layer in plan.layers)
    network_of = SearchNetwork.of(model, (256, 256))
    for capacity in (1, largest // 2):
        share = network_of.share({layer.name: capacity for layer in plan.layers}, 32)
        smaller, _ = pruned(model, share, 32)
        image = photo(lowered.values[lowered.input], (24, 31), white)
        runner.set_capacity(capacity)
        assert decibels(runner.run(image[None])[0], run_onnx(smaller, image)) >= ENGINE_DB


def test_fusion_leaves_convolutions(network) -> None:
    """Nothing but shuffles, residuals and activations stands between convolutions, and those are fused."""
    model, _ = network
    lowered = PlanFile.from_bytes(lower(model, None))
    convs = sum(node.op_type == "Conv" for node in model.graph.node)
    joined = {name for node in model.graph.node if node.op_type == "Concat" for name in node.output}
    split = [node for node in model.graph.node if node.op_type == "Conv" and node.input[0] in joined]
    found = Counter(op.type for op in lowered.ops)
    assert found[OpType.CONV] <= convs + 5 * len(split)  # which may become sums of as many as six parts
    assert not found[OpType.DEPTH_TO_SPACE]
