from __future__ import annotations

import numpy as np
import torch

from slsc.search.inputs import PatchSource
from slsc.search.lesson import PICTURES_EVERY, Lesson
from slsc.trainer.schedule import Horizon, Schedule
from slsc.trainer.settings import TrainSettings

TRAINING = TrainSettings(Horizon(8, 60), batch=4, schedule=Schedule(1e-3, warmup=0))


def lesson(network, source, io, pictures=None) -> Lesson:
    return Lesson.of(network.model, source, io, TRAINING, labelled=False, seed=(0, 2), pictures=pictures)


def white(io) -> PatchSource:
    return PatchSource([(np.full((40, 40, 3), 255, np.uint8), np.full((80, 80, 3), 255, np.uint8))], io)


def test_every_sixteenth_sample_is_a_picture_and_the_rest_are_as_without(network, pairs, io) -> None:
    source = PatchSource(pairs, io)
    plain, mixed = (lesson(network, source, io, pictures).batches for pictures in (None, white(io)))
    for step in range(8):
        for index, (before, after) in enumerate(zip(*(each(step, 0, 4)[0] for each in (plain, mixed)), strict=True)):
            if (4 * step + index) % PICTURES_EVERY:
                assert torch.equal(before, after)
            else:
                assert torch.equal(after, torch.ones_like(after))


def test_a_sample_is_the_same_whoever_draws_it(network, pairs, io) -> None:
    batches = lesson(network, PatchSource(pairs, io), io, white(io)).batches
    for whole, one in zip(batches(4, 0, 4), batches(4, 2, 1), strict=True):
        assert torch.equal(whole[2:3], one)
