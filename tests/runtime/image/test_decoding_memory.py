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

MEASURED = ("png-grey-8", "png-rgb-8", "png-rgba-8", "png-rgb-16", "png-rgba-16",
            "png-grey-16-key", "jpeg-baseline", "jpeg-progressive", "jpeg-cmyk",
            "jpeg-orientation-6", "webp-alpha", "tiff-rgb-8-deflate", "tiff-rgb-8-orientation-6",
            "tiff-rgba-16-premultiplied", "tiff-cmyk", "bmp-32", "ppm-rgb-16", "jp2-rgb",
            "avif-alpha")  # fmt: skip

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
