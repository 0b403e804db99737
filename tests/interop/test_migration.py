# SPDX-License-Identifier: Apache-2.0
"""README's migration, really made: a tree that a stock server wrote for an old feeder goes on with binancefeeder, by the same
mkts.yml, and a stock server then serves all of it."""

import unittest

from tests.lib import interval as grid
from tests.lib import remote, servers, wait
from tests.lib.case import Scenario
from tests.lib.mktscase import MktsCase

OLD = [(name, "f8") for name in remote.FULL[:5]]


@unittest.skipIf(servers.stock_program() is None, "no stock server: marketstore is not on PATH and MARKETSTORE is not set")
class Migration(Scenario):
    START, FROM, OLD_FROM, OLD_TO = "2024-03-05T12:00:00Z", "2024-03-05T09:00:00", "2024-03-05T10:00:00", "2024-03-05T10:59:00"
    root, mkts_feeder, assert_noticed = MktsCase.root, MktsCase.mkts_feeder, staticmethod(MktsCase.assert_noticed)

    def setUp(self):
        super().setUp()
        self.root().mkdir()
        self.server = servers.Stock(self.directory / "server", self.root())
        self.addCleanup(self.server.stop)
        self.start_exchange()

    def write_old(self, key, symbol):
        """An hour of bars, as the old feeder wrote them: five columns."""
        bars = self.exchange.bars(symbol, "1m", grid.us(self.OLD_FROM), grid.us(self.OLD_TO))
        remote.write(self.server.url, key, OLD,
                     [(us // 1_000_000, [float(value) for value in bar[:5]]) for us, bar in sorted(bars.items())])

    def stored(self, feeder, bucket):
        """{open time in us: values} as `query` prints them."""
        code, printed, _ = feeder.run("query", bucket, "--csv", "--config", str(feeder.config_path), check=False)
        if code != 0:
            return {}
        lines = [line.split(",") for line in printed.splitlines()[1:]]
        return {grid.us(line[0].rstrip("Z")): tuple(map(float, line[1:])) for line in lines}

    def wait_equal_columns(self, feeder, bucket, symbol, columns):
        start_us, end_us = grid.us(self.FROM), self.last_closed_us("1m", self.exchange.now_us() - 1)
        truth = {us: tuple(map(float, bar[:columns])) for us, bar in
                 self.exchange.bars(symbol, "1m", start_us, end_us).items()}
        wait.until(lambda: f"{bucket} to be the exchange's; " + feeder.tail(), lambda: {
            us: bar[:columns] for us, bar in self.stored(feeder, bucket).items() if us <= end_us} == truth, 60, every=0.5)
        return truth

    def serve_again(self, truths):
        """The stock server, started on what is there now, has every row."""
        self.server.start()
        for key, truth in truths.items():
            names, found = remote.rows(self.server.url, key)
            self.assertEqual(names, tuple(remote.FULL[:5]))
            self.assertEqual({us: bar for us, bar in found.items() if us in truth}, truth)

    def test_old_buckets_go_on_under_their_names_and_columns(self):
        self.write_old("binance_BTC-USDT/1Min/OHLCV", "BTCUSDT")
        self.server.stop()
        feeder = self.mkts_feeder(store={"symbol": '"binance_{base}-{quote}"', "columns": "seed"}).start()
        truths = {f"binance_{base}-USDT/1Min/OHLCV": self.wait_equal_columns(
            feeder, f"binance_{base}-USDT/1m", f"{base}USDT", 5) for base in ("BTC", "ETH")}
        self.assertIn("60 bars found that the ledger did not know", feeder.log_path.read_text())
        self.assertEqual(self.stored(feeder, "BTCUSDT/1m"), self.stored(feeder, "binance_BTC-USDT/1m"))
        self.assertEqual(feeder.stop(), 0)
        self.serve_again(truths)

    def test_a_five_column_tree_beside_new_buckets_of_nine(self):
        self.write_old("BTCUSDT/1Min/OHLCV", "BTCUSDT")
        self.server.stop()
        feeder = self.mkts_feeder().start()
        truth = self.wait_equal_columns(feeder, "BTCUSDT/1m", "BTCUSDT", 5)
        self.wait_equal_columns(feeder, "ETHUSDT/1m", "ETHUSDT", 9)
        self.assertEqual(feeder.stop(), 0)
        self.serve_again({"BTCUSDT/1Min/OHLCV": truth})


if __name__ == "__main__":
    unittest.main()
