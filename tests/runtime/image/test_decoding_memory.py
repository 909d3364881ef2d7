"""What decoding takes is what was foretold from the header: no less, and not much more."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HEIGHT, WIDTH = 800, 1200
FEW_BYTES = 3 << 20
"""What the allocators keep or give back in between."""

MEASURED = ("png-palette-4-alpha", "png-rgba-8", "png-rgb-16", "png-grey-16-key", "jpeg-baseline", "jpeg-progressive",
            "jpeg-cmyk", "jpeg-orientation-6", "webp-alpha", "tiff-rgb-8-deflate", "tiff-rgb-8-orientation-6",
            "tiff-rgba-16-premultiplied", "ppm-grey-1000", "jp2-rgb", "avif-rgb")  # fmt: skip

CHILD = """
import ctypes, json, pathlib, sys
from slsc.runtime.image.photo import decoding_bytes, load_photo

def status(key):
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(key))

trim = ctypes.CDLL(None).malloc_trim
found = {}
for small, large in zip(sys.argv[1::2], sys.argv[2::2]):
    load_photo(small)  # code and tables
    trim(0)
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = status("VmRSS")
    load_photo(large)
    found[large] = [status("VmHWM") - before, decoding_bytes(large)]
print(json.dumps(found))
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux, where a peak can begin anew")
def test_no_kind_takes_more_than_was_foretold(kinds: dict[str, Any], tmp_path: Path) -> None:
    files = {}
    for name in MEASURED:
        small, large = tmp_path / f"{name}-s{kinds[name].suffix}", tmp_path / f"{name}-l{kinds[name].suffix}"
        small.write_bytes(kinds[name].make(20, 30)[0])
        large.write_bytes(kinds[name].make(HEIGHT, WIDTH)[0])
        files[name] = small, large
    words = [str(path) for pair in files.values() for path in pair]
    done = subprocess.run([sys.executable, "-c", CHILD, *words], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    for name, (_, large) in files.items():
        taken, foretold = found[str(large)]
        assert taken <= foretold + FEW_BYTES, name
        assert foretold <= 1.6 * taken + 3 * FEW_BYTES, name


WRITER = """
import ctypes, json, pathlib, sys
import numpy as np
from slsc.runtime.image.photo_writer import held_bytes, photo_writer

def status(key):
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(key))

def write(path, height, width):
    rows = np.random.default_rng(0).integers(0, 256, (50, width, 3), np.uint8)
    with photo_writer(path, (height, width, 3), np.uint8) as writes:
        for _ in range(0, height, 50):
            writes(rows)

found = {}
for name in sys.argv[1:]:
    path = pathlib.Path(name)
    write(path, 50, 50)
    ctypes.CDLL(None).malloc_trim(0)
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    before = status("VmRSS")
    write(path, 800, 1200)
    found[path.suffix] = [status("VmHWM") - before, held_bytes(path, (800, 1200, 3))]
print(json.dumps(found))
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux, where a peak can begin anew")
def test_no_format_takes_more_to_write_than_was_foretold(tmp_path: Path) -> None:
    names = [str(tmp_path / f"a{suffix}") for suffix in (".png", ".tiff", ".jpg", ".webp", ".bmp")]
    done = subprocess.run([sys.executable, "-c", WRITER, *names], capture_output=True, text=True, check=True)
    for suffix, (taken, foretold) in json.loads(done.stdout).items():
        assert taken <= foretold + 4 * FEW_BYTES, suffix  # the margin that every restoration has holds the streams
        assert foretold <= 1.6 * taken + 3 * FEW_BYTES, suffix
