# SPDX-License-Identifier: Apache-2.0
"""Bars made here of streamed minutes are the exchange's own, whatever happens on the way: kills, holes, corrections. Nothing of
them is asked for."""

import random
import sqlite3

from decimal import ROUND_DOWN, Decimal

from tests.lib import compare, store, ticks, wait
from tests.lib import interval as grid
from tests.lib.case import Scenario
from tests.scenario import test_ticks

FROM = "2024-03-04T00:00:00"
MADE = ["5m", "1h", "4h", "1d"]


class Aggregate(Scenario):
    START = "2024-03-04T23:40:00Z"  # a day, and with it each of the intervals, ends soon

    def running(self, **keys):
        keys.setdefault("aggregate", {"from": "1m", "to": MADE})
        return self.feeder(start=FROM + "Z", **keys).start().wait_ready()

    def pass_midnight(self, minutes=30):
        end = grid.us("2024-03-05T00:00:00") + minutes * grid.MINUTE
        wait.until("midnight to pass", lambda: self.exchange.now_us() > end)

    def wait_made(self, feeder, seconds=wait.PATIENCE_S, intervals=MADE):
        """Every bar of a made interval whose minutes are all there."""
        now = self.exchange.now_us() - 2 * grid.MINUTE
        for interval in intervals:
            rows = compare.wait_equal(self.exchange, feeder, self.SYMBOLS, interval, grid.us(FROM),
                                      self.last_closed_us(interval, now), seconds)
            self.assertGreater(rows, 0, interval)

    def sources(self, feeder, interval):
        """Where the stored bars of an interval came from, by the ledger, which is written after the store."""
        def covered():
            ledger = sqlite3.connect(f"file:{feeder.state}/ledger.db?mode=ro", uri=True, timeout=wait.PATIENCE_S)
            try:
                return {row[0] for row in ledger.execute(
                    "SELECT source FROM coverage JOIN buckets ON id = bucket WHERE interval = ?", (interval,))}
            finally:
                ledger.close()
        return wait.until(lambda: f"{interval} to be covered; {feeder.tail()}", covered)

    def test_made_bars_are_the_exchanges_own(self):
        self.start_exchange()
        self.exchange.fault("hole", **{"from": "2024-03-04T02:20:00Z", "to": "2024-03-04T04:31:00Z"})
        feeder = self.running()
        self.pass_midnight()
        self.wait_equal(feeder, start=FROM)
        self.wait_made(feeder)
        for interval in MADE:
            self.assertEqual(self.sources(feeder, interval), {"derived"}, interval)
        # The ledger is written after the store, and for a moment the last hour is missing.
        bucket = wait.until("the hours to be complete", lambda: [
            one for one in feeder.status()["buckets"] if one["interval"] == "1h" and one["missing"] == 0])[0]
        self.assertEqual(bucket["explained"].get("absent"), 1)  # 03:00

    def test_a_corrected_bar_corrects_what_is_made_of_it(self):
        self.start_exchange()
        self.exchange.fault("bar-wrong", symbol="BTCUSDT", count=3)
        feeder = self.running()
        self.pass_midnight(45)
        self.wait_equal(feeder, start=FROM)
        self.wait_made(feeder)
        wait.until("the correction to be counted", lambda: sum(
            bucket["corrected"] for bucket in feeder.status()["buckets"] if bucket["interval"] == "1m") >= 1)

    def test_the_exchanges_own_bars_win_and_are_compared(self):
        self.start_exchange()
        feeder = self.running(timeframe=["1m", "1h"], aggregate={"from": "1m", "to": MADE, "check": True})
        self.pass_midnight()
        self.wait_equal(feeder, start=FROM)
        self.wait_made(feeder)
        wait.until("the exchange's own hours", lambda: "derived" not in self.sources(feeder, "1h"))
        ledger = sqlite3.connect(f"file:{feeder.state}/ledger.db?mode=ro", uri=True, timeout=wait.PATIENCE_S)
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
            wait.until("some minutes", lambda: self.exchange.now_us() > begun + minutes * grid.MINUTE)
        self.pass_midnight(60)
        self.wait_equal(feeder, start=FROM, seconds=wait.AFTER_CRASHES_S)
        self.wait_made(feeder, wait.AFTER_CRASHES_S)


