"""The C example restores a photo of any size as the Python runtime does, and says what is wrong."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from slsc.runtime.backends.library import library_path
from slsc.runtime.session import Session


@pytest.fixture(scope="session")
def restore(native_sources, tmp_path_factory):
    """The example, linked to the library that is installed."""
    library = library_path()
    if library is None or shutil.which("gcc") is None:
        pytest.skip("the native library was not built, or there is no gcc")
    program, folder = tmp_path_factory.mktemp("example") / "restore", Path(library).parent
    source, include = native_sources / "examples" / "restore.c", native_sources / "include"
    command = ["gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-I", include, source, library, f"-Wl,-rpath,{folder}"]
    subprocess.run([*command, "-o", program], check=True)
    return program


BLACK_BELOW = {"low": [-1.0], "high": [1.0]}


@pytest.fixture
def bundle(plans, bundles, tmp_path):
    """bundle(channels): cubic, by 2; its black is -1."""
    pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    from slsc.passes.lowering import lower

    def make(channels: int):
        image, out = (
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", channels, *sides])
            for name, sides in (("image", ["h", "w"]), ("out", ["hout", "wout"]))
        )
        scales = numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "scales")
        node = helper.make_node("Resize", ["image", "", "scales"], ["out"], mode="cubic", cubic_coeff_a=-0.5)
        graph = helper.make_graph([node], "cubic", [image], [out], [scales])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        about = bundles.manifest(io={"channels": channels, "input_range": BLACK_BELOW, "output_range": BLACK_BELOW})
        return bundles.write(tmp_path / "net.slsb", lower(model, None), about)

    return make


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(("channels", "suffix"), [(3, "ppm"), (1, "pgm")])
def test_photo_is_restored(bundle, restore, tmp_path, channels, suffix, dtype):
    if library_path() is None:
        pytest.skip("the native library was not built")
    pixels = np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, (37, 450, channels)).astype(dtype)
    cv2.imwrite(str(tmp_path / f"in.{suffix}"), pixels[:, :, ::-1])
    path = bundle(channels)
    command = [restore, path, tmp_path / f"in.{suffix}", tmp_path / f"out.{suffix}", "1-8"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("900 x 74, engine 1-8\n")
    made = cv2.imread(str(tmp_path / f"out.{suffix}"), cv2.IMREAD_UNCHANGED).reshape(74, 900, channels)[:, :, ::-1]
    assert np.array_equal(made, Session(path, backend="native", threads=1).restore(pixels))


@pytest.mark.parametrize(
    ("content", "photo", "engine", "message"),
    [
        (b"no bundle", b"P5 2 2 255 abcd", "1-8", "not_a_bundle"),
        (None, b"P5 2 2 255 abcd", "1-4", "has no engine '1-4'; it has 1-8, dense"),
        (None, b"P5 2 2 255 abc", "1-8", "is cut short"),
        (None, b"P5 2 2 100 abcd", "1-8", "is no binary PGM"),
        (None, b"JFIF", "1-8", "is no binary PGM"),
    ],
)
def test_example_says_what_is_wrong(bundle, restore, tmp_path, content, photo, engine, message):
    path = bundle(1)
    if content is not None:
        path.write_bytes(content)
    (tmp_path / "in.pgm").write_bytes(photo)
    command = [restore, path, tmp_path / "in.pgm", tmp_path / "out.pgm", engine]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert message in done.stderr
    assert not (tmp_path / "out.pgm").exists()
