#!/bin/sh
# Fuzzes the plan loader and the engine: run.sh [SECONDS] [PYTHON]. Needs clang++, cmake and an installed slsc (for seeds).
# A finding ends the run; the input that caused it lies in build/fuzz/findings.
set -eu
seconds=${1:-1200}
python=${2:-python3}
native=$(cd "$(dirname "$0")/.." && pwd)
root=$(cd "$native/../.." && pwd)
build=$root/build/fuzz
mkdir -p "$build/corpus" "$build/findings"
cmake -S "$native" -B "$build" -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_C_COMPILER=clang -DSLSC_NATIVE_FUZZ=ON \
    -DSLSC_NATIVE_SANITIZE=address,undefined
cmake --build "$build" --target plan_fuzzer --parallel 2
PYTHONPATH="$root/tests/runtime/native" "$python" -m plans "$build/corpus"
exec "$build/fuzz/plan_fuzzer" -max_total_time="$seconds" -max_len=65536 -timeout=300 -print_final_stats=1 \
    -artifact_prefix="$build/findings/" "$build/corpus"
