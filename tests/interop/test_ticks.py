# SPDX-License-Identifier: Apache-2.0
"""Ticks of all five kinds through the unmodified client: from the gateway, from a stock server on the same tree, and what a
stock server wrote and doubled itself. Compared in every byte with the rows the store was made of."""

import gzip
import json
import pathlib
import shutil
import tempfile
import unittest
from decimal import Decimal

try:
    import numpy as np
    import pandas as pd
    import pymarketstore
    from pymarketstore import Params

    import tests.interop.tickmatrix as ticks
except ImportError as missing:
    raise unittest.SkipTest(f"packaging/venv.sh has not installed the Python clients: {missing}") from missing

from tests.lib import interval as grid
from tests.lib import servers, wait
from tests.lib.case import shared_data

STORE = {}
NO_STOCK = "no stock MarketStore server: name one by MARKETSTORE=/path/to/marketstore, or put it on PATH"


def setUpModule():
    """One store for all."""
    STORE["directory"] = pathlib.Path(tempfile.mkdtemp(prefix="bf-ticks-"))
    unittest.addModuleCleanup(shutil.rmtree, STORE["directory"])
    STORE["matrix"] = ticks.TickMatrix(STORE["directory"])


def moment(ns):
    return None if ns is None else pd.Timestamp(ns, unit="ns")


