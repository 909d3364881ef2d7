"""The runtime under other Pythons: the oldest that is promised, another processor's (oldest.sh, aarch64.sh)."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from dataclasses import replace

import cv2
import numpy as np
import onnx
import pytest

from slsc.passes.lowering import lower
from slsc.runtime.bundle.engines import Artefact
from slsc.runtime.session import Session

ABOUT = """
import importlib.util, json, platform, sys
absent = [name for name in ("torch", "onnx", "skimage") if importlib.util.find_spec(name) is None]
print(json.dumps({"version": sys.version_info[:2], "machine": platform.machine(), "absent": absent}))
"""


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """other(*arguments) -> what that Python prints."""
    command = shlex.split(os.environ.get("SLSC_OTHER_PYTHON", ""))
    if not command:
        pytest.skip("SLSC_OTHER_PYTHON names no Python with the runtime in it (tests/runtime/pythons/*.sh make one)")

    elsewhere = tmp_path_factory.mktemp("elsewhere")

    def run(*arguments: object) -> str:
        # Its own packages: neither those of the tests nor the checkout's folder `slsc`.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        whole = [*command, *map(str, arguments)]
        done = subprocess.run(whole, capture_output=True, text=True, timeout=600, env=environment, cwd=elsewhere)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_it_is_another_python_without_torch(other):
    about = json.loads(other("-c", ABOUT))
    assert tuple(about["version"]) >= (3, 10)
    assert set(about["absent"]) == {"torch", "onnx", "skimage"}
    print(about)


@pytest.fixture()
def bundle(tiny, tmp_path):
    """A bundle with an engine of every kind that the runtime alone can run."""
    network, about = tiny.sr_network(), tiny.manifest()
    engine = replace(about.engines[0], artefacts={**about.engines[0].artefacts, "native": Artefact("engines/1-8.nmp")})
    files = {"engines/1-8.onnx": network, "engines/1-8.nmp": lower(onnx.load_from_string(network), None)}
    return tiny.bundle(tmp_path / "net.slsb", replace(about, engines=(engine,)), files)


@pytest.mark.parametrize("backend", ["native", "onnxruntime"])
def test_it_restores_what_this_python_restores(other, bundle, tmp_path, backend):
    photo = np.random.default_rng(3).integers(0, 256, (40, 56, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "photo.png"), photo)
    other("-m", "slsc", "run", bundle, tmp_path / "photo.png", "-o", tmp_path / "out.png", "--backend", backend)
    here = Session(bundle, backend=backend).restore(np.ascontiguousarray(photo[..., ::-1]))[..., ::-1]
    there = cv2.imread(str(tmp_path / "out.png"))
    assert np.abs(here.astype(int) - there).max() <= 1


def test_its_engines_agree(other, bundle):
    report = other("-m", "slsc", "check", bundle)
    assert "FAIL" not in report
    assert "native" in report
