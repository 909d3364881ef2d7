"""The native backend through Python: plans from real lowering, the session's default, capacity, memory, errors."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from slsc.errors import BackendError, BundleError, UsageError
from slsc.runtime.backends import AllocationFailed, library, load_backend
from slsc.runtime.backends.native import NativeRunner
from slsc.runtime.backends.onnxruntime import OnnxRuntimeRunner
from slsc.runtime.bundle.engines import Artefact
from slsc.runtime.bundle.manifest import Manifest
from slsc.runtime.capi import Library, Status
from slsc.runtime.session import Session

onnx = pytest.importorskip("onnx")

needs_library = pytest.mark.skipif(library.library_path() is None, reason="the native library was not built")


def plan_of(network: bytes, n: int = 0) -> bytes:
    """A network's plan, its middle convolutions at n:8 by magnitude."""
    from slsc.passes.analysis.layers import prunable_layers
    from slsc.passes.bake import BakeMasks
    from slsc.passes.base import PassContext
    from slsc.passes.graph import initializers
    from slsc.passes.lowering import lower
    from slsc.pattern import nm_mask, rank_groups
    from slsc.plan import LayerPlan, Plan, mask_digest

    model = onnx.load_from_string(network)
    if not n:
        return lower(model, None)
    arrays = initializers(model)
    masks = {layer.name: nm_mask(rank_groups(np.abs(arrays[layer.name]), 8), n, 8) for layer in prunable_layers(model)}
    layers = tuple(LayerPlan(name, n, 8, "magnitude", mask_digest(mask)) for name, mask in masks.items())
    plan = Plan(layers, "1/2", n / 8, "uniform")
    return lower(BakeMasks(plan, {}, masks).run(model, PassContext()).model, plan)


def with_native(manifest: Manifest, entry: str) -> Manifest:
    """With a plan file beside the ONNX model of its engine."""
    engine = manifest.engines[0]
    return replace(manifest, engines=(replace(engine, artefacts={**engine.artefacts, "native": Artefact(entry)}),))


@pytest.fixture
def network(tiny: SimpleNamespace) -> bytes:
    return tiny.sr_network(width=16)


@pytest.fixture
def batch() -> np.ndarray:
    return np.random.default_rng(0).random((2, 3, 21, 34)).astype(np.float32)


@pytest.fixture
def bundle(tmp_path: Path, tiny: SimpleNamespace) -> Callable[..., Path]:
    """`bundle(network, plan)`: a bundle with both files of one engine."""

    def make(network: bytes, plan: bytes | None) -> Path:
        manifest: Manifest = tiny.manifest()
        files = {"engines/1-8.onnx": network}
        if plan is not None:
            files["engines/1-8.nmp"] = plan
            manifest = with_native(manifest, "engines/1-8.nmp")
        return tiny.bundle(tmp_path / "net.slsb", manifest, files)

    return make


@needs_library
def test_equals_onnx_runtime_on_a_batch(network: bytes, batch: np.ndarray) -> None:
    found = load_backend("native", 1).load(plan_of(network)).run(batch)
    np.testing.assert_allclose(found, OnnxRuntimeRunner(network, 1).run(batch), atol=2e-6)


@needs_library
def test_any_number_of_threads_gives_the_same_bits(network: bytes) -> None:
    plan = plan_of(network, n=3)
    image = np.random.default_rng(1).random((1, 3, 70, 90)).astype(np.float32)
    outputs = [NativeRunner(plan, threads).run(image) for threads in (1, 2, 3, 8)]
    assert all(np.array_equal(output, outputs[0]) for output in outputs[1:])


@needs_library
def test_sizes_may_change_from_run_to_run(network: bytes) -> None:
    runner = NativeRunner(plan_of(network), 2)
    for height, width in ((8, 8), (64, 3), (1, 1), (100, 80), (8, 8)):
        image = np.random.default_rng(height).random((1, 3, height, width)).astype(np.float32)
        assert np.array_equal(runner.run(image), NativeRunner(plan_of(network), 2).run(image))


@needs_library
def test_arrays_of_any_layout_are_taken(network: bytes, batch: np.ndarray) -> None:
    runner = NativeRunner(plan_of(network), 1)
    turned = np.asfortranarray(batch).astype(np.float64)
    assert np.array_equal(runner.run(turned), runner.run(batch))


