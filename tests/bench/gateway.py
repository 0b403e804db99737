# SPDX-License-Identifier: Apache-2.0
"""Queries: the gateway, and a stock MarketStore server on the same tree where there is one, in one run."""

import json
import pathlib
import shutil
import statistics
import subprocess
import tempfile

from tests.bench import rig
from tests.lib import interval as grid
from tests.lib import servers

TITLE = "Queries over MarketStore's RPC"
NOTE = ("median; raw: the answer's bytes are read; client: pymarketstore up to its numpy array; each client is a "
        "process of its own; server's CPU: of a raw answer, all threads; files in the page cache; stock server: MARKETSTORE=... or on PATH")
ASK = pathlib.Path(__file__).with_name("ask.py")
YEARS = (2023, 2024)
SYMBOLS = rig.symbol_names(50)
TRADES = 1_000_000
TRADES_PER_S = 50
CLIENTS = 8

BARS = {"symbols": "BTCUSDT", "timeframe": "1Min", "attrgroup": "OHLCV"}
YEAR = {**BARS, "start": "2023-01-01", "end": "2023-12-31 23:59"}
# name, repetitions, query, rows
QUERIES = [
    ("last row of 1m", 200, {**BARS, "limit": 1}, 1),
    ("one day of 1m", 200, {**BARS, "start": "2024-03-05", "end": "2024-03-05 23:59"}, 1440),
    ("one year of 1m", 20, YEAR, 525_600),
    ("one million trades", 5, {"symbols": "BTCUSDT", "timeframe": "1Sec", "attrgroup": "TRADE", "start": "2024-03-05",
                               "end": "2024-03-06"}, TRADES),
    ("50 symbols, last bar of each", 50, {**BARS, "symbols": list(SYMBOLS), "limit": 1}, len(SYMBOLS)),
]


def bars(symbol, begin_us, end_us):
    for number, open_us in enumerate(range(begin_us, end_us, grid.MINUTE)):
        price = 40000 + number % 977 + number % 7 / 4
        yield (f"{symbol} 1m {open_us} {price} {price + 1.5} {price - 1.25} {price + 0.5} {number % 89 + 0.125} "
               f"{number % 89 * price} {number % 500} {number % 41} {number % 41 * price}")


def trades():
    begin_us = grid.us("2024-03-05")
    for number in range(TRADES):
        yield (f"t BTCUSDT {begin_us + number * 1_000_000 // TRADES_PER_S} 0 {number} {4_000_000 + number * 7919 % 9973} "
               f"{number * 104_729 % 99_991 * 1000} {number % 2}")


def make_store(bench, root):
    begin, end = grid.year_start_us(YEARS[0]), grid.year_start_us(YEARS[-1] + 1)
    servers.make_store(bench.build, root, bars("BTCUSDT", begin, end))
    for symbol in SYMBOLS:
        servers.make_store(bench.build, root, bars(symbol, end - grid.DAY, end))
    servers.make_ticks(bench.build, root, trades())


class Clients:
    """`count` processes that ask the same at the same time."""

    def __init__(self, bench, server, kind, query, repetitions, count=1):
        command = [str(pathlib.Path(bench.build, "venv", "bin", "python")), str(ASK), str(server.port), str(repetitions), kind,
                   json.dumps(query)]
        self.processes = []
        try:
            for _ in range(count):
                self.processes.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            for process in self.processes:
                if process.stdout.readline() != "ready\n":
                    raise AssertionError("a client ended")
            for process in self.processes:
                process.stdin.write("go\n")
                process.stdin.flush()
            self.reports = [json.loads(process.communicate(timeout=300)[0]) for process in self.processes]
        finally:
            for process in self.processes:
                if process.poll() is None:
                    process.kill()
                    process.communicate()

    def median_s(self):
        return statistics.median(seconds for report in self.reports for seconds in report["seconds"])

    def whole_s(self):
        return max(report["ended"] for report in self.reports) - min(report["begun"] for report in self.reports)


def measure_queries(bench, server, pid):
    for name, repetitions, query, rows in QUERIES:
        before = rig.cpu_s(pid)
        raw = Clients(bench, server, "raw", query, repetitions)
        cpu_ms = (rig.cpu_s(pid) - before) * 1e3 / (repetitions + 1)
        client = Clients(bench, server, "client", query, repetitions)
        if client.reports[0]["size"] != rows:
            raise AssertionError(f"{name}: {client.reports[0]['size']} rows instead of {rows}")
        yield name, (f"raw {raw.median_s() * 1e3:8.2f} ms, client {client.median_s() * 1e3:8.2f} ms, "
                     f"server's CPU {cpu_ms:8.2f} ms, {rig.per_second(rows, raw.median_s())} rows/s raw")
    many = Clients(bench, server, "raw", YEAR, 10, CLIENTS)
    yield (f"{CLIENTS} clients at once, one year of 1m each, 10 times",
           f"raw {many.median_s() * 1e3:8.2f} ms each, "
           f"{rig.per_second(CLIENTS * 10 * 525_600, many.whole_s())} rows/s together")


def one_server(bench, name, server, pid):
    try:
        before = rig.pss_kib(pid)
        for figure, value in measure_queries(bench, server, pid):
            yield f"{name}: {figure}", value
        yield f"{name}: PSS before and after", f"{before / 1024:.1f} and {rig.pss_kib(pid) / 1024:.1f} MiB"
    finally:
        server.stop()


def measure(bench):
    if not pathlib.Path(bench.build, "venv", "installed").exists():
        raise AssertionError(f"pymarketstore is not installed: packaging/venv.sh {bench.build}/venv")
    directory = pathlib.Path(tempfile.mkdtemp(prefix="bf-bench-", dir=bench.directory))
    try:
        make_store(bench, directory / "store")
        gateway = servers.Gateway(bench.build, directory / "gateway", directory / "store")
        yield from one_server(bench, "gateway", gateway, gateway.pid)
        if servers.stock_program() is None:
            yield "stock server", "not measured: name one by MARKETSTORE=..., or put it on PATH"
            return
        stock = servers.Stock(directory / "stock", directory / "store")
        yield from one_server(bench, "stock server", stock, stock.process.pid)
    finally:
        shutil.rmtree(directory)
