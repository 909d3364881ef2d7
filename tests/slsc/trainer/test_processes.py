"""Several processes on the CPU (gloo) against one."""

from __future__ import annotations

import torch
from tiny_run import SETTINGS, run

from slsc.trainer.fabric import make_fabric


def test_two_processes_do_as_one(tmp_path, script, rows, weights) -> None:
    """Losses, the recipe's columns and all weights, over the step at which the recipe freezes a parameter."""
    one, two = tmp_path / "1", tmp_path / "2"
    one.mkdir()
    two.mkdir()
    run(one, SETTINGS, False, {}, make_fabric(SETTINGS))
    done = script(two, "--steps", 12, "--devices", 2)
    assert "step=12" in done.stdout, done.stderr
    assert len(rows(one)) == len(rows(two)) == 4
    for row, other in zip(rows(one), rows(two), strict=True):
        for name, cell in row.items():
            assert abs(float(cell or 0) - float(other[name] or 0)) <= 1e-6 * max(1, float(cell or 0)), name
    found = weights(two)
    for name, value in weights(one).items():
        torch.testing.assert_close(found[name], value, rtol=0, atol=1e-6)


def test_a_signal_reaches_all_processes_and_one_takes_up_what_they_left(tmp_path, script, rows, weights) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    whole.mkdir()
    cut.mkdir()
    run(whole, SETTINGS, False, {}, make_fabric(SETTINGS))
    stopped = script(cut, "--steps", 12, "--devices", 2, "--terminate-at", 1)
    assert "SlscError: step" in stopped.stderr
    assert "training was interrupted" in stopped.stderr
    assert 2 <= torch.load(cut / "run.ckpt", weights_only=True)["step"] < 12
    run(cut, SETTINGS, True, {}, make_fabric(SETTINGS))
    for name, value in weights(whole).items():
        torch.testing.assert_close(weights(cut)[name], value, rtol=0, atol=1e-6)
