"""The probe on the public weights, whose value ranges are known."""

from __future__ import annotations

from pathlib import Path

import pytest

from slsc.data.calibration import calibration_photos
from slsc.jobs.compile.photos import PROBE_PHOTOS, photos
from slsc.probe import probe_io
from slsc.runtime.bundle.value_range import ValueRange
from slsc.zoo import zoo_model
from slsc.zoo.export import to_onnx


@pytest.mark.parametrize(
    ("name", "file", "scale", "white"),
    [
        ("rfdn_x4", "rfdn_x4", 4, 255),
        ("pds_x4", "pds_x4", 4, 1),
        ("carn_m_x4", "carn_m_x234", 4, 1),
    ],
)
def test_zoo_network(data_dir: Path, name: str, file: str, scale: int, white: float) -> None:
    model = to_onnx(zoo_model(name).load(data_dir / "weights" / f"{file}.safetensors"))
    result = probe_io(model, calibration_photos(None, 2, 0))
    io = result.io
    assert (io.channels, io.order, io.scale, io.task) == (3, "RGB", scale, "sr")
    assert io.input_range == io.output_range == ValueRange.uniform(0, white)
    assert (io.fixed_hw, io.multiple_of) == (None, (1, 1))
    assert {finding.how for finding in result.findings} == {"measured"}


def test_a_denoiser_is_not_taken_for_what_undoes_rain_a_little(data_dir: Path) -> None:
    """On these photos it leads less against noise than, in a wrong range, against streaks of rain; but that range is
    doubted, and it undoes far more noise."""
    model = to_onnx(zoo_model("dncnn_gray").load(data_dir / "weights" / "dncnn_sigma25_gray.safetensors"))
    result = probe_io(model, photos(data_dir / "train" / "bsds500_train", 0)[:PROBE_PHOTOS])
    assert result.io.input_range == result.io.output_range == ValueRange.uniform(0, 1)
    assert result.undone[0] == "noise of sigma 25"
    assert {finding.how for finding in result.findings} == {"measured"}
