#!/bin/sh
# A Python for aarch64 with the runtime in it, run on another processor by qemu-user: aarch64.sh ROOT.
#
# Builds the wheel with Debian's cross compiler, and lays into ROOT Debian's Python for arm64 (unpacked, not installed) and the
# packages that the runtime needs (of ONNX Runtime an earlier release: qemu 7.2 falls over 1.32's import). Prints the command
# that is this Python. Needs a Debian that knows arm64's packages (dpkg --add-architecture arm64 && apt-get update) and has
# g++-aarch64-linux-gnu and qemu-user.
set -eu
mkdir -p "$1"
root=$(cd "$1" && pwd)
checkout=$(cd "$(dirname "$0")/../../.." && pwd)
python=${PYTHON:-python3}

_PYTHON_HOST_PLATFORM=linux-aarch64 "$python" -m pip wheel --quiet --no-deps --wheel-dir "$root/wheels" \
    --config-settings="build-dir=$root/build" --config-settings="cmake.define.CMAKE_TOOLCHAIN_FILE=$checkout/runtime/native/cmake/aarch64-linux-gnu.cmake" "$checkout" >&2

mkdir -p "$root/debs"
(
    cd "$root/debs"
    apt-get download --quiet python3.11-minimal:arm64 libpython3.11-minimal:arm64 libpython3.11-stdlib:arm64 libc6:arm64 \
        libstdc++6:arm64 libgcc-s1:arm64 zlib1g:arm64 libexpat1:arm64 libssl3:arm64 libffi8:arm64 libsqlite3-0:arm64 \
        libbz2-1.0:arm64 liblzma5:arm64 libuuid1:arm64 >&2
    for package in *.deb; do dpkg -x "$package" "$root"; done
)
"$python" -m pip install --quiet --upgrade --target "$root/site" --only-binary=:all: --implementation cp --python-version 3.11 \
    --platform manylinux2014_aarch64 --platform manylinux_2_27_aarch64 --platform manylinux_2_28_aarch64 \
    --platform linux_aarch64 "$root"/wheels/slsc-*-linux_aarch64.whl "onnxruntime==1.20.*" >&2
echo "env PYTHONPATH=$root/site qemu-aarch64 -L $root $root/usr/bin/python3.11"
