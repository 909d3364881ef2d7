"""Coverage-guided fuzzing of a reader with Atheris: `python -m fuzzing.guided KIND [libFuzzer's options] CORPUS`."""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path

import atheris

from fuzzing.mutations import MUTATIONS
from fuzzing.readers import READERS, answered
from slsc.errors import SlscError


def main() -> None:
    """Fuzz until libFuzzer's options end it; a finding is a traceback and a file `crash-...`."""
    kind = sys.argv.pop(1)
    read, change = READERS[kind], MUTATIONS[kind]
    scratch = Path(tempfile.mkdtemp()) / f"input.{kind}"

    def test(data: bytes) -> None:
        scratch.write_bytes(data)
        try:
            read(scratch)
        except SlscError as error:
            assert answered(error), str(error)

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        # Half of the time as libFuzzer would, which knows what the reader compared the bytes with.
        if seed % 2:
            return atheris.Mutate(data, max_size)
        return change(bytes(data), random.Random(seed))[:max_size]

    # What is imported, not imports: the finder of an editable installation hides most of slsc from Atheris's own.
    atheris.instrument_all()
    atheris.Setup(sys.argv, test, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
