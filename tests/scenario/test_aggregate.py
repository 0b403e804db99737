# SPDX-License-Identifier: Apache-2.0
"""Bars made here of streamed minutes are the exchange's own, whatever happens on the way: kills, holes, corrections. Nothing of
them is asked for."""

import random
import sqlite3

from tests.lib import compare, wait
from tests.lib import interval as grid
from tests.lib.case import Scenario

FROM = "2024-03-04T00:00:00"
MADE = ["5m", "1h", "4h", "1d"]


class Aggregate(Scenario):
    START = "2024-03-04T23:40:00Z"  # a day, and with it each of the intervals, ends soon

    def running(self, **keys):
        keys.setdefault("aggregate", {"from": "1m", "to": MADE})
        return self.feeder(start=FROM + "Z", **keys).start().wait_ready()

    def pass_midnight(self, minutes=30):
        end = grid.us("2024-03-05T00:00:00") + minutes * grid.MINUTE
        wait.until("midnight to pass", lambda: self.exchange.now_us() > end, 120)

    def wait_made(self, feeder, seconds=90, intervals=MADE):
        """Every bar of a made interval whose minutes are all there."""
        now = self.exchange.now_us() - 2 * grid.MINUTE
        for interval in intervals:
            rows = compare.wait_equal(self.exchange, feeder, self.SYMBOLS, interval, grid.us(FROM),
                                      self.last_closed_us(interval, now), seconds)
            self.assertGreater(rows, 0, interval)

    def sources(self, feeder, interval):
        """Where the stored bars of an interval came from, by the ledger."""
        ledger = sqlite3.connect(f"file:{feeder.state}/ledger.db?mode=ro", uri=True)
        try:
            return {row[0] for row in ledger.execute(
                "SELECT source FROM coverage JOIN buckets ON id = bucket WHERE interval = ?", (interval,))}
        finally:
            ledger.close()

    def test_made_bars_are_the_exchanges_own(self):
        self.start_exchange()
        self.exchange.fault("hole", **{"from": "2024-03-04T02:20:00Z", "to": "2024-03-04T04:31:00Z"})
        feeder = self.running()
        self.pass_midnight()
        self.wait_equal(feeder, start=FROM)
        self.wait_made(feeder)
        for interval in MADE:
            self.assertEqual(self.sources(feeder, interval), {"derived"}, interval)
        bucket = [one for one in feeder.status()["buckets"] if one["interval"] == "1h"][0]
        self.assertEqual(bucket["explained"].get("absent"), 1)  # 03:00
        self.assertEqual(bucket["missing"], 0)

    def test_a_corrected_bar_corrects_what_is_made_of_it(self):
        self.start_exchange()
        self.exchange.fault("bar-wrong", symbol="BTCUSDT", count=3)
        feeder = self.running()
        self.pass_midnight(45)
        self.wait_equal(feeder, start=FROM, seconds=120)
        self.wait_made(feeder, 120)
        corrected = sum(bucket["corrected"] for bucket in feeder.status()["buckets"] if bucket["interval"] == "1m")
        self.assertGreaterEqual(corrected, 1)

    def test_the_exchanges_own_bars_win_and_are_compared(self):
        self.start_exchange()
        feeder = self.running(timeframe=["1m", "1h"], aggregate={"from": "1m", "to": MADE, "check": True})
        self.pass_midnight()
        self.wait_equal(feeder, start=FROM)
        self.wait_made(feeder)
        wait.until("the exchange's own hours", lambda: "derived" not in self.sources(feeder, "1h"), 60)
        ledger = sqlite3.connect(f"file:{feeder.state}/ledger.db?mode=ro", uri=True)
        self.assertEqual(ledger.execute("SELECT count(*) FROM differences").fetchone()[0], 0)
        ledger.close()

    def test_with_kills(self):
        self.start_exchange()
        chosen = random.Random(self.SEED)
        feeder = self.running(backfill={"batch_size": 300})
        for kind in ("writer", "stream", "backfill", "writer", "stream", "writer", "backfill", "writer"):
            feeder.kill(kind)
            begun = self.exchange.now_us()
            minutes = chosen.choice((1, 3, 6))
            wait.until("some minutes", lambda: self.exchange.now_us() > begun + minutes * grid.MINUTE, 60)
        self.pass_midnight(60)
        self.wait_equal(feeder, start=FROM, seconds=150)
        self.wait_made(feeder, 150)


if __name__ == "__main__":
    import unittest
    unittest.main()
