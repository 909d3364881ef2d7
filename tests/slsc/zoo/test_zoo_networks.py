"""Every network of the zoo, with random weights: sizes, keys, and the ONNX file it exports."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from slsc.errors import UsageError
from slsc.zoo import MODELS, zoo_model
from slsc.zoo.carn import Carn
from slsc.zoo.dmphn import Dmphn
from slsc.zoo.edsr import Edsr
from slsc.zoo.export import export_onnx, to_onnx
from slsc.zoo.srn import Srn

PARAMETERS = {
    "compact_x4": 287_984,
    "edsr_baseline_x4": 1_517_571 + 24,
    "edsr_8b64f_x2": 779_035,
    "carn_x2": 964_187,
    "carn_x4": 1_111_875 + 24,
    "carn_m_x2": 257_051,
    "carn_m_x4": 294_171,
    "rfdn_x4": 433_448,
    "rfdn64_x4": 826_800,
    "imdn_x4": 715_176,
    "pds_x4": 141_748,
    "span_x4": 498_208,
    "dncnn_gray": 555_137,
    "unet": 6_790_659,
    "srn": 7_086_339,
    "dmphn": 8_052_876,
    "dmphn_1_2_4_8": 7_232_524,
}
"""From the weight files and the SLS paper; the 24 are the two colour shifts, which its cost tables leave out."""


@pytest.fixture(params=sorted(MODELS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def _build(name: str) -> torch.nn.Module:
    torch.manual_seed(0)
    return MODELS[name].build()


def test_every_network_has_a_known_size() -> None:
    counts = {name: sum(p.numel() for p in MODELS[name].build().parameters()) for name in MODELS}
    assert counts == PARAMETERS


def test_cost_variants_have_no_colour_shift() -> None:
    assert sum(p.numel() for p in Edsr(4, shift=False).parameters()) == 1_517_571
    assert sum(p.numel() for p in Carn(4, shift=False).parameters()) == 1_111_875


def test_export_gives_what_torch_gives_at_other_sizes_and_batches(name: str, tmp_path: Path) -> None:
    entry, module = MODELS[name], _build(name)
    export_onnx(module, tmp_path / "net.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    channels, (down, across) = getattr(module, "channels", 3), entry.multiple_of
    for batch, height, width in ((1, 20, 31), (2, 33, 18)):
        height, width = -(-height // down) * down, -(-width // across) * across
        x = torch.rand(batch, channels, height, width) * entry.white
        with torch.inference_mode():
            expected = module(x).numpy()
        (restored,) = session.run(None, {"input": x.numpy()})
        assert restored.shape == (batch, channels, entry.scale * height, entry.scale * width)
        spread = max(float(np.ptp(expected)), 1e-3)
        assert np.abs(restored - expected).max() <= 1e-5 * max(spread, entry.white)


def test_initializers_carry_the_state_dict_keys(name: str) -> None:
    module = _build(name)
    graph = to_onnx(module).graph
    values = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    state = module.state_dict()
    assert values.keys() == state.keys()
    for key, value in state.items():
        np.testing.assert_array_equal(values[key], value.numpy())


def test_pixel_shuffle_is_one_node(name: str) -> None:
    ops = Counter(node.op_type for node in to_onnx(_build(name)).graph.node)
    uses = 3 if name == "srn" else 1  # its scales share their weights
    assert ops["DepthToSpace"] == uses * sum(isinstance(m, torch.nn.PixelShuffle) for m in _build(name).modules())
    assert not ops["Reshape"] + ops["Transpose"] + ops["Identity"]


def test_node_names_tell_module_activations_from_functional_ones() -> None:
    edsr = {node.name for node in to_onnx(Edsr(4, shift=False)).graph.node if node.op_type == "Relu"}
    assert edsr == {f"/body/body.{block}/body/body.1/Relu" for block in range(16)}
    carn = [node.name for node in to_onnx(Carn(4, shift=False)).graph.node if node.op_type == "Relu"]
    functional = {f"/b{outer}/b{inner}/Relu" for outer in (1, 2, 3) for inner in (1, 2, 3)}
    assert functional <= set(carn)
    assert all("/body/body." in name for name in set(carn) - functional)
    assert len(carn) == 9 + 9 + 12 + 2


def test_carn_m_shares_the_weights_of_a_cascade() -> None:
    graph = to_onnx(_build("carn_m_x4")).graph
    uses = Counter(name for node in graph.node for name in node.input)
    assert uses["b2.b1.body.0.weight"] == 3
    assert uses["b2.c1.body.0.weight"] == 1


def test_srn_shares_its_weights_between_scales() -> None:
    graph = to_onnx(Srn(4)).graph
    uses = Counter(name for node in graph.node if node.op_type == "Conv" for name in node.input[1:2])
    assert set(uses.values()) == {3}


def test_srn_resizes_by_factors_and_not_to_sizes() -> None:
    graph = to_onnx(Srn(4)).graph
    resizes = [node for node in graph.node if node.op_type == "Resize"]
    assert len(resizes) == 4
    assert all(len(node.input) == 3 for node in resizes)
    assert not any(node.op_type == "Shape" for node in graph.node)


def test_a_patch_of_dmphn_is_encoded_on_its_own() -> None:
    """Level 4 does not look over the edges of its eight patches; levels 1 to 3 do over some."""
    torch.manual_seed(0)
    network = Dmphn(4)
    x = torch.rand(1, 3, 64, 32)
    features: list[torch.Tensor] = []
    network.get_submodule("encoder_lv4").register_forward_hook(lambda module, given, made: features.append(made))
    with torch.inference_mode():
        network(x)
        x[:, :, :16, :16] = 0
        network(x)
    assert len(features) == 16
    changed = [not torch.equal(one, other) for one, other in zip(features[:8], features[8:], strict=True)]
    assert changed == [True] + [False] * 7


@pytest.mark.parametrize(
    ("network", "hw"), [("unet", (40, 42)), ("srn", (40, 48)), ("dmphn", (42, 40)), ("dmphn_1_2_4_8", (40, 48))]
)
def test_sizes_that_strides_do_not_divide_are_refused(network: str, hw: tuple[int, int]) -> None:
    with pytest.raises(RuntimeError), torch.inference_mode():
        _build(network)(torch.rand(1, 3, *hw))


def test_a_failed_export_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError):
        export_onnx(torch.nn.Conv2d(5, 5, 1), path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_unknown_name_lists_the_zoo() -> None:
    with pytest.raises(UsageError, match="rfdn_x4"):
        zoo_model("resnet50")


@pytest.mark.parametrize("network", [Edsr, Carn])
def test_unsupported_scale_is_refused(network: type[torch.nn.Module]) -> None:
    with pytest.raises(ValueError, match="got 5"):
        network(5)
