# SPDX-License-Identifier: Apache-2.0
"""A cold start, and starting again at every stage: nothing is missing, nothing is fetched twice."""

from tests.lib import compare, wait
from tests.lib import interval as grid
from tests.lib.case import Scenario

DAYS_AGO_TWO = "2024-03-03T12:00:00Z"
FROM = "2024-03-03T12:00:00"


class ColdStart(Scenario):
    def test_history_and_live_bars_equal_the_exchange(self):
        self.start_exchange()
        feeder = self.feeder(start=DAYS_AGO_TWO).start().wait_ready()
        rows = self.wait_equal(feeder, start=FROM)
        self.assertGreaterEqual(rows, 2 * 2 * 1440)
        # ... and it goes on live: five more minutes of the exchange's time.
        begun = self.exchange.now_us()
        wait.until("five minutes to pass", lambda: self.exchange.now_us() > begun + 5 * grid.MINUTE)
        self.wait_equal(feeder, start=FROM)
        self.assert_no_limit_broken()
        self.assertEqual(feeder.stop(), 0)

    def test_two_intervals_at_once(self):
        self.start_exchange()
        feeder = self.feeder(timeframe=["1m", "4h"], start="2024-02-20T00:00:00Z").start().wait_ready()
        self.wait_equal(feeder, "1m", start="2024-02-20T00:00:00")
        self.wait_equal(feeder, "4h", start="2024-02-20T00:00:00")

    def test_a_symbol_without_trades_has_zero_bars(self):
        self.start_exchange(quiet_symbol="ETHUSDT")
        feeder = self.feeder(start=DAYS_AGO_TWO).start().wait_ready()
        self.wait_equal(feeder, start=FROM)
        rows = self.exchange.bars("ETHUSDT", "1m", grid.us(FROM), grid.us(FROM) + grid.HOUR)
        self.assertTrue(all(float(values[4]) == 0 and values[6] == "0" for values in rows.values()))


class StartingAgain(Scenario):
    def test_a_second_start_fetches_only_what_is_new(self):
        self.start_exchange()
        feeder = self.feeder(start=DAYS_AGO_TWO).start().wait_ready()
        self.wait_equal(feeder, start=FROM)
        # The ledger is written after the store: what it does not know yet when all ends is fetched again, as it should.
        wait.until(lambda: f"the ledger to know what is stored: {feeder.status()['buckets']}", lambda: all(
            bucket["missing"] < 10 for bucket in feeder.status()["buckets"]))
        self.assertEqual(feeder.stop(), 0)
        stopped_us = self.exchange.now_us()
        before = len(self.exchange.windows())
        wait.until("ten minutes to pass", lambda: self.exchange.now_us() > stopped_us + 10 * grid.MINUTE)

        feeder.start().wait_ready()
        self.wait_equal(feeder, start=FROM)
        # Settling reads the last live bars again; nothing older than the first run's live part may be asked for.
        history_us = grid.us("2024-03-05T11:30:00")
        again = [window for window in self.exchange.windows()[before:]
                 if window["start"] > 0 and window["start"] * 1000 < history_us]
        self.assertEqual(again, [])

    def klines_asked(self):
        return self.exchange.requests()["klines_requests"]

    def test_stopped_at_every_stage_of_the_backfill(self):
        self.start_exchange()
        feeder = self.feeder(start="2023-09-01T00:00:00Z", symbols=["BTCUSDT"], backfill={"batch_size": 500})
        for pages in (1, 30, 100):  # of more than five hundred
            # What is asked for behind them waits, so that the stop finds pages under way, however late it comes.
            self.exchange.fault("slow-answer", endpoint="/api/v3/klines", after=pages, count=-1, seconds=20)
            asked = self.klines_asked()  # by the runs before
            feeder.start()
            wait.until(lambda: f"{pages} pages to be asked for; {feeder.tail()}",
                       lambda: feeder.alive() and self.klines_asked() >= asked + pages, every=0.01)
            self.assertEqual(feeder.stop(), 0)
            self.exchange.clear_faults()
        feeder.start().wait_ready()
        self.wait_equal(feeder, start="2023-09-01T00:00:00", symbols=["BTCUSDT"])


class Calendar(Scenario):
    SYMBOLS = ("BTCUSDT",)

    def test_year_end_in_daily_and_minute_bars(self):
        self.start_exchange(start="2023-12-31T23:50:00Z")
        feeder = self.feeder(timeframe=["1m", "1d"], start="2023-11-01T00:00:00Z").start().wait_ready()
        wait.until("the new year", lambda: self.exchange.now_us() > grid.us("2024-01-01T00:10:00"))
        self.wait_equal(feeder, "1m", start="2023-11-01T00:00:00")
        self.wait_equal(feeder, "1d", start="2023-11-01T00:00:00")

    def test_first_of_january_of_daily_bars(self):
        self.start_exchange(start="2024-01-03T00:10:00Z")
        feeder = self.feeder(timeframe="1d", start="2022-12-20T00:00:00Z").start().wait_ready()
        self.wait_equal(feeder, "1d", start="2022-12-20T00:00:00")
        code, out, _ = feeder.run("query", "BTCUSDT/1d", "--start", "2024-01-01", "--end", "2024-01-01", "--csv",
                                  "--config", str(feeder.config_path))
        self.assertIn("2024-01-01", out)
        self.assertEqual(len(out.strip().splitlines()), 2)

    def test_twenty_ninth_of_february(self):
        self.start_exchange(start="2024-02-29T23:50:00Z")
        feeder = self.feeder(timeframe=["1m", "1d", "1w", "1M", "3d"], start="2024-01-01T00:00:00Z").start().wait_ready()
        wait.until("March", lambda: self.exchange.now_us() > grid.us("2024-03-01T00:05:00"))
        for interval in ("1m", "1d", "3d", "1w"):
            self.wait_equal(feeder, interval, start="2024-01-01T00:00:00")
        truth = self.exchange.bars("BTCUSDT", "1M", grid.us("2024-01-01T00:00:00"), grid.us("2024-02-01T00:00:00"))
        wait.until("February's bar", lambda: compare.against_ledger(
            self.exchange, feeder.root, "BTCUSDT", "1M", min(truth), max(truth)).equal)

    def test_all_sixteen_intervals(self):
        names = [name for name in grid.LENGTH_US if name != "1s"]
        self.start_exchange(start="2024-03-04T00:10:00Z")
        feeder = self.feeder(timeframe=names, start="2024-01-01T00:00:00Z").start().wait_ready()
        for name in names:
            if name != "1M":
                self.wait_equal(feeder, name, start="2024-01-01T00:00:00")

    def test_one_second_bars(self):
        self.start_exchange(start="2024-03-04T00:10:00Z", speed=5)
        feeder = self.feeder(timeframe="1s", start="2024-03-03T22:00:00Z").start().wait_ready()
        self.wait_equal(feeder, "1s", start="2024-03-03T22:00:00")