@needs_library
def test_threads_may_share_a_runner(network: bytes) -> None:
    runner = NativeRunner(plan_of(network), 1)
    images = [np.random.default_rng(i).random((1, 3, 20 + i, 30)).astype(np.float32) for i in range(6)]
    wanted = [runner.run(image) for image in images]
    found: dict[int, list[np.ndarray]] = {}

    def work(index: int) -> None:
        found[index] = [runner.run(images[index]) for _ in range(5)]

    workers = [threading.Thread(target=work, args=(index,)) for index in range(len(images))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert all(np.array_equal(output, wanted[index]) for index, outputs in found.items() for output in outputs)
    assert len(found) == len(images)


@needs_library
def test_runners_of_a_backend_share_its_threads(network: bytes, batch: np.ndarray) -> None:
    tasks = Path("/proc/self/task")
    if not tasks.is_dir():
        pytest.skip("the system does not tell its threads")
    plans = [plan_of(network), plan_of(network, n=3)]
    wanted = [NativeRunner(plan, 1).run(batch) for plan in plans]
    before = len(list(tasks.iterdir()))
    backend = load_backend("native", 4)
    runners = [backend.load(plan) for plan in plans for _ in range(3)]
    outputs = [runner.run(batch) for runner in runners]
    assert len(list(tasks.iterdir())) == before + 3, "the caller is the fourth"
    assert all(np.array_equal(output, wanted[index // 3]) for index, output in enumerate(outputs))
    for runner in runners:
        runner.close()
    backend.close()
    assert len(list(tasks.iterdir())) == before


@needs_library
def test_a_backend_may_be_closed_before_its_runners(network: bytes, batch: np.ndarray) -> None:
    backend = load_backend("native", 2)
    runner = backend.load(plan_of(network))
    wanted = runner.run(batch)
    backend.close()
    assert np.array_equal(runner.run(batch), wanted)
    runner.close()
    with pytest.raises(BackendError):
        runner.run(batch)


@needs_library
def test_capacity(network: bytes, batch: np.ndarray) -> None:
    runner = NativeRunner(plan_of(network, n=4), 1)
    whole = runner.run(batch)
    for capacity in (1, 3):
        runner.set_capacity(capacity)
        np.testing.assert_allclose(
            runner.run(batch), NativeRunner(plan_of(network, n=capacity), 1).run(batch), atol=1e-6
        )
    for capacity in (4, 8, 0):
        runner.set_capacity(capacity)
        assert np.array_equal(runner.run(batch), whole)
    for capacity in (-1, 9):
        with pytest.raises(UsageError, match="capacity"):
            runner.set_capacity(capacity)


@needs_library
def test_reports_each_operation(network: bytes, batch: np.ndarray) -> None:
    runner = NativeRunner(plan_of(network), 1)
    runner.run(batch[:1])
    pixels = 21 * 34
    assert runner.op_macs() == [pixels * 9 * pair for pair in (3 * 16, 16 * 16, 16 * 16, 16 * 12)]
    assert all(seconds > 0 for seconds in runner.op_seconds())


@needs_library
def test_portable_code_is_always_there(network: bytes, batch: np.ndarray) -> None:
    portable, best = NativeRunner(plan_of(network), 1, "portable"), NativeRunner(plan_of(network), 1)
    assert portable.isa == "portable"
    np.testing.assert_allclose(portable.run(batch), best.run(batch), atol=2e-6)


@needs_library
def test_unknown_instruction_set() -> None:
    with pytest.raises(BackendError, match=r"instruction set.*abacus") as caught:
        NativeRunner(_empty_plan(), 1, "abacus")
    assert caught.value.exit_code == 4


def _empty_plan() -> bytes:
    from slsc.passes.lowering.nmp import PlanFile

    return PlanFile(0, 0, 1, 0, (1,), (), ()).to_bytes()


@needs_library
def test_damaged_plans_are_refused(network: bytes) -> None:
    plan = plan_of(network)
    for damaged in (b"", plan[:-1], plan[:100], b"X" + plan[1:], plan + b"\0"):
        with pytest.raises(BackendError, match="refuses the plan"):
            NativeRunner(damaged, 1)


@needs_library
@pytest.mark.parametrize("shape", [(1, 2, 8, 8), (3, 8, 8), (1, 3, 0, 8), (1, 3, 70000, 1)])
def test_images_that_do_not_fit(network: bytes, shape: tuple[int, ...]) -> None:
    with pytest.raises(BackendError):
        NativeRunner(plan_of(network), 1).run(np.zeros(shape, np.float32))


@needs_library
def test_strips_that_outgrow_their_value_are_refused() -> None:
    """A plan may ask for a thousand aligned rows of an image of one, and enlarge them again and again."""
    from slsc.passes.lowering.nmp import ABSENT, Op, PlanFile
    from slsc.passes.lowering.nmp_ops import Coordinates, Resize, ResizeKind, Rounding

    params = Resize(1, ResizeKind.NEAREST, Coordinates.ASYMMETRIC, 64, 1, Rounding.FLOOR, 0.0)
    ops = tuple(Op(params, ins=(index, ABSENT), out=index + 1) for index in range(2))
    plan = PlanFile(0, 2, 1024, 0, (1, 1, 1), ops, ())
    with pytest.raises(BackendError, match="operation 1: its strips are too long"):
        NativeRunner(plan.to_bytes(), 1).run(np.ones((1, 1, 1, 1), np.float32))


@needs_library
def test_a_failed_allocation_is_told_apart(network: bytes) -> None:
    resource = pytest.importorskip("resource")
    runner = NativeRunner(plan_of(network), 1)
    image = np.zeros((1, 3, 4000, 4000), np.float32)
    limits = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20), limits[1]))
    try:
        with pytest.raises(AllocationFailed):
            runner.run(image)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    assert runner.run(image[:, :, :8, :8]).shape == (1, 3, 16, 16)


def test_a_missing_library_names_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    library.load_library.cache_clear()
    monkeypatch.setattr(library, "library_path", lambda: None)
    with pytest.raises(BackendError, match=r"not installed.*onnxruntime") as caught:
        NativeRunner(b"", 1)
    assert caught.value.exit_code == 4


def test_a_library_of_something_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    library.load_library.cache_clear()
    (tmp_path / "other.so").write_bytes(b"not a library")
    monkeypatch.setattr(library, "library_path", lambda: tmp_path / "other.so")
    with pytest.raises(BackendError, match="cannot be loaded"):
        NativeRunner(b"", 1)


@needs_library
def test_native_is_the_default_where_there_is_a_plan(bundle: Callable, network: bytes) -> None:
    session = Session(bundle(network, plan_of(network)), threads=1)
    assert session.backend == "native"
    image = np.random.default_rng(0).integers(0, 256, (30, 41, 3), np.uint8)
    session.configure(tile=16)
    native = session.restore(image)
    session.configure(backend="onnxruntime")
    assert session.backend == "onnxruntime"
    assert np.abs(native.astype(int) - session.restore(image)).max() <= 1


def test_onnx_runtime_is_the_default_where_there_is_none(bundle: Callable, network: bytes) -> None:
    path = bundle(network, None)
    assert Session(path, threads=1).backend == "onnxruntime"
    with pytest.raises(BackendError, match=r"nothing of the kind native.*--backend onnxruntime"):
        Session(path, backend="native")


def test_a_plan_that_is_no_entry_is_refused(tiny: SimpleNamespace, tmp_path: Path, network: bytes) -> None:
    manifest = with_native(tiny.manifest(), "engines/other.nmp")
    path = tiny.bundle(tmp_path / "net.slsb", manifest, {"engines/1-8.onnx": network})
    with pytest.raises(BundleError, match=r"other\.nmp is not among the entries"):
        Session(path)


@needs_library
def test_session_capacity(bundle: Callable, network: bytes, batch: np.ndarray) -> None:
    session = Session(bundle(network, plan_of(network, n=4)), threads=1, capacity=2)
    lower = session.restore_tensor(batch)
    np.testing.assert_allclose(lower, NativeRunner(plan_of(network, n=2), 1).run(batch), atol=1e-6)
    session.configure(capacity=None)
    assert not np.allclose(session.restore_tensor(batch), lower)
    with pytest.raises(UsageError, match="--backend native"):
        session.configure(backend="onnxruntime", capacity=2)
    with pytest.raises(UsageError, match="capacity must be in 1"):
        session.configure(capacity=0)
    assert session.backend == "native"


@needs_library
def test_tiles_are_as_large_as_the_arena_allows(bundle: Callable, network: bytes) -> None:
    path = bundle(network, plan_of(network))
    runner = NativeRunner(plan_of(network), 1)
    output = runner.run(np.zeros((1, 3, 64, 64), np.float32))
    held = runner.run_bytes(Session(path).engine, 64, 64)
    assert held == runner.arena_bytes(64, 64) + output.nbytes
    assert 4 * (16 + 16) <= held / 64**2 <= 3 * 4 * (16 + 16) + output.nbytes / 64**2


@needs_library
def test_capi_chooses_backend_and_capacity(bundle: Callable, network: bytes) -> None:
    api = Library()
    status, handle = api.open(str(bundle(network, plan_of(network, n=4))))
    assert status == Status.OK
    assert api.get(handle, "backend") == (Status.OK, "")
    assert api.set(handle, "capacity", "1") == Status.OK
    assert api.get(handle, "capacity") == (Status.OK, "1")
    assert api.set(handle, "backend", "onnxruntime") == Status.BAD_ARGUMENT
    assert "capacity" in api.error(handle)
    assert api.set(handle, "capacity", "") == Status.OK
    assert api.set(handle, "backend", "onnxruntime") == Status.OK
    assert api.close(handle) == Status.OK


def test_what_the_engine_has_on_this_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    assert library.has("float32") and library.has("portable") and not library.has("teleport")
    library.load_library.cache_clear()
    monkeypatch.setattr(library, "library_path", lambda: None)
    assert not library.has("float32")
