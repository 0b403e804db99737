# SPDX-License-Identifier: Apache-2.0
"""A store with bars of all sixteen intervals out of the simulated exchange's ledger, and the queries that are asked of
every server that reads it, through the unmodified client. The oracle is the ledger, never the store."""

import os
import pathlib

import numpy as np

from tests.lib import interval as grid
from tests.lib import servers
from tests.lib.exchange import Exchange

BUILD = pathlib.Path(os.environ.get("BF_BUILD", "build")).resolve()

SYMBOLS = ("BTCUSDT", "ETHUSDT")
NOW = "2025-01-03T12:00:00Z"
# From when each interval's bars are kept: across a new year where that is not too much.
KEPT_FROM = {"1s": "2024-12-31T22:00:00", "1m": "2024-12-30T00:00:00", "3m": "2024-12-25T00:00:00",
             "5m": "2024-12-20T00:00:00", "15m": "2024-12-01T00:00:00", "30m": "2024-11-01T00:00:00",
             "1h": "2024-06-01T00:00:00"}
LONG_AGO = "2022-06-01T00:00:00"
KEPT_TO = {"1s": "2025-01-01T01:00:00"}

COLUMNS = ("Open", "High", "Low", "Close", "Volume", "QuoteVolume", "Trades", "TakerBuyBase", "TakerBuyQuote")
MARKETSTORE = {"1s": "1Sec", "1m": "1Min", "3m": "3Min", "5m": "5Min", "15m": "15Min", "30m": "30Min", "1h": "1H",
               "2h": "2H", "4h": "4H", "6h": "6H", "8h": "8H", "12h": "12H", "1d": "1D", "3d": "3D", "1w": "1W",
               "1M": "1M"}


class Matrix:
    """The truth by symbol and interval, and the tree made of it."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.root = self.directory / "store"
        self.seed_root = self.directory / "seed-store"
        self.truth = {}
        exchange = Exchange(BUILD, self.directory / "exchange", seed=11, start=NOW, speed=1, symbols=",".join(SYMBOLS))
        try:
            for symbol in SYMBOLS:
                for interval in grid.HOME:
                    low = grid.us(KEPT_FROM.get(interval, LONG_AGO))
                    high = grid.us(KEPT_TO[interval]) if interval in KEPT_TO else None
                    self.truth[symbol, interval] = exchange.bars(symbol, interval, low, high)
        finally:
            exchange.stop()
        servers.make_store(BUILD, self.root, self.lines(self.truth))
        servers.make_store(BUILD, self.seed_root, self.lines(
            {(symbol, "1m"): self.truth[symbol, "1m"] for symbol in SYMBOLS}), "seed")

    @staticmethod
    def lines(truth):
        for (symbol, interval), bars in truth.items():
            for open_us, values in sorted(bars.items()):
                yield f"{symbol} {interval} {open_us} {' '.join(values)}"

    def times(self, symbol, interval):
        return np.array(sorted(self.truth[symbol, interval]), dtype=np.int64)

    def expected(self, symbol, interval, start=None, end=None, limit=None, from_start=False, floor=None):
        """Open times (us) that a query must give. `floor` puts a start on its bar."""
        times = self.times(symbol, interval)
        if start is not None:
            times = times[times >= (floor(start) if floor else start)]
        if end is not None:
            times = times[times <= end]
        if limit:
            times = times[:limit] if from_start else times[-limit:]
        return times

    def check(self, case, symbol, interval, array, times, columns=COLUMNS):
        """`array`: pymarketstore's structured array; compared in every value with the ledger."""
        case.assertEqual(list(array.dtype.names), ["Epoch", *columns])
        np.testing.assert_array_equal(array["Epoch"] * 1_000_000, times, f"{symbol} {interval}")
        bars = self.truth[symbol, interval]
        for name in columns:
            number = COLUMNS.index(name)
            wanted = np.array([float(bars[time][number]) for time in times.tolist()], dtype=np.float64)
            np.testing.assert_array_equal(array[name].astype(np.float64), wanted, f"{symbol} {interval} {name}")


def ranges(matrix, symbol, interval):
    """(start, end, limit, from_start) in microseconds, for each bucket: open, inner, single, before, after, limits."""
    times = matrix.times(symbol, interval)
    first, last, middle = int(times[0]), int(times[-1]), int(times[len(times) // 2])
    quarter = int(times[len(times) // 4])
    second = 1_000_000
    return [
        (None, None, None, None), (quarter, middle, None, None), (middle, middle, None, None),
        (first, last, None, None), (quarter - second, middle - second, None, None),
        (last + 400 * grid.DAY, None, None, None), (None, first - 400 * grid.DAY, None, None),
        (None, None, 1, None), (None, None, 1, True), (None, None, 10, False), (None, middle, 7, None),
        (quarter, None, 7, True), (quarter, middle, 100000, None), (None, None, 0, None),
    ]
