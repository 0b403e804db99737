#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes a Python environment with MarketStore's own client and our module, for tests: packaging/venv.sh [DIRECTORY].
# Without a package index it says so and ends with 75: the tests that need it are then skipped.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
venv=${1:-build/venv}
stamp=$venv/installed

if [ -f "$stamp" ] && [ "$stamp" -nt "$here/python/pyproject.toml" ]; then
        exit 0
fi
# An environment made by an interrupted run is made again.
rm -rf "$venv"
python3 -m venv "$venv" || { echo "venv: python3 -m venv does not work; install python3-venv" >&2; exit 75; }
echo "venv: installing pymarketstore, pandas, numpy into $venv"
if ! "$venv/bin/pip" install --quiet --disable-pip-version-check 'pymarketstore==0.22' pandas numpy; then
        echo "venv: no package index can be reached" >&2
        rm -rf "$venv"
        exit 75
fi
touch "$stamp"
