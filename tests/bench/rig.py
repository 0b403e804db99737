# SPDX-License-Identifier: Apache-2.0
"""What all figures need: an exchange and a feeder in a directory of their own, what the kernel says of their processes, and
the newest row of a bucket."""

import contextlib
import os
import pathlib
import re
import shutil
import tempfile
import time

from tests.lib import interval as grid
from tests.lib import store
from tests.lib.exchange import Exchange
from tests.lib.feeder import Feeder

NEWEST_SLOTS = 8192  # how far before the exchange's now the newest row is looked for


class Bench:
    """The options of this run, and the rigs it builds."""

    def __init__(self, build, directory, minutes, rest_seconds):
        self.build, self.directory = build, directory
        self.minutes, self.rest_seconds = minutes, rest_seconds

    @contextlib.contextmanager
    def rig(self, symbols, exchange, **keys):
        """(exchange, feeder that is not started yet); both are gone afterwards, as is what they stored."""
        directory = pathlib.Path(tempfile.mkdtemp(prefix="bf-bench-", dir=self.directory))
        server = feeder = None
        options = {"seed": 7, "speed": 1, "trades_per_minute": 1, "symbols": ",".join(symbols), **exchange}
        try:
            server = Exchange(self.build, directory / "exchange", **options)
            feeder = Feeder(self.build, directory / "feeder", server, list(symbols), log_level="info", **keys)
            yield server, feeder
            code = feeder.stop()
            if code not in (0, None):
                raise AssertionError(f"the feeder ended with {code}; {feeder.tail()}")
        finally:
            if feeder is not None:
                feeder.kill_everything()
            if server is not None:
                server.stop()
            shutil.rmtree(directory)


def symbol_names(count):
    return tuple(f"B{number:03d}USDT" for number in range(count))


def look(feeder):
    """Its status, or None while there is none yet."""
    feeder.alive()
    try:
        return feeder.status()
    except AssertionError:
        return None


def rows(status):
    """Rows that the ledger counts: they are in the store and synced."""
    return sum(bucket["rows"] for bucket in status["buckets"]) if status else 0


def pids(feeder, status):
    """{kind: [pid, ...]} of the feeder's processes."""
    kinds = {"supervisor": [status["supervisor_pid"]]}
    for child in status["children"]:
        if child["pid"] > 0:
            kinds.setdefault(child["class"], []).append(child["pid"])
    if feeder.process.pid != status["supervisor_pid"]:
        kinds["command"] = [feeder.process.pid]
    return kinds


def cpu_s(pid):
    """CPU time that a process has used, threads that ended before excepted. Not from its stat file: that cuts it to
    hundredths of a second, which of sixty processes at rest is more than they use."""
    threads = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text(encoding="ascii").split()[0]) for thread in threads) / 1e9


def cpu_by_kind(feeder, status, exchange):
    """{kind: seconds of CPU} so far."""
    used = {kind: sum(cpu_s(pid) for pid in group) for kind, group in pids(feeder, status).items()}
    used["exchange"] = cpu_s(exchange.process.pid)
    return used


def cpu_text(used, count):
    """CPU by kind in microseconds a row: what does not depend on who else uses the cores."""
    each = sorted(((seconds * 1e6 / count, kind) for kind, seconds in used.items()), reverse=True)
    return ", ".join(f"{kind} {us:.2f}" for us, kind in each if us >= 0.005)


def pss_kib(pid):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return int(re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE).group(1))


def newest_row_us(feeder, exchange, symbol):
    """Open time of a bucket's newest row (1m) that a reader of the file sees; 0: none."""
    now_us = exchange.now_us()
    year = time.gmtime(now_us // 1_000_000).tm_year
    path = feeder.root.joinpath(symbol, *grid.HOME["1m"], f"{year}.bin")
    if not path.exists():
        return 0
    file = store.YearFile(path)
    last = (now_us - grid.year_start_us(year)) // grid.MINUTE
    first = max(0, last - NEWEST_SLOTS)
    with open(path, "rb") as data:
        block = os.pread(data.fileno(), (last - first + 1) * file.record_bytes,
                         store.HEADER_BYTES + first * file.record_bytes)
    for at in range(len(block) - file.record_bytes, -1, -file.record_bytes):
        if block[at:at + 8] != bytes(8):
            return grid.year_start_us(year) + (first + at // file.record_bytes) * grid.MINUTE
    return 0


def per_second(count, seconds):
    return f"{count / seconds:,.0f}"


def plain_s(seconds):
    return f"{seconds:.2f} s"
