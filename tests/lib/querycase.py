# SPDX-License-Identifier: Apache-2.0
"""`query` with `store.type: server` as statements, for any server that speaks MarketStore's RPC: ours (tests/scenario) and
the stock one (tests/interop). The oracle is `query` on year files with the same rows: what it prints must be the same,
byte by byte."""

import json
import os
import pathlib
import random
import shutil
import subprocess
import tempfile

from tests.lib import interval as grid
from tests.lib import remote, servers, wait

BUILD = pathlib.Path(os.environ.get("BF_BUILD", "build")).resolve()
# First bar, bars. 1 January of a daily bucket is not among them: a server does not keep it.
BARS = {"1s": ("2024-02-29T23:59:00", 120), "1m": ("2024-01-01", 60_000), "3m": ("2024-02-01", 700),
        "4h": ("2023-12-20", 200), "1d": ("2024-01-02", 50), "1w": ("2024-01-08", 12)}
AGGTRADE = [("Price", "f8"), ("Size", "f8"), ("AggId", "i8"), ("FirstId", "i8"), ("LastId", "i8"), ("BuyerMaker", "u1"),
            ("RecvTime", "i8"), ("Nanoseconds", "i4")]


class QueryCase:
    """Mixed into a TestCase; new_server(directory) starts one."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="bf-query-"))
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        cls.server = cls.new_server(cls.directory / "server")
        cls.addClassCleanup(lambda: cls.server.stop())
        cls.random = random.Random(5)
        cls.fill_bars()
        cls.fill_ticks()
        for name, store in (("files", f"root_directory: {cls.directory}/tree"),
                            ("server", f"type: server\n  url: {cls.server.url}")):
            (cls.directory / f"{name}.yml").write_text(
                f"symbols: [BTCUSDT]\ndata_directory: {cls.directory}/{name}-data\nstore:\n  {store}\n")

    @classmethod
    def fill_bars(cls):
        columns = [(name, "i8" if name == "Trades" else "f8") for name in remote.FULL]
        lines = []
        for interval, (first, count) in BARS.items():
            step = grid.LENGTH_US[interval]
            times = [grid.us(first) + i * step for i in range(count) if i % 7 != 3]  # with holes
            values = [(1.5, 2.25, 0.5, 1 + cls.random.random(), cls.random.random() * 1000, 3e9, i, 0.1, 1e-8)
                      for i in range(len(times))]
            lines += [f"BTCUSDT {interval} {us} {' '.join(repr(one) for one in bar)}" for us, bar in zip(times, values)]
            rows = [(us // 1_000_000, bar) for us, bar in zip(times, values)]
            for year in ("2023", "2024"):
                part = [row for row in rows if grid.text(row[0] * 1_000_000)[:4] == year]
                if part:
                    remote.write(cls.server.url, remote.key_of("BTCUSDT", interval), columns, part)
        servers.make_store(BUILD, cls.directory / "tree", lines)

    @classmethod
    def fill_ticks(cls):
        """Across a new year; every row of the last day twice, as after a server's replay."""
        lines, rows, time_us = [], [], grid.us("2023-12-31T23:50:00")
        for i in range(3000):
            time_us += cls.random.randrange(1, 800_000)
            price, size, maker = cls.random.randrange(1, 10 ** 7), cls.random.randrange(1, 10 ** 9), i & 1
            lines.append(f"a BTCUSDT {time_us} {i} {7000 + i} {2 * i} {2 * i + 1} {price} {size} {maker}")
            rows.append((time_us // 1_000_000, (price / 100, size / 1e8, 7000 + i, 2 * i, 2 * i + 1, maker, i,
                                                time_us % 1_000_000 * 1000)))
        cls.tick_times = [epoch * 10 ** 9 + values[-1] for epoch, values in rows]
        servers.make_ticks(BUILD, cls.directory / "tree", lines)
        old = [row for row in rows if row[0] < grid.us("2024-01-01") // 1_000_000]
        for part in (old, rows[len(old):], rows[len(old):]):
            remote.write(cls.server.url, "BTCUSDT/1Sec/AGGTRADE", AGGTRADE, part, variable=True)

    def query(self, where, *arguments):
        done = subprocess.run([str(BUILD / "bin" / "binancefeeder"), "query", *arguments, "--config",
                               str(self.directory / f"{where}.yml")], capture_output=True, text=True, timeout=wait.PATIENCE_S,
                              check=False)
        return done.returncode, done.stdout, done.stderr

    def assert_same(self, *arguments, rows=None):
        with self.subTest(arguments=arguments):
            code, printed, complaint = self.query("server", *arguments)
            self.assertEqual((code, complaint), (0, ""))
            self.assertEqual(printed, self.query("files", *arguments)[1])
            if rows is not None:
                self.assertEqual(printed.count("\n") - 1, rows)

    # ---- statements ----

    def test_bars_of_every_interval_as_from_files(self):
        for interval, (first, count) in BARS.items():
            step = grid.LENGTH_US[interval]
            first = grid.us(first)
            inner, later = first + count // 4 * step, first + count * step // 2 + step // 3
            self.assert_same(f"BTCUSDT/{interval}", "--csv", rows=count - (count + 3) // 7)
            for start, end in ((inner, later), (inner + step // 2, None), (None, inner), (inner, inner),
                               (first - 10 * step, first - 1), (first + (count + 5) * step, None)):
                limits = ((), ("--last", "5"), ("--first", "5"))
                for limit in limits:
                    times = [(flag, str(us // 1_000_000)) for flag, us in (("--start", start), ("--end", end))
                             if us is not None]
                    self.assert_same(f"BTCUSDT/{interval}", "--csv", *limit, *sum(times, ()))

    def test_more_rows_than_one_page(self):
        for limit in (("--last", "50500"), ("--first", "50500")):
            self.assert_same("BTCUSDT/1m", "--csv", *limit, rows=50_500)
        self.assert_same("BTCUSDT/1m", "--last", "100000", "--csv", rows=60_000 - 60_003 // 7)

    def test_every_spelling_and_format(self):
        for bucket in ("BTCUSDT/4h", "BTCUSDT/4H/OHLCV", "BTCUSDT/2H/OHLCV_4H", "BTCUSDT/1Min/OHLCV", "BTCUSDT/1w/OHLCV"):
            for form in ("--csv", "--json", "--table"):
                self.assert_same(bucket, form, "--last", "7")
        self.assertEqual(len(json.loads(self.query("server", "BTCUSDT/4h", "--json")[1])), 200 - 29)

    def test_ticks_exact_to_the_nanosecond_and_each_once(self):
        times, bucket = self.tick_times, "BTCUSDT/AGGTRADE"
        self.assert_same(bucket, "--csv", rows=len(times))
        half = len(times) // 2

        def moment(ns):
            return f"{grid.text(ns // 1000)[:19]}.{ns % 10 ** 9:09d}"
        for start, end in ((times[half], times[half + 99]), (times[half] + 1, times[half + 99] - 1),
                           (times[half], times[half]), (times[half] + 1, times[half + 1] - 1), (times[10], times[-10]),
                           (times[-1] + 1, times[-1] + 10 ** 10), (0, times[0] - 1)):
            for limit in ((), ("--last", "20"), ("--first", "20")):
                self.assert_same(bucket, "--csv", "--start", moment(start), "--end", moment(end), *limit)
        for limit in ("1", "100", str(len(times) - 3), "9000"):
            self.assert_same(bucket, "--csv", "--last", limit, rows=min(int(limit), len(times)))
            self.assert_same(bucket, "--csv", "--first", limit)
        for form in ("--json", "--table"):
            self.assert_same("BTCUSDT/1Sec/AGGTRADE", form, "--last", "7")

    def test_an_old_feeder_s_five_columns(self):
        columns = [(name, "f4") for name in ("Open", "Close", "High", "Low", "Volume")]
        remote.write(self.server.url, "old_BTC-USDT/1Min/OHLCV", columns,
                     [(1_704_067_200 + 60 * i, (1.0, 1.5, 2.0, 0.5, 100.0)) for i in range(3)])
        code, printed, _ = self.query("server", "old_BTC-USDT/1m", "--last", "1", "--csv")
        self.assertEqual((code, printed.splitlines()[1]), (0, "2024-01-01T00:02:00Z,1,2,0.5,1.5,100,0,0,0,0"))

    def test_what_is_not_there(self):
        code, printed, complaint = self.query("server", "BTCUSDT/6h")
        self.assertEqual((code, printed), (1, ""))
        self.assertIn(f"there is no BTCUSDT/6h at the store server {self.server.url}; there is ", complaint)
        for there in ("BTCUSDT/4h", "BTCUSDT/1w", "BTCUSDT/AGGTRADE"):
            self.assertIn(there, complaint)
        code, _, complaint = self.query("server", "NONE/TRADE")
        self.assertEqual(code, 1)
        self.assertIn(f"there is nothing of NONE at the store server {self.server.url}, which has ", complaint)

    def test_a_server_that_is_away(self):
        (self.directory / "away.yml").write_text(
            f"symbols: [BTCUSDT]\ndata_directory: {self.directory}/away\nstore:\n  type: server\n"
            f"  url: http://127.0.0.1:{servers.free_port()}\n")
        for bucket in ("BTCUSDT/1m", "BTCUSDT/TRADE"):
            code, printed, complaint = self.query("away", bucket)
            self.assertEqual((code, printed), (75, ""))
            self.assertIn("cannot be reached", complaint)
