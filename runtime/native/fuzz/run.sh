#!/bin/sh
# Fuzzes what reads files, and the engine behind it: run.sh plan|bundle [SECONDS] [PYTHON]. Needs clang++, cmake and an installed
# slsc (for seeds). A finding ends the run; the input that caused it lies in build/fuzz/findings.
set -eu
what=$1
seconds=${2:-1200}
python=${3:-python3}
native=$(cd "$(dirname "$0")/.." && pwd)
root=$(cd "$native/../.." && pwd)
build=$root/build/fuzz
corpus=$build/corpus/$what
mkdir -p "$corpus" "$build/findings"
cmake -S "$native" -B "$build" -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_C_COMPILER=clang -DSLSC_NATIVE_FUZZ=ON \
    -DSLSC_NATIVE_SANITIZE=address,undefined
cmake --build "$build" --target "${what}_fuzzer" --parallel 2
PYTHONPATH="$root/tests/runtime/native" "$python" -m "${what}s" "$corpus"
exec "$build/fuzz/${what}_fuzzer" -max_total_time="$seconds" -max_len=65536 -timeout=300 -print_final_stats=1 \
    -artifact_prefix="$build/findings/" "$corpus"
