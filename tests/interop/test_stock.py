# SPDX-License-Identifier: Apache-2.0
"""A stock MarketStore server started on our tree, while ours is stopped: it lists and serves every row, identical to the
gateway's answer and to the ledger. Both are asked the same, one after the other, by the unmodified client."""

import pathlib
import shutil
import tempfile
import unittest

try:
    import pymarketstore
    from pymarketstore import Params

    from tests.interop import matrix as grid_matrix
except ImportError as missing:
    raise unittest.SkipTest(f"packaging/venv.sh has not installed the Python clients: {missing}") from missing

from tests.lib import interval as grid
from tests.lib import servers

SECOND = 1_000_000


def is_new_years_day(us):
    return us is not None and us == grid.year_start_us(int(grid.text(us)[:4]))


@unittest.skipIf(servers.stock_program() is None,
                 "no stock MarketStore server: name one by MARKETSTORE=/path/to/marketstore, or put it on PATH")
class StockServer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="bf-stock-"))
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        cls.matrix = grid_matrix.Matrix(cls.directory)

    def with_gateway(self, ask, root):
        gateway = servers.Gateway(grid_matrix.BUILD, self.directory / "gateway", root)
        try:
            return ask(pymarketstore.Client(gateway.rpc))
        finally:
            self.assertEqual(gateway.stop(), 0)

    def with_stock(self, ask, root):
        stock = servers.Stock(self.directory / "stock", root)
        try:
            return ask(pymarketstore.Client(stock.rpc))
        finally:
            stock.stop()

    def ask_everything(self, client):
        """{(bucket, range): array}; None where the query failed."""
        answers = {}
        for symbol in grid_matrix.SYMBOLS:
            for interval, (timeframe, group) in grid.HOME.items():
                for asked in grid_matrix.ranges(self.matrix, symbol, interval):
                    start, end, limit, from_start = asked
                    reply = client.query(Params(
                        symbol, timeframe, group, start=None if start is None else start // SECOND,
                        end=None if end is None else end // SECOND, limit=limit, limit_from_start=from_start))
                    answers[symbol, interval, asked] = reply.first().array
        return answers

    def test_every_row_of_every_bucket(self):
        ours = self.with_gateway(self.ask_everything, self.matrix.root)
        theirs = self.with_stock(self.ask_everything, self.matrix.root)
        rows = 0
        for key, array in theirs.items():
            symbol, interval, (start, end, limit, from_start) = key
            with self.subTest(bucket=f"{symbol} {interval}", start=start, end=end, limit=limit, from_start=from_start):
                if start is not None:
                    start -= start % grid.TIMEFRAME_US[grid.HOME[interval][0]]
                times = self.matrix.expected(symbol, interval, start, end, limit, from_start)
                self.matrix.check(self, symbol, interval, ours[key], times)
                if grid.HOME[interval][0] == "1D" and is_new_years_day(start):
                    continue  # a stock server does not find 1 January where the query starts there
                self.matrix.check(self, symbol, interval, array, times)
                self.assertEqual(array.dtype, ours[key].dtype)
                self.assertEqual(array.tobytes(), ours[key].tobytes())
                rows += len(array)
        print(f"compared {len(theirs)} queries, {rows} rows, of the stock server and the gateway with the ledger")

    def test_lists_and_several_symbols(self):
        def ask(client):
            reply = client.query(Params(["BTCUSDT", "NONE", "ETHUSDT"], "1Min", "OHLCV", limit=5, columns=["Close", "Open"]))
            everything = client.query(Params("*", "1D", "OHLCV", limit=2))
            several = client.query([Params("BTCUSDT", "2H", "OHLCV_4H", limit=2), Params("ETHUSDT", "1H", "OHLCV", limit=1)])
            return (sorted(client.list_symbols()),
                    sorted(client.list_symbols(pymarketstore.params.ListSymbolsFormat.TBK)),
                    {key: data.array.tolist() for key, data in reply.all().items()},
                    [data.array.dtype for data in reply.all().values()],
                    {key: data.array.tolist() for key, data in everything.all().items()},
                    {key: data.array.tolist() for key, data in several.all().items()})
        ours, theirs = self.with_gateway(ask, self.matrix.root), self.with_stock(ask, self.matrix.root)
        for one, other in zip(ours, theirs):
            self.assertEqual(one, other)

    def test_refusals_with_the_same_words(self):
        def ask(client):
            words = []
            for bucket in (("NONE", "1Min", "OHLCV"), ("BTCUSDT", "1Min", "NONE"), ("NONE,NONE2", "1H", "OHLCV")):
                try:
                    client.query(Params(*bucket))
                    words.append("answered")
                except Exception as refusal:  # pylint: disable=broad-except - pymarketstore raises nothing narrower
                    words.append(str(refusal))
            return words
        self.assertEqual(self.with_gateway(ask, self.matrix.root), self.with_stock(ask, self.matrix.root))

    def test_a_five_column_tree(self):
        def ask(client):
            return client.query(Params("BTCUSDT", "1Min", "OHLCV")).first().array
        ours, theirs = self.with_gateway(ask, self.matrix.seed_root), self.with_stock(ask, self.matrix.seed_root)
        self.matrix.check(self, "BTCUSDT", "1m", theirs, self.matrix.times("BTCUSDT", "1m"), grid_matrix.COLUMNS[:5])
        self.assertEqual(ours.tobytes(), theirs.tobytes())


if __name__ == "__main__":
    unittest.main()