class Ticks(unittest.TestCase):
    def setUp(self):
        self.directory, self.matrix = STORE["directory"], STORE["matrix"]

    def gateway(self, root):
        gateway = servers.Gateway(ticks.BUILD, self.directory / "gateway", root)
        self.addCleanup(lambda: self.assertEqual(gateway.stop(), 0))
        return gateway

    def stock(self, root):
        stock = servers.Stock(self.directory / "stock", root)
        self.addCleanup(lambda: stock.process.poll() is None and stock.stop())
        return stock

    def assert_rows(self, array, expected):
        self.assertEqual(list(array.dtype.names), list(expected.dtype.names))
        self.assertEqual(len(array), len(expected))
        for name in array.dtype.names:
            np.testing.assert_array_equal(array[name], expected[name], name)

    def stock_cannot(self, bucket, end, limit, from_start):
        """Two defects of the stock server's scanner, with its own files too: where no row of the end's second is wanted, the
        later ones are not cut off; a limit from the end whose seconds lie in two years, and are not all, ends in EOF."""
        times = self.matrix.times_ns(bucket)
        if end is not None and not np.any(times <= end):
            return bool(np.any(times // 10 ** 9 == end // 10 ** 9))
        seconds = np.unique((times if end is None else times[times <= end]) // 10 ** 9)
        if not limit or from_start or limit >= len(seconds):
            return False
        years = seconds[-limit - 1:].astype("datetime64[s]").astype("datetime64[Y]")
        return years[0] != years[-1]

    def check(self, client, cannot=lambda *_: False):
        """Every bucket, every range that it can; returns how many rows were compared."""
        rows = 0
        for bucket in self.matrix.rows:
            symbol, kind = bucket
            for start, end, limit, from_start in self.matrix.ranges(bucket):
                if cannot(bucket, end, limit, from_start):
                    continue
                with self.subTest(bucket=bucket, start=start, end=end, limit=limit, from_start=from_start):
                    reply = client.query(Params(symbol, "1Sec", kind, start=moment(start), end=moment(end), limit=limit,
                                                limit_from_start=from_start))
                    array = reply.first().array
                    self.assert_rows(array, self.matrix.expected(bucket, start, end, limit, from_start))
                    rows += len(array)
        return rows

    def test_the_gateway(self):
        gateway = self.gateway(self.matrix.root)
        client = pymarketstore.Client(gateway.rpc)
        self.assertGreater(self.check(client), 200_000)
        self.assertEqual(client.list_symbols(), sorted(ticks.SYMBOLS))
        array = client.query(Params("QUIETUSDT", "1s", "TRADE", limit=3, columns=["Price", "TradeId"])).first().array
        self.assert_rows(array, self.matrix.expected(("QUIETUSDT", "TRADE"), limit=3)[
            ["Epoch", "Price", "TradeId", "Nanoseconds"]])

    @unittest.skipIf(servers.stock_program() is None, NO_STOCK)
    def test_a_stock_server(self):
        rows = self.check(pymarketstore.Client(self.stock(self.matrix.root).rpc), self.stock_cannot)
        print(f"compared {len(self.matrix.rows)} tick buckets, {rows} rows, of the stock server with what was stored")

    def real_trades(self, root):
        """Ten minutes of BTCUSDT as a backfill stores them, without a time of receipt; returns their ids by second."""
        seconds, lines = {}, []
        for path in sorted((shared_data() / "ws").glob("btcusdt_*.gz")):
            with gzip.open(path, "rt", encoding="ascii") as capture:
                for frame in capture:
                    data = json.loads(frame.split(" ", 1)[1]).get("data", {})
                    if data.get("e") == "trade":
                        seconds.setdefault(data["T"] // 1000, set()).add(data["t"])
                        lines.append(f"t BTCUSDT {data['T'] * 1000} 0 {data['t']} {int(Decimal(data['p']) * 100)} "
                                     f"{int(Decimal(data['q']) * 10 ** 8)} {int(data['m'])}")
        servers.make_ticks(ticks.BUILD, root, lines)
        return seconds

    @unittest.skipIf(servers.stock_program() is None, NO_STOCK)
    def test_a_stock_server_reads_each_second_of_real_trades(self):
        root = self.directory / "real"
        seconds = self.real_trades(root)
        client = pymarketstore.Client(self.stock(root).rpc)
        for second, ids in sorted(seconds.items()):
            reply = client.query(Params("BTCUSDT", "1Sec", "TRADE", start=pd.Timestamp(second, unit="s"),
                                        end=pd.Timestamp(second * 10 ** 9 + 999_999_999, unit="ns")))
            self.assertEqual(set(reply.first().array["TradeId"]), ids, second)
        array = client.query(Params("BTCUSDT", "1Sec", "TRADE")).first().array
        self.assertEqual(len(array), sum(map(len, seconds.values())))
        print(f"compared {len(seconds)} seconds of real trades, {len(array)} rows, of the stock server with the capture")

    @unittest.skipIf(servers.stock_program() is None, NO_STOCK)
    def test_what_a_stock_server_wrote_and_doubled(self):
        root = self.directory / "theirs"
        root.mkdir()
        begin = grid.us("2023-12-31T23:59:55")
        moments = begin * 1000 + np.arange(5000, dtype=np.int64) * 1_999_000
        rows = np.zeros(len(moments), dtype=ticks.row_type("TRADE"))
        rows["Epoch"], rows["Nanoseconds"] = moments // 10 ** 9, moments % 10 ** 9
        rows["Price"], rows["Size"] = 100.25 + np.arange(5000), 0.5
        rows["Exchange"], rows["Tape"] = "BINANCE", "SPOT"
        rows["TradeId"], rows["BuyerMaker"], rows["RecvTime"] = np.arange(5000), np.arange(5000) % 2, moments + 1
        stock = self.stock(root)
        client = pymarketstore.Client(stock.rpc)
        for part in (rows[rows["Epoch"] < 1704067200], rows[rows["Epoch"] >= 1704067200]):  # a year's rows at a time
            client.write(part, "BTCUSDT/1Sec/TRADE", isvariablelength=True)
        wait.until("its rows to be readable", lambda: len(client.query(Params("BTCUSDT", "1Sec", "TRADE")).first().array) ==
                   len(rows), 10)
        stock.process.kill()  # its log is replayed at the next start, and rows come twice
        stock.process.wait(10)
        again = self.stock(root)
        doubled = len(pymarketstore.Client(again.rpc).query(Params("BTCUSDT", "1Sec", "TRADE")).first().array)
        again.stop()
        self.assertGreater(doubled, len(rows))
        ours = pymarketstore.Client(self.gateway(root).rpc).query(Params("BTCUSDT", "1Sec", "TRADE")).first().array
        self.assert_rows(ours, rows)
        print(f"a stock server gave {doubled} rows of {len(rows)} after its restart; the gateway {len(ours)}")


if __name__ == "__main__":
    unittest.main()