class OfTrades(test_ticks.TickScenario):
    """Trades alone are streamed: the bars made of them are those that the exchange publishes."""

    SYMBOLS = ("BTCUSDT", "ETHUSDT")
    START = "2024-03-05T12:03:20Z"
    SPEED = 20

    def test_bars_of_trades_are_the_exchanges_own(self):
        feeder = self.running(["trade"], exchange={"trades_per_minute": 240}, timeframe=["1m", "5m"])
        self.let_pass(100)
        self.exchange.fault("event-lost", stream="@trade", count=5)
        self.let_pass(120)
        feeder.kill("writer")
        self.let_pass(60)
        feeder.kill("stream")
        self.let_pass(60)
        self.exchange.fault("event-reordered", stream="@trade", count=5)
        self.let_pass(160)
        begun = {symbol: ticks.rows(feeder.root, symbol, "TRADE")[0]["Time"] // 1000 for symbol in self.SYMBOLS}
        # How long the start took decides where in a slot the trades begin: two whole ones of five minutes, and one minute.
        end_us = max(first_us + -first_us % grid.LENGTH_US["5m"] for first_us in begun.values()) + 11 * grid.MINUTE
        wait.until("two bars of five minutes", lambda: self.exchange.now_us() > end_us)
        now_us = self.exchange.now_us()
        for symbol, first_us in begun.items():
            for interval, least in (("1m", 11), ("5m", 2)):
                length = grid.LENGTH_US[interval]
                compared = compare.wait_equal(self.exchange, feeder, [symbol], interval, first_us + -first_us % length,
                                              self.last_closed_us(interval, now_us))
                self.assertGreaterEqual(compared, least)
                self.assertGreaterEqual(min(store.bars(feeder.root, symbol, interval)), first_us)
        self.assert_no_limit_broken()


class OfHistory(Scenario):
    """Bars of fetched trades, and of streamed ones behind them."""

    SYMBOLS = ("BTCUSDT",)
    START = "2024-03-05T12:03:20Z"
    SPEED = 10
    FROM = "2024-03-05T11:20:00"

    def running(self, kinds, check=False, data=None, **keys):
        feeder = self.feeder(start=self.FROM + "Z", backfill={"data": data or kinds}, realtime={"stream_type": kinds},
                             aggregate={"from": kinds[-1], "to": ["1m", "5m", "15m"], "check": check}, **keys)
        return feeder.start().wait_ready()

    def wait_bars(self, feeder, intervals):
        """From the first whole slot of the history on: nothing before it is needed to prove it."""
        now_us = self.exchange.now_us()
        for interval in intervals:
            compared = compare.wait_equal(self.exchange, feeder, self.SYMBOLS, interval, grid.us(self.FROM),
                                          self.last_closed_us(interval, now_us - 10_000_000))
            self.assertGreater(compared, 1, interval)

    def let_pass(self, seconds):
        begun = self.exchange.now_us()
        wait.until(f"{seconds} seconds", lambda: self.exchange.now_us() > begun + seconds * 1_000_000)

    def test_of_aggregates_by_history_and_stream(self):
        self.start_exchange(trades_per_minute=240)
        feeder = self.running(["agg_trade"])
        self.let_pass(120)
        self.wait_bars(feeder, ["1m", "5m", "15m"])

        def counted():  # the ledger is written after the store
            bars = [one for one in feeder.status()["buckets"] if "interval" in one]
            return bars and all(bucket["wanted"] > 1 and bucket["missing"] < 3 for bucket in bars)
        wait.until(lambda: f"the ledger to know them: {feeder.status()['buckets']}", counted)

    def test_of_trades_with_a_killed_writer(self):
        self.start_exchange(trades_per_minute=240)
        feeder = self.running(["trade"])
        feeder.kill("writer")
        self.let_pass(60)
        feeder.kill("writer")
        self.let_pass(60)
        self.wait_bars(feeder, ["1m", "5m", "15m"])

    def test_of_a_large_slot_alone(self):
        self.start_exchange(trades_per_minute=3000, limit_weight=0)
        feeder = self.feeder(start="2024-03-05T11:00:00Z", timeframe="1h", backfill={"data": ["agg_trade"]},
                             realtime={"stream_type": ["agg_trade"]}, aggregate={"from": "agg_trade", "to": ["1h"]})
        feeder.start().wait_ready()
        self.assertEqual(compare.wait_equal(self.exchange, feeder, self.SYMBOLS, "1h", grid.us("2024-03-05T11:00:00"),
                                            grid.us("2024-03-05T11:00:00"), 120), 1)

    def test_a_difference_is_recorded_and_shown(self):
        self.start_exchange(trades_per_minute=240)
        at = grid.us("2024-03-05T11:33:30") // 1000
        first = self.exchange.json(f"/ledger/ids?symbol=BTCUSDT&time={at}")["agg"]
        self.exchange.fault("agg-tombstone", from_id=first, to_id=first + 2)
        feeder = self.running(["kline", "agg_trade"], check=True)
        self.wait_bars(feeder, ["1m"])

        def differences():
            ledger = sqlite3.connect(f"file:{feeder.state}/ledger.db?mode=ro", uri=True, timeout=wait.PATIENCE_S)
            try:
                return ledger.execute("SELECT interval, slot_us, text FROM differences JOIN buckets ON id = bucket").fetchall()
            finally:
                ledger.close()
        found = wait.until(lambda: f"the difference; {feeder.tail()}", differences)
        self.assertEqual([row[:2] for row in found], [("1m", grid.us("2024-03-05T11:33:00"))])
        self.assertIn("Volume", found[0][2])
        text = feeder.run("status", "--data", str(feeder.data), check=False)[1]
        self.assertIn("BTCUSDT 1m: 1 bars made of agg_trade are not the exchange's own", text)


class OfTheRealCapture(test_ticks.TickScenario):
    """Bars of the 19,904 trades, computed here from the captured frames alone."""

    SPEED = 20

    @staticmethod
    def bars_of(trades, length_us):
        """Of all whole slots; of one without trades as the exchange publishes it."""
        slots = {}
        for trade in trades:
            slots.setdefault(trade["T"] * 1000 // length_us * length_us, []).append(trade)
        bars, close = {}, None
        for slot in range(min(slots), max(slots), length_us):
            here = slots.get(slot, [])
            prices = [Decimal(trade["p"]) for trade in here] or [close]
            quotes = [(Decimal(trade["p"]) * Decimal(trade["q"])).quantize(Decimal("1e-8"), ROUND_DOWN) for trade in here]
            taken = [i for i, trade in enumerate(here) if not trade["m"]]
            close = prices[-1]
            if slot > min(slots):  # the capture begins within the first
                bars[slot] = tuple(float(value) for value in (
                    prices[0], max(prices), min(prices), close, sum(Decimal(trade["q"]) for trade in here), sum(quotes),
                    len(here), sum(Decimal(here[i]["q"]) for i in taken), sum(quotes[i] for i in taken)))
        return bars

    def test_seconds_and_minutes_equal_bars_computed_from_the_frames(self):
        data = test_ticks.shared_data() / "ws"
        trades = sorted({trade["t"]: trade for trade in test_ticks.RealCapture.captured(self, "@trade")}.values(),
                        key=lambda trade: trade["t"])
        self.assertEqual(len(trades), 19_904)
        self.start_exchange(replay_ws=[data / "btcusdt_20240808.gz", data / "btcusdt_20240809.gz"])
        feeder = self.feeder(symbols=self.SYMBOLS[:1], timeframe=["1s", "1m"], backfill={"enabled": False},
                             realtime={"stream_type": "trade"}).start()
        for interval, least in (("1m", 9), ("1s", 600)):
            truth = self.bars_of(trades, grid.LENGTH_US[interval])
            self.assertGreaterEqual(len(truth), least)

            def equal(interval=interval, truth=truth):
                feeder.alive()
                stored = store.bars(feeder.root, "BTCUSDT", interval)
                return len(stored) >= len(truth) and stored
            stored = wait.until(lambda: f"the last {interval}; {feeder.tail()}", equal, 2 * wait.PATIENCE_S, every=1)
            self.assertEqual({slot: tuple(map(float, bar)) for slot, bar in stored.items()}, truth)


if __name__ == "__main__":
    import unittest
    unittest.main()
