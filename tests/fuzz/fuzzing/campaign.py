"""Mutated files through the command line, each in a process of its own: `python -m fuzzing.campaign KIND COUNT [SEED]`.

An outcome is good where the exit code is one that `slsc` documents, standard error ends in its one line, which names no
fault of slsc's own, and the process took no longer than `SECONDS` of CPU time and no more than `BYTES`. Anything else
is a finding, kept in `findings`.
"""

from __future__ import annotations

import os
import random
import resource
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fuzzing.mutations import mutated
from fuzzing.readers import OWN_FAULTS
from fuzzing.seeds import SEEDS
from slsc.cli.main import main

SECONDS, BYTES = 20, 1 << 30
WAITED_SECONDS = 30 * SECONDS
"""Of the clock: what waits for something that never comes takes no CPU time."""

DOCUMENTED = (0, 1, 2, 3, 4)
VERBS = {
    "bundle": (
        ("run", "{file}", "{photo}", "-o", "{out}", "--threads", "1"),
        ("check", "{file}"),
        ("inspect", "{file}"),
    ),
    "onnx": (("inspect", "{file}"),),
    "image": (("run", "{bundle}", "{file}", "-o", "{out}", "--threads", "1"),),
}


@dataclass(frozen=True)
class Outcome:
    """How one command line ended: its exit code or minus the signal's number, the last line on stderr, what it took."""

    code: int
    words: str
    seconds: float
    bytes: int

    @property
    def good(self) -> bool:
        """Whether nothing is wrong with it, whatever was wrong with the file."""
        named = self.code in (0, 1) or self.words.startswith("slsc: error: ")
        blamed = any(words in self.words for words in OWN_FAULTS)
        return self.code in DOCUMENTED and named and not blamed and self.bytes < BYTES


def outcome(words: Sequence[str], scratch: Path) -> Outcome:
    """Run one command line in a child process."""
    errors = scratch / "stderr"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    child = os.fork()
    if child == 0:
        _run(words, errors)
    _, status, used = os.wait4(child, 0)
    code = os.waitstatus_to_exitcode(status)
    text = errors.read_text(errors="replace")
    last = text if "Traceback" in text else (text.splitlines() or [""])[-1]
    return Outcome(code, last, used.ru_utime + used.ru_stime, 1024 * (used.ru_maxrss - before))


def _run(words: Sequence[str], errors: Path) -> None:
    """In the child: never returns."""
    code = 70
    try:
        signal.alarm(WAITED_SECONDS)
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        os.dup2(os.open(errors, os.O_CREAT | os.O_TRUNC | os.O_WRONLY), 2)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.stdout, sys.stderr = (os.fdopen(descriptor, "w", closefd=False) for descriptor in (1, 2))
        code = main(words)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def campaign(kind: str, count: int, seed: int, scratch: Path) -> dict[str, list[tuple[bytes, Outcome]]]:
    """Outcomes of mutated files of a kind by verb, one verb a file in turn."""
    fixed = {"photo": scratch / "photo.png", "bundle": scratch / "sound.slsb", "out": scratch / "out.png"}
    fixed["photo"].write_bytes(next(SEEDS["image"]()))
    fixed["bundle"].write_bytes(next(SEEDS["bundle"]()))
    seeds, rng = list(SEEDS[kind]()), random.Random(seed)
    file = scratch / f"mutated{'.png' if kind == 'image' else '.slsb' if kind == 'bundle' else '.onnx'}"
    outcomes: dict[str, list[tuple[bytes, Outcome]]] = {words[0]: [] for words in VERBS[kind]}
    for index in range(count):
        data = mutated(kind, rng.choice(seeds), rng)
        file.write_bytes(data)
        words = VERBS[kind][index % len(VERBS[kind])]
        made = outcome([word.format(file=file, **fixed) for word in words], scratch)
        outcomes[words[0]].append((data, made))
    return outcomes


def summary(verb: str, outcomes: Sequence[Outcome]) -> str:
    """One line of figures."""
    codes = Counter(made.code for made in outcomes)
    exits = ", ".join(f"exit {code}: {times}" for code, times in sorted(codes.items()))
    slowest, largest = max(made.seconds for made in outcomes), max(made.bytes for made in outcomes)
    bad = sum(not made.good for made in outcomes)
    return (
        f"{verb}: {len(outcomes)} files, {bad} unnamed errors, signals or hangs; {exits}; "
        f"at most {slowest:.1f} s and {largest >> 20} MiB"
    )


if __name__ == "__main__":
    kind, count, seed = sys.argv[1], int(sys.argv[2]), int([*sys.argv, "0"][3])
    found = False
    with tempfile.TemporaryDirectory() as folder:
        for verb, made in campaign(kind, count, seed, Path(folder)).items():
            print(summary(verb, [each for _, each in made]))
            for index, (data, each) in enumerate(made):
                if not each.good:
                    found = True
                    Path("findings").mkdir(exist_ok=True)
                    Path(f"findings/{kind}-{verb}-{seed}-{index}").write_bytes(data)
                    print(f"  {index}: {each}")
    sys.exit(found)
