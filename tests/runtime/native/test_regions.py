"""Passes in which every region takes a candidate of its own."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slsc.errors import BackendError, UsageError
from slsc.passes.lowering.nmp import ABSENT, HEADER, WEIGHT_SETS, Op
from slsc.passes.lowering.nmp_ops import Act, Binary, BinaryKind, GlobalMean, Spread, WeightSet
from slsc.runtime.backends.base import LEFT_OUT
from slsc.runtime.backends.native import NativeRunner

FOLDED = ("ending",)
"""Plans whose last two convolutions may count as one, which the oracle does not know."""

QUICK = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])


CONVOLVING = (
    "dense_conv", "sparse_conv", "narrow", "combined", "combined_shuffled", "ending", "attention", "network",
    "blocks", "distilling",
)  # fmt: skip


def _case(plans, mixed, kind, seed):
    rng = np.random.default_rng(seed)
    candidates = int(rng.integers(2, 4))
    plan = plans.laddered(plans.KINDS[kind](rng), rng, candidates)
    if plan.candidates == 1:
        plan = plans.KINDS[kind](rng)
    height, width = (int(each) for each in rng.integers(9, 70, 2))
    size = (int(rng.choice([4, 5, 12])), int(rng.choice([5, 12, 16, 32, 48])))
    image = rng.standard_normal((1, plan.values[0], height, width)).astype(np.float32)
    regions = rng.integers(plan.candidates, size=(-(-height // size[0]), -(-width // size[1]))).astype(np.uint8)
    return plan, image, regions, size


def _runner(plan, size, threads=1, isa=None):
    runner = NativeRunner(plan.to_bytes(), threads, isa)
    runner.set_region(*size)
    return runner


def _takes_its_candidate(case, isas, mixed, interpreter):
    plan, image, regions, size = case
    expected = mixed.interpret_map(interpreter, plan, image[0], regions, size)
    for isa in isas:
        made = _runner(plan, size, isa=isa).run_map(image, regions)[0]
        tolerance = 2e-5 * max(1, np.abs(expected).max())
        np.testing.assert_allclose(made, expected, rtol=2e-5, atol=tolerance, err_msg=isa)


@pytest.mark.parametrize(
    ("kind", "seed"),
    [
        pytest.param("sparse_conv", 7999878, id="padding makes more blocks than the input has"),
        pytest.param("blocks", 131, id="pooling of a value of one block"),
    ],
)
def test_blocks_that_once_went_wrong(plans, isas, mixed, interpreter, kind, seed):
    _takes_its_candidate(_case(plans, mixed, kind, seed), isas, mixed, interpreter)


@pytest.mark.parametrize("kind", [kind for kind in CONVOLVING if kind not in FOLDED])
@given(seed=st.integers(0, 2**32 - 1))
@QUICK
def test_every_region_takes_its_candidate(plans, isas, mixed, interpreter, kind, seed):
    _takes_its_candidate(_case(plans, mixed, kind, seed), isas, mixed, interpreter)


@pytest.mark.parametrize("kind", CONVOLVING)
@given(seed=st.integers(0, 2**32 - 1))
@QUICK
def test_one_candidate_everywhere_is_its_own_engine(plans, isas, mixed, kind, seed):
    plan, image, regions, size = _case(plans, mixed, kind, seed)
    for isa in isas:
        runner = _runner(plan, size, isa=isa)
        for candidate in range(plan.candidates):
            own = NativeRunner(mixed.alone(plan, candidate).to_bytes(), 1, isa).run(image)
            np.testing.assert_array_equal(runner.run_map(image, np.full_like(regions, candidate)), own)
            runner.set_candidate(candidate)
            np.testing.assert_array_equal(runner.run(image), own)


@pytest.mark.parametrize("kind", CONVOLVING)
@given(seed=st.integers(0, 2**32 - 1))
@QUICK
def test_neither_bands_nor_threads_nor_rows_change_a_bit(plans, isas, mixed, kind, seed):
    plan, image, regions, size = _case(plans, mixed, kind, seed)
    regions[np.random.default_rng(seed).random(regions.shape) < 0.3] = LEFT_OUT
    runner = _runner(plan, size)
    runner.set_band(image.shape[2])
    expected = runner.run_map(image, regions)
    threaded = _runner(plan, size, threads=3)
    for band in (1, 5, 12, 24, 0):
        threaded.set_band(band)
        np.testing.assert_array_equal(threaded.run_map(image, regions), expected)
    streamed = np.empty_like(expected)

    def read(first, to):
        to[...] = image[0, :, first : first + to.shape[1]]

    def write(first, rows):
        streamed[0, :, first : first + rows.shape[1]] = rows

    runner.set_band(0)
    for memory in (1, 1 << 30):
        runner.stream_map(*image.shape[2:], regions, expected.shape[1:], memory, read, write)
        np.testing.assert_array_equal(streamed, expected)


@pytest.mark.parametrize("kind", CONVOLVING)
@given(seed=st.integers(0, 2**32 - 1))
@QUICK
def test_what_is_left_out_leaves_the_rest_as_it_is(plans, isas, mixed, interpreter, kind, seed):
    plan, image, regions, size = _case(plans, mixed, kind, seed)
    rng = np.random.default_rng(seed)
    some = np.where(rng.random(regions.shape) < rng.choice([0.3, 0.7, 0.95]), np.uint8(LEFT_OUT), regions)
    wanted = mixed.at_output(interpreter, plan, image[0], some, size) != LEFT_OUT
    cheapest = np.where(some == LEFT_OUT, np.uint8(0), some)
    deep = mixed.reach(interpreter, plan, image[0]) > mixed.MOST_REACH
    for isa in isas:
        runner = _runner(plan, size, isa=isa)
        expected, made = runner.run_map(image, cheapest)[0], runner.run_map(image, some)[0]
        assert np.isfinite(made).all()
        if deep:  # what lies beyond counts as 0, which changes a little
            continue
        tolerance = 2e-5 * max(1, np.abs(expected).max())
        np.testing.assert_allclose(made[:, wanted], expected[:, wanted], rtol=2e-5, atol=tolerance, err_msg=isa)


@given(seed=st.integers(0, 2**32 - 1))
@QUICK
def test_a_deep_chain_ends_where_it_is_said_to(plans, isas, mixed, interpreter, seed):
    rng = np.random.default_rng(seed)
    layers, channels, size = int(rng.integers(4, 14)), 4, (int(rng.choice([4, 8, 12])), int(rng.choice([16, 32])))
    arrays = [plans.floats(rng, channels, channels, 3, 3) / np.float32(6) for _ in range(2 * layers)]
    ops = [
        Op(
            plans.conv(channels, channels, weights=index),
            ins=(index, ABSENT),
            out=index + 1,
            act=Act.RELU,
            sets=(WeightSet(0, 0, layers + index, ABSENT, ABSENT, ABSENT),),
        )
        for index in range(layers)
    ]
    plan = replace(plans.plan([channels] * (layers + 1), ops, arrays), features=(WEIGHT_SETS,))
    height, width = (int(each) for each in rng.integers(20, 150, 2))
    image = rng.standard_normal((1, channels, height, width)).astype(np.float32)
    regions = rng.integers(2, size=(-(-height // size[0]), -(-width // size[1]))).astype(np.uint8)
    regions[rng.random(regions.shape) < rng.choice([0.3, 0.9])] = LEFT_OUT
    expected = mixed.interpret_chain(interpreter, plan, image[0], regions, size)
    wanted = mixed.at_output(interpreter, plan, image[0], regions, size) != LEFT_OUT
    for isa in isas:
        made = _runner(plan, size, isa=isa).run_map(image, regions)[0]
        tolerance = 2e-5 * max(1, np.abs(expected).max())
        np.testing.assert_allclose(made[:, wanted], expected[:, wanted], rtol=2e-5, atol=tolerance, err_msg=isa)


@pytest.fixture
def ladder(plans):
    """Two candidates of one 3x3 convolution."""
    rng = np.random.default_rng(0)
    arrays = [plans.floats(rng, 3, 3, 3, 3) for _ in range(2)]
    sets = (WeightSet(0, 0, 1, ABSENT, ABSENT, ABSENT),)
    return replace(plans.plan([3, 3], [Op(plans.conv(3, 3), sets=sets)], arrays), features=(WEIGHT_SETS,))


def test_a_map_that_does_not_fit_is_refused(isas, ladder):
    runner = _runner(ladder, (24, 24))
    image = np.ones((1, 3, 50, 70), np.float32)
    assert runner.regions(50, 70) == (3, 3)
    with pytest.raises(UsageError, match=r"the map has 2 x 3 regions, where the image has 3 x 3"):
        runner.run_map(image, np.zeros((2, 3), np.uint8))
    unknown = np.zeros((3, 3), np.uint8)
    unknown[2, 1] = 2
    with pytest.raises(UsageError, match=r"names candidate 2 at region 2, 1, where there are 2"):
        runner.run_map(image, unknown)
    unknown[2, 1], unknown[0, 0] = LEFT_OUT - 1, LEFT_OUT
    with pytest.raises(UsageError, match=r"names candidate 254 at region 2, 1"):
        runner.run_map(image, unknown)
    with pytest.raises(UsageError, match="int64 of shape"):
        runner.run_map(image, np.zeros((3, 3), np.int64))
    for pixels in (0, 4097):
        with pytest.raises(UsageError, match=r"1\.\.4096"):
            runner.set_region(24, pixels)
    for candidate in (-1, 2):
        with pytest.raises(UsageError, match="there is no candidate"):
            runner.set_candidate(candidate)


def test_what_candidates_cost(isas, plans):
    rng = np.random.default_rng(0)
    arrays = [*plans.sparse_arrays(rng, 4, 32, (3, 3), 8, 32)]
    sets = (WeightSet(8, 2, 0, 1, ABSENT, ABSENT),)
    op = Op(plans.conv(32, 4, n=8, positions=1), sets=sets)
    runner = NativeRunner(replace(plans.plan([32, 4], [op], arrays, m=32), features=(WEIGHT_SETS,)).to_bytes(), 1)
    assert runner.candidates() == 2
    assert runner.candidate_macs(10, 20) == [10 * 20 * 9 * 4 * kept for kept in (2, 8)]


@pytest.mark.parametrize("size", [(24, 32), (5, 7)])
def test_what_comes_before_a_mean_is_computed_everywhere(plans, ladder, size):
    assert _runner(ladder, size).everywhere_macs(50, 70) == 0
    rng = np.random.default_rng(0)
    arrays = [plans.floats(rng, 3, 3, 3, 3) for _ in range(4)]
    sets = [(WeightSet(0, 0, 2 + index, ABSENT, ABSENT, ABSENT),) for index in range(2)]
    ops = [
        Op(plans.conv(3, 3), sets=sets[0]),
        Op(GlobalMean(3), ins=(1, ABSENT), out=2),
        Op(Binary(3, BinaryKind.MUL, Spread.PIXEL), ins=(1, 2), out=3),
        Op(plans.conv(3, 3, weights=1), ins=(3, ABSENT), out=4, sets=sets[1]),
    ]
    runner = _runner(replace(plans.plan([3] * 5, ops, arrays), features=(WEIGHT_SETS,)), size)
    assert runner.everywhere_macs(50, 70) == 50 * 70 * 9 * 3 * 3 == runner.candidate_macs(50, 70)[0] // 2


@pytest.mark.parametrize("size", [(12, 16), (5, 16), (24, 32), (12, 64), (7, 20)])
def test_regions_of_one_layer_have_the_bits_of_their_engines(isas, plans, size):
    rng = np.random.default_rng(size)
    channels, made = 32, 8
    arrays = [plans.floats(rng, made, channels, 3, 3), plans.floats(rng, made)]
    arrays += [*plans.sparse_arrays(rng, made, channels, (3, 3), 4, 32), plans.floats(rng, made)]
    sets = (WeightSet(4, 0, 2, 3, 4, ABSENT),)
    plan = plans.plan([channels, made], [Op(plans.conv(channels, made, bias=1), act=Act.RELU, sets=sets)], arrays, m=32)
    data = replace(plan, features=(WEIGHT_SETS,)).to_bytes()
    image = rng.standard_normal((1, channels, 3 * size[0] + 7, 5 * size[1] + 3)).astype(np.float32)
    for isa in isas:
        runner = NativeRunner(data, 1, isa)
        runner.set_region(*size)
        regions = rng.integers(2, size=runner.regions(*image.shape[2:])).astype(np.uint8)
        mixed = runner.run_map(image, regions)[0]
        for candidate in (0, 1):
            runner.set_candidate(candidate)
            own = runner.run(image)[0]
            here = np.kron(regions == candidate, np.ones(size, bool))[: own.shape[1], : own.shape[2]]
            np.testing.assert_array_equal(mixed[:, here], own[:, here])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"n": 33}, "n is 33"),
        ({"kept": 1}, "kept is 1, not in 0..0"),
        ({"weights": 2}, "weights is 2, not in 0..1"),
        ({"positions": 0}, "positions is 0"),
        ({"bias": 1}, "bias has"),
        ({"slopes": 0}, "slopes is 0"),
    ],
)
def test_hostile_weight_sets(isas, ladder, changed, message):
    sets = (ladder.ops[0].sets[0]._replace(**changed),)
    with pytest.raises(BackendError, match=re.escape(message)):
        NativeRunner(replace(ladder, ops=(replace(ladder.ops[0], sets=sets),)).to_bytes(), 1)


def test_weight_sets_must_be_announced_and_agree(isas, ladder, plans):
    with pytest.raises(BackendError, match=r"\(Conv\): bytes is 148, not 124"):
        NativeRunner(replace(ladder, features=()).to_bytes(), 1)
    op = ladder.ops[0]
    more = replace(ladder, values=(3, 3, 3), output=2, ops=(op, replace(op, ins=(1, ABSENT), out=2, sets=op.sets * 2)))
    with pytest.raises(BackendError, match="it has weights for 3 candidates, others for 2"):
        NativeRunner(more.to_bytes(), 1)
    data = bytearray(ladder.to_bytes())
    at = data.index((148).to_bytes(4, "little"), HEADER.size)
    data[at : at + 4] = (150).to_bytes(4, "little")
    with pytest.raises(BackendError, match="bytes is 150"):
        NativeRunner(bytes(data), 1)
