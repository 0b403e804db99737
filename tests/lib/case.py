# SPDX-License-Identifier: Apache-2.0
"""The base of scenario tests: a directory, a simulated exchange and a feeder, all gone afterwards."""

import os
import pathlib
import shutil
import tempfile
import unittest

from tests.lib import compare, wait
from tests.lib import interval as grid
from tests.lib.exchange import Exchange
from tests.lib.feeder import Feeder

BUILD = pathlib.Path(os.environ.get("BF_BUILD", "build")).resolve()


def shared_data():
    """Real market data, where the checkout has it beside itself."""
    path = pathlib.Path(os.environ.get("BF_SHARED_DATA", pathlib.Path(__file__).resolve().parents[3] / "shared" / "data"))
    if not path.is_dir():
        raise unittest.SkipTest(f"no real market data in {path}")
    return path


class Scenario(unittest.TestCase):
    """`START` is the exchange's clock at its start; at SPEED 60 a minute's bar closes every second."""

    SEED = 7
    START = "2024-03-05T12:00:00Z"
    SPEED = 60
    SYMBOLS = ("BTCUSDT", "ETHUSDT")

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="bf-"))
        self.exchange = None
        self.feeders = []

    def tearDown(self):
        for feeder in self.feeders:
            feeder.kill_everything()
        if self.exchange is not None:
            self.exchange.stop()
        if os.environ.get("BF_KEEP") is None:
            wait.until(f"{self.directory} to be gone", self.remove_directory)
        else:
            print(f"kept {self.directory}")

    def remove_directory(self):
        """A child that its supervisor had just started, and nobody knew, may write until it sees that its parent is gone."""
        shutil.rmtree(self.directory, ignore_errors=True)
        return not self.directory.exists()

    def start_exchange(self, *flags, **options):
        options = {"seed": self.SEED, "start": self.START, "speed": self.SPEED, "symbols": ",".join(self.SYMBOLS), **options}
        self.exchange = Exchange(BUILD, self.directory / "exchange", *flags, **options)
        return self.exchange

    def feeder(self, name="feeder", symbols=None, **keys):
        feeder = Feeder(BUILD, self.directory / name, self.exchange, list(symbols or self.SYMBOLS), **keys)
        self.feeders.append(feeder)
        return feeder

    def wait_equal(self, feeder, interval="1m", start=None, symbols=None, seconds=wait.PATIENCE_S, exchange=None):
        """Store equals ledger for every closed bar up to the exchange's now, taken when this begins."""
        exchange = exchange or self.exchange
        start_us = grid.us(start) if isinstance(start, str) else start
        end_us = exchange.now_us() - 1
        return compare.wait_equal(exchange, feeder, symbols or self.SYMBOLS, interval, start_us,
                                  self.last_closed_us(interval, end_us), seconds)

    @staticmethod
    def last_closed_us(interval, now_us):
        """Open time of the newest bar that is surely closed at `now_us` (for intervals of fixed length)."""
        length = grid.LENGTH_US[interval] or 31 * grid.DAY
        return now_us - now_us % length - length if grid.LENGTH_US[interval] else now_us - length

    def assert_no_limit_broken(self):
        """The exchange never had to send 429 or 418, and nobody knocked during a ban."""
        requests = self.exchange.requests()
        self.assertEqual((requests["sent_429"], requests["sent_418"], requests["violations"]), (0, 0, 0))
