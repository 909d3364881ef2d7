#!/bin/sh
# The oldest Python and packages that the runtime promises to run with: oldest.sh FOLDER.
#
# Makes a virtual environment with the runtime (built here) and the lowest releases that pyproject.toml allows, and prints the
# command that is its Python. OLDEST names Python 3.10 where it is not python3.10.
set -eu
checkout=$(cd "$(dirname "$0")/../../.." && pwd)
"${OLDEST:-python3.10}" -m venv "$1"
folder=$(cd "$1" && pwd)
"$folder/bin/pip" install --quiet uv >&2
"$folder/bin/uv" pip install --quiet --python "$folder/bin/python" --resolution lowest-direct "$checkout" >&2
echo "$folder/bin/python"
