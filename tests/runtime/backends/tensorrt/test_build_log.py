"""TensorRT's words about sparse tactics, as releases 8.2 and 10.x say them."""

from __future__ import annotations

from slsc.runtime.backends.tensorrt.build_log import SparseLayers, read_log


def said(*lines: str) -> list[tuple[bool, str]]:
    return [(False, line) for line in lines]


def test_older_wording() -> None:
    log = read_log(
        said(
            "(Sparsity) Layers eligible for sparse math: Conv_1, Conv_2 + Relu_3",
            "(Sparsity) TRT inference plan picked sparse implementation for layers: Conv_2 + Relu_3",
        )
    )
    assert log.found == SparseLayers(2, ("Conv_1", "Conv_2", "Relu_3"))
    assert log.chosen == SparseLayers(1, ("Conv_2", "Relu_3"))


def test_older_wording_of_none() -> None:
    log = read_log(said("(Sparsity) TRT inference plan picked sparse implementation for layers: "))
    assert log.chosen == SparseLayers(0, ())
    assert log.found is None


def test_newer_wording_with_and_without_names() -> None:
    log = read_log(
        said(
            "(Sparsity) Found 36 layer(s) eligible to use sparse tactics",
            "(Sparsity) Chose 2 layer(s) using sparse tactics: a, Conv_663 + Add_664 + Relu_665",
        )
    )
    assert log.found == SparseLayers(36, ())
    assert log.chosen == SparseLayers(2, ("a", "Conv_663", "Add_664", "Relu_665"))


def test_the_last_pass_counts() -> None:
    log = read_log(
        said(*(f"(Sparsity) Chose {count} layer(s) using sparse tactics" for count in (5, 3))), 
    )  # fmt: skip
    assert log.chosen == SparseLayers(3, ())


def test_nothing_said_is_not_zero() -> None:
    log = read_log(said("Engine generation completed in 0.1 seconds."))
    assert (log.found, log.chosen, log.dropped, log.errors) == (None, None, (), ())


def test_tactics_dropped_for_lack_of_memory_are_no_errors() -> None:
    dropped = "Skipping tactic 0x0 due to insufficient memory on requested size of 8589934592 detected"
    log = read_log([(True, dropped), (True, "Error Code 9: no implementation"), (False, "fine")])
    assert log.dropped == (dropped,)
    assert log.errors == ("Error Code 9: no implementation",)
