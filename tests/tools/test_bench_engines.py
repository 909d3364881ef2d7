from __future__ import annotations

import csv
import os
import shutil
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from slsc.errors import BackendError
from slsc.metrics.psnr import psnr_to
from slsc.passes.importing.load import load_model
from slsc.plan import Plan
from slsc.runtime.backends import load_backend
from slsc.tools import bench_engines
from slsc.tools.bench_engines import main
from slsc.tools.bench_networks import subjects
from slsc.tools.contenders import CONTENDERS, Subject, contender
from slsc.tools.contenders.worker import Job, Worker, peak_bytes

HW = (18, 20)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> list[Subject]:
    """A small network, dense and at 1/8."""
    return subjects("compact_x4", [Fraction(1, 8)], tmp_path_factory.mktemp("networks"), HW)


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).random((1, 3, *HW), np.float32)


def test_subjects(pair: list[Subject]) -> None:
    dense, pruned = pair
    assert (dense.budget, dense.plan) == (1, None)
    assert isinstance(pruned.plan, Plan)
    assert 0 < pruned.plan.kept_share <= 1 / 8
    assert pruned.gmacs < dense.gmacs / 4, "first and last layer stay dense"
    load_model(pruned.file)


@pytest.mark.parametrize("name", CONTENDERS)
def test_contender_computes_the_network(name: str, pair: list[Subject], image: np.ndarray, tmp_path: Path) -> None:
    try:
        found = contender(name)
        (subject,) = [each for each in pair if (found.dense if each.plan is None else found.pruned)][-1:]
        restore = found.load(found.convert(subject, tmp_path, HW), HW, 1)
    except BackendError as error:
        pytest.skip(str(error))
    expected = load_backend("onnxruntime", 1).load(subject.file.read_bytes()).run(image)
    assert psnr_to(expected, restore(image)) >= bench_engines.AGREE_DB
    assert psnr_to(expected, restore(2 * image)) < bench_engines.AGREE_DB, "another image gives another output"


def test_worker(pair: list[Subject], image: np.ndarray) -> None:
    expected = load_backend("onnxruntime", 1).load(pair[0].file.read_bytes()).run(image)
    with Worker(Job("onnxruntime", pair[0].file, image, 1)) as worker:
        assert psnr_to(expected, worker.output()) >= bench_engines.AGREE_DB
        assert worker.seconds() > 0
        assert 1 << 20 < worker.peak_bytes() < peak_bytes() + (1 << 30)


def test_a_worker_that_cannot_load_says_why(image: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"no network")
    with (
        Worker(Job("onnxruntime", tmp_path / "broken.onnx", image, 1)) as worker,
        pytest.raises(BackendError, match=r"onnxruntime failed: .*(INVALID|Protobuf)"),
    ):
        worker.output()


@pytest.mark.skipif(not shutil.which(os.environ.get("CXX", "c++")), reason="no C++ compiler")
def test_whole_benchmark(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(CONTENDERS, "absent", ("slsc.tools.contenders.no_such_module", "no-such-package"))
    words = ["--networks", "compact_x4", "--size", "16x16", "--repeats", "2", "--threads", "1", "--budgets", "1/8"]
    words += ["--contenders", "onnxruntime,absent", "--csv", str(tmp_path / "all.csv"), "-o", str(tmp_path / "all.md")]
    assert main(words) == 0
    told = capfd.readouterr().out
    assert told.rstrip() == (tmp_path / "all.md").read_text().rstrip()
    assert "pip install no-such-package" in told
    with (tmp_path / "all.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["contender"], row["budget"], row["runs"]) for row in rows] == [
        ("onnxruntime", "1", "2"), ("absent", "1", "0"), ("absent", "1/8", "0"),
    ]  # fmt: skip


@pytest.mark.parametrize("words", [["--contenders", "nothing"], ["--networks", "nothing"], ["--size", "9"]])
def test_what_does_not_exist_is_refused(words: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert capfd.readouterr().err.count("error:") == 1


def test_mnn_tools_stay_unimported() -> None:
    # It would report to its maker's server and install a package.
    try:
        contender("mnn")
    except BackendError as error:
        pytest.skip(str(error))
    assert "MNN.tools" not in sys.modules
