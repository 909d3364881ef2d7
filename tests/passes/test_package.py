"""Bundles appear whole, the same bytes each time, checked against their plan, or not at all."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from slsc.errors import BundleError, StorageError, UsageError, VerificationError
from slsc.passes import package
from slsc.passes.graph import set_initializer
from slsc.passes.package import write_bundle
from slsc.pattern import nm_mask, rank_groups
from slsc.plan import LayerPlan, Plan, mask_digest
from slsc.runtime.bundle.engines import Artefact, Engine
from slsc.runtime.bundle.manifest import SCHEMA, ImageIO, Manifest, Source, TileGeometry
from slsc.runtime.bundle.reader import open_bundle
from slsc.runtime.bundle.value_range import UNIT

GRAPH = "net (float[n,3,h,w] x) => (float[n,3,h,w] y) { a = Conv (x, head) b = Conv(a, body) y = Conv (b, tail) }"
ENGINE = "engines/1-4.onnx"


@pytest.fixture
def network(build):
    """A pruned network and its plan."""
    model = build(GRAPH, head=(32, 3, 1, 1), body=(32, 32, 1, 1), tail=(3, 32, 1, 1))
    weight = np.random.default_rng(0).standard_normal((32, 32, 1, 1)).astype(np.float32)
    mask = nm_mask(rank_groups(np.abs(weight), 32), 8, 32)
    set_initializer(model, "body", weight * mask)
    return model, Plan((LayerPlan("body", 8, 32, "magnitude", mask_digest(mask)),), "1/4", 0.25, "uniform")


def manifest(plan: Plan | None) -> Manifest:
    io = ImageIO(3, "RGB", UNIT, UNIT, "x", "y", 1, "restore")
    engine = Engine("1-4", {"onnx": Artefact(ENGINE)}, "1/4", 0.25, 1216, 448, 1216.0, 268.0, {"psnr_y": 30.5}, plan)
    return Manifest(SCHEMA, "0.1.0", Source("net.onnx", "0" * 64), io, TileGeometry(4, 0.0, 4), (engine,), (), {})


def test_what_is_written_is_what_is_read(network, tmp_path):
    model, plan = network
    entries = {ENGINE: model.SerializeToString(), "extra/note.txt": b"note"}
    written = write_bundle(tmp_path / "net.slsb", manifest(plan), entries)
    bundle = open_bundle(tmp_path / "net.slsb")
    bundle.verify_all()
    assert bundle.manifest == written and set(written.entries) == set(entries)
    assert all(bundle.read(name) == data for name, data in entries.items())
    assert [path.name for path in tmp_path.iterdir()] == ["net.slsb"]
    with zipfile.ZipFile(tmp_path / "net.slsb") as archive:
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}


def test_the_same_input_gives_the_same_bytes(network, tmp_path):
    model, plan = network
    entries = {ENGINE: model.SerializeToString(), "a.txt": b"a"}
    write_bundle(tmp_path / "one", manifest(plan), entries)
    write_bundle(tmp_path / "two", manifest(plan), dict(reversed(entries.items())))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_an_existing_bundle_is_replaced_only_by_a_good_one(network, tmp_path):
    model, plan = network
    path = tmp_path / "net.slsb"
    write_bundle(path, manifest(plan), {ENGINE: model.SerializeToString()})
    before = path.read_bytes()
    with pytest.raises(VerificationError):
        write_bundle(path, manifest(plan), {ENGINE: b"no model"})
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1
    write_bundle(path, manifest(None), {ENGINE: model.SerializeToString()})
    assert path.read_bytes() != before


def refused(tmp_path, kind, reason, plan, entries, name="net.slsb", **changes):
    with pytest.raises(kind, match=reason) as caught:
        write_bundle(tmp_path / name, replace(manifest(plan), **changes), entries)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_sparsity_lost_on_the_way_is_caught(network, tmp_path):
    model, plan = network
    set_initializer(model, "body", np.ones((32, 32, 1, 1), np.float32))
    refused(tmp_path, VerificationError, r"1-4.onnx: body: .*breaks its plan: more than 8:32", plan,
            {ENGINE: model.SerializeToString()})  # fmt: skip


def test_an_engine_that_is_none(network, tmp_path):
    _, plan = network
    refused(tmp_path, VerificationError, "no ONNX model", plan, {ENGINE: b""})
    refused(tmp_path, VerificationError, "cannot be read back", plan, {"other": b""})


def test_figures_json_cannot_hold(network, tmp_path):
    model, plan = network
    engine = replace(manifest(plan).engines[0], quality={"psnr_y": float("inf")})
    refused(tmp_path, VerificationError, "not finite", plan, {ENGINE: model.SerializeToString()}, engines=(engine,))


@pytest.mark.parametrize("name", ["../escape", "/absolute", "a\\b", ""])
def test_entry_names_that_leave_the_bundle(network, tmp_path, name):
    model, plan = network
    refused(tmp_path, BundleError, "not allowed", plan, {ENGINE: model.SerializeToString(), name: b""})


def test_places_that_cannot_be_written(network, tmp_path):
    model, plan = network
    entries = {ENGINE: model.SerializeToString()}
    refused(tmp_path, UsageError, "absent", plan, entries, name="absent/net.slsb")
    with pytest.raises(UsageError, match="folder"):
        write_bundle(tmp_path, manifest(plan), entries)


def test_a_reader_that_finds_something_else_stops_the_bundle(network, tmp_path, monkeypatch):
    """As if the disk had lost a bit between writing and reading back."""
    model, plan = network
    write = package._write_zip

    def write_and_lose_a_bit(stream, *args):
        write(stream, *args)
        stream.seek(-2000, 2)
        byte = stream.read(1)
        stream.seek(-1, 1)
        stream.write(bytes([byte[0] ^ 1]))

    monkeypatch.setattr(package, "_write_zip", write_and_lose_a_bit)
    refused(tmp_path, VerificationError, "cannot be read back", plan, {ENGINE: model.SerializeToString()})


CHILD = """
import sys
from dataclasses import replace
from pathlib import Path
sys.path.insert(0, {tests!r})
from slsc.passes import package
from test_package import manifest
{prepare}
package.write_bundle(Path({path!r}), manifest(None), {{"engines/1-4.onnx": b"\\0" * 4_000_000}})
"""


def child(tmp_path: Path, prepare: str) -> subprocess.CompletedProcess[str]:
    code = CHILD.format(
        tests=str(Path(__file__).parent), path=str(tmp_path / "net.slsb"), prepare=textwrap.dedent(prepare)
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has files without a name")
def test_killed_midway_nothing_is_left(tmp_path):
    prepare = """
        import os, signal
        real = package._read_back
        def killed(readable, *args):
            assert os.path.getsize(readable) > 4_000_000  # written in full, not yet in place
            os.kill(os.getpid(), signal.SIGKILL)
        package._read_back = killed
    """
    result = child(tmp_path, prepare)
    assert result.returncode == -signal.SIGKILL, result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="no file size limit to set")
def test_a_disk_that_fills_up_leaves_nothing(tmp_path):
    """A limit on file sizes fails the write in the middle, as a full disk does."""
    prepare = """
        import resource, signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
    """
    result = child(tmp_path, prepare)
    assert result.returncode == 1 and StorageError.__name__ in result.stderr and "no space left" in result.stderr
    assert list(tmp_path.iterdir()) == []
