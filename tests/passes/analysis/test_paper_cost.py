"""Costs of the six networks of the SLS paper at 1280x720, to the digits it prints."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import numpy_helper

from slsc.passes.analysis.cost import costs, plan_cost
from slsc.passes.analysis.layers import prunable_layers
from slsc.passes.analysis.paper_cost import module_activations, paper_macs
from slsc.passes.base import PassContext
from slsc.passes.importing.fold import FoldConstants
from slsc.passes.importing.identity import RemoveIdentities

pytest.importorskip("torch")

HD = (720, 1280)

FIGURE_6 = (
    "14,13,15,16,15,16,9,10,15,14,12,10,14,10,12,9,10,10,6,9,5,7,7,12,9,10,8,10,9,7,9,8,10,9,9,11,6,3,6,5,11,9,10,9,6,"
    "3,4,2,4,16,2,3,2,2,4,1,2,3,1,2,3,2,3"
)
"""N of RFDN's layers at budget 1/8, sorted ascending by MACs, as the paper's figure 6 shows them."""


def network(name: str):
    from slsc.zoo.carn import Carn
    from slsc.zoo.dmphn import Dmphn
    from slsc.zoo.edsr import Edsr
    from slsc.zoo.rfdn import Rfdn
    from slsc.zoo.srn import Srn
    from slsc.zoo.unet import ResidualUnet

    return {
        "edsr": lambda: Edsr(4, shift=False),
        "edsr32": lambda: Edsr(4, features=32, shift=False),
        "edsr24": lambda: Edsr(4, features=24, shift=False),
        "edsr16": lambda: Edsr(4, features=16, shift=False),
        "carn": lambda: Carn(4, shift=False),
        "rfdn": lambda: Rfdn(4, 64, 32, 32),
        "rfdn32": lambda: Rfdn(4, 32, 16, 16),
        "rfdn24": lambda: Rfdn(4, 24, 12, 12),
        "rfdn16": lambda: Rfdn(4, 16, 8, 8),
        "unet": lambda: ResidualUnet(),
        "unet32": lambda: ResidualUnet(32),
        "unet24": lambda: ResidualUnet(24),
        "unet16": lambda: ResidualUnet(16),
        "srn": lambda: Srn(),
        "srn16": lambda: Srn(16),
        "srn12": lambda: Srn(12),
        "srn8": lambda: Srn(8),
        "dmphn": lambda: Dmphn(patches=False),
        "dmphn16": lambda: Dmphn(16, patches=False),
        "dmphn12": lambda: Dmphn(12, patches=False),
        "dmphn8": lambda: Dmphn(8, patches=False),
    }[name]()


def narrow(model, width: int) -> None:
    """Scale every hidden width of CARN, a multiple of 64, to a multiple of `width`; the zoo builds it at 64 only."""
    for tensor in model.graph.initializer:
        dims = [size * width // 64 if size % 64 == 0 else size for size in tensor.dims]
        tensor.CopyFrom(numpy_helper.from_array(np.zeros(dims, np.float32), tensor.name))


@pytest.fixture(scope="module")
def counted():
    """(model, Cost at 1280x720, activations the paper counts) of a network by name, made once."""
    from slsc.zoo.export import to_onnx

    made = {}

    def count(name: str):
        if name not in made:
            exported = to_onnx(network("carn" if name.startswith("carn") else name))
            if name.startswith("carn") and name != "carn":
                narrow(exported, int(name[4:]))
            exported = RemoveIdentities().run(exported, PassContext()).model
            model = FoldConstants().run(exported, PassContext()).model
            made[name] = model, costs(model, HD), module_activations(model)
        return made[name]

    return count


def uniform_macs(cost, modules, n: int, scale_bias: bool) -> float:
    """Paper MACs in 1e9 when every prunable layer is n:32, with or without its bias additions."""
    prunable = [layer for layer in cost.layers if layer.prunable]
    plan = plan_cost(cost, {layer.name: n for layer in prunable}, 32)
    spared = sum(layer.bias_adds for layer in prunable) * (1 - n / 32) if scale_bias else 0
    return (paper_macs(cost, modules, plan) - spared) / 1e9


@pytest.mark.parametrize(
    ("name", "total", "weights", "layers", "params"),
    [
        ("edsr", "114.491", "112.538", 35, 1_517_571),
        ("carn", "91.215", "89.181", 32, 1_111_875),
        ("rfdn", "39.860", "39.549", 63, 826_800),
        ("unet", "458.042", "454.400", 20, 6_790_659),
        ("srn", "1200.507", "1190.324", 40, 7_086_339),
        ("dmphn", "994.484", "985.242", 112, 8_052_876),
    ],
)
def test_f1_f5_dense_macs_params_and_prunable_layers(counted, name, total, weights, layers, params):
    model, cost, modules = counted(name)
    assert cost.input_hw in ((180, 320), HD)
    assert cost.output_hw == HD
    assert f"{paper_macs(cost, modules) / 1e9:.3f}" == total
    assert f"{cost.prunable_macs / 1e9:.3f}" == weights
    assert len(prunable_layers(model)) == layers
    assert cost.params == params


@pytest.mark.parametrize(
    ("name", "scale_bias", "printed"),
    [
        ("edsr", False, {16: 58.22, 8: 30.09, 4: 16.02, 2: 8.98}),
        ("carn", True, {8: 24.20, 4: 13.02, 2: 7.44}),
        ("rfdn", True, {16: 20.02, 8: 10.10, 4: 5.14, 2: 2.66}),
        ("unet", False, {16: 230.84, 8: 117.24, 4: 60.44, 2: 32.04}),
        ("srn", False, {16: 605.35, 8: 307.77, 4: 158.98, 2: 84.59}),
        ("dmphn", False, {16: 501.86, 8: 255.55, 4: 132.40, 2: 70.82}),
    ],
)
def test_f2_uniform_rows(counted, name, scale_bias, printed):
    _, cost, modules = counted(name)
    for n, figure in printed.items():
        # The paper works from rounded totals: a unit of the last digit.
        assert round(uniform_macs(cost, modules, n, scale_bias), 2) == pytest.approx(figure, abs=0.0101)


@pytest.mark.parametrize(
    ("name", "total", "params"),
    [
        ("edsr32", "29.11", 380_931),
        ("edsr24", "16.56", 214_851),
        ("edsr16", "7.52", 96_003),
        ("carn32", "23.31", 279_459),
        ("carn24", "13.31", 157_755),
        ("carn16", "6.08", 70_611),
        ("rfdn32", "10.44", 214_768),
        ("rfdn24", "6.05", 123_840),
        ("rfdn16", "2.85", 57_744),
        ("unet32", "115.42", 1_699_587),
        ("unet24", "65.27", 956_739),
        ("unet16", "29.31", 425_859),
        ("srn16", "302.67", 1_774_211),
        ("srn12", "171.21", 998_979),
        ("srn8", "76.94", 444_867),
        ("dmphn16", "250.94", 2_017_356),
        ("dmphn12", "142.02", 1_136_316),
        ("dmphn8", "63.90", 506_412),
    ],
)
def test_f3_narrow_dense_networks(counted, name, total, params):
    _, cost, modules = counted(name)
    assert f"{paper_macs(cost, modules) / 1e9:.2f}" == total
    assert cost.params == params


def test_f4_the_plan_of_figure_6(counted):
    _, cost, modules = counted("rfdn")
    ascending = sorted((layer for layer in cost.layers if layer.prunable), key=lambda layer: layer.macs)
    plan = plan_cost(
        cost, dict(zip((layer.name for layer in ascending), map(int, FIGURE_6.split(",")), strict=True)), 32
    )
    assert ascending[49].shape[:2] == (48, 64)  # the upsampler is the 50th
    assert f"{plan.prunable_macs / 1e9:.4f}" == "4.8452"
    assert f"{float(plan.share):.4f}" == "0.1225"
    # The figure's caption sums to 5.156; whether the attention's ReLUs on pooled maps count moves that by 0.0004.
    assert f"{paper_macs(cost, modules, plan) / 1e9:.2f}" == "5.16"
    assert paper_macs(cost, modules, plan) / 1e9 == pytest.approx(5.156, abs=1e-3)
    assert plan.prunable_weights == 133_120
    assert plan.params == 137_648
    assert f"{(plan.params + 63 * 31) / 1e3:.2f}" == "139.60"  # the paper adds the 31 search parameters of each layer


def test_layers_of_equal_macs_make_the_order_of_figure_6_irrelevant(counted):
    """Within a group of equally dear layers the figure's order is unknown; only sums matter, as layers are alike."""
    _, cost, _ = counted("rfdn")
    shapes: dict[int, set[int]] = {}
    for layer in cost.layers:
        if layer.prunable:
            shapes.setdefault(layer.macs, set()).add(int(np.prod(layer.shape)))
    assert all(len(sizes) == 1 for sizes in shapes.values())
