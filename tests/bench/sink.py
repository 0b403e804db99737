# SPDX-License-Identifier: Apache-2.0
"""Writes into a stock MarketStore server: our writer's, and pymarketstore's own, of the same rows in the same run."""

import json
import pathlib
import shutil
import subprocess
import tempfile

from tests.bench import rig
from tests.lib import servers

TITLE = "Rows into a stock MarketStore server"
NOTE = ("over RPC, into a bucket of its own each time. Ours: given to the sink in pages of 1,000, until the last is "
        "acknowledged; proved: and known to outlive a power loss, which is only after a write a second later. pymarketstore: "
        "its Client.write of numpy arrays, all rows in one call and 1,000 at a time. CPU: of the client alone. All that are "
        "written are compared")
KINDS = {"bars": ("1Min/OHLCV", 525_600), "trades": ("1Sec/TRADE", 1_000_000)}
PAGE_ROWS = 1000
SECONDS_MAX = 300


def run(command, name):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=SECONDS_MAX)
    if done.returncode != 0:
        raise AssertionError(f"{name} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


def sinkwrite(bench, kind, count, *arguments):
    words = run([bench.build / "tests/support/sinkwrite", "--kind", kind, "--rows", count, *arguments], "sinkwrite").split()
    return {name: float(value) for name, value in zip(words[::2], words[1::2])}


def put(bench, server, bucket, path, at_once, *others):
    python = pathlib.Path(bench.build, "venv", "bin", "python")
    return json.loads(run([python, pathlib.Path(__file__).with_name("put.py"), server.port, bucket, path, at_once, *others],
                          "pymarketstore"))


def figure(count, seconds, cpu):
    return f"{rig.per_second(count, seconds)} rows/s ({seconds:.2f} s; CPU {cpu * 1e6 / count:.2f} µs a row)"


def measure_kind(bench, server, kind, path):
    place, count = KINDS[kind]
    ours = sinkwrite(bench, kind, count, "--url", server.url, "--bucket", f"OURSUSDT/{place}")
    yield f"{kind}: ours", figure(count, ours["sent_seconds"], ours["cpu_seconds"])
    yield f"{kind}: ours, proved after", f"{ours['proved_seconds']:.2f} s"
    sinkwrite(bench, kind, count, "--save", path)
    for name, at_once in (("one call", count), ("1,000 at a time", PAGE_ROWS)):
        theirs = put(bench, server, f"{'ONEUSDT' if at_once == count else 'PAGEUSDT'}/{place}", path, at_once,
                     f"OURSUSDT/{place}")
        if theirs["rows"] != count or theirs["counted"] != [count] or not theirs["equal"]:
            raise AssertionError(f"{kind}: the server has {theirs['rows']} of pymarketstore's {count} rows and "
                                 f"{theirs['counted']} of ours, equal: {theirs['equal']}")
        yield f"{kind}: pymarketstore, {name}", figure(count, theirs["seconds"], theirs["cpu"])


def measure(bench):
    if servers.stock_program() is None:
        yield "stock server", "not measured: name one by MARKETSTORE=..., or put it on PATH"
        return
    if not pathlib.Path(bench.build, "venv", "installed").exists():
        raise AssertionError(f"pymarketstore is not installed: packaging/venv.sh {bench.build}/venv")
    directory = pathlib.Path(tempfile.mkdtemp(prefix="bf-bench-", dir=bench.directory))
    (directory / "root").mkdir()
    server = servers.Stock(directory / "server", directory / "root")
    try:
        for kind in KINDS:
            yield from measure_kind(bench, server, kind, directory / "rows")
    finally:
        server.stop()
        shutil.rmtree(directory)
