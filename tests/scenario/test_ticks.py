# SPDX-License-Identifier: Apache-2.0
"""Trades, aggregate trades, quotes and order books: each id exactly once, whatever is lost, repeated, killed or replayed."""

import gzip
import json

from tests.lib import interval as grid
from tests.lib import ticks, wait
from tests.lib.case import Scenario, shared_data


def id_of(group):
    return {"TRADE": "TradeId", "AGGTRADE": "AggId"}[group]


class TickScenario(Scenario):
    SYMBOLS = ("BTCUSDT",)
    SPEED = 1

    def running(self, stream_type, symbols=None, exchange=None, **keys):
        self.start_exchange(**(exchange or {}))
        realtime = {"stream_type": stream_type, "update_freq": "1000ms"}
        return self.feeder(symbols=symbols or self.SYMBOLS, realtime=realtime, backfill={"enabled": False},
                           depth={"levels": 20, "diffs": True}, **keys).start().wait_ready()

    def let_pass(self, seconds):
        begun = self.exchange.now_us()
        wait.until(f"{seconds} seconds of the exchange", lambda: self.exchange.now_us() > begun + seconds * 1_000_000)

    def truth(self, kind, symbol, first, last):
        lines = self.exchange.get(f"/ledger/{kind}?symbol={symbol}&fromId={first}&toId={last}").decode().splitlines()
        return {int(line.split(",")[0]): line.split(",") for line in lines if line[:1].isdigit()}

    def assert_ids_complete(self, feeder, symbol, group, kind, seconds=wait.PATIENCE_S):
        """From the first stored id to the newest of a moment ago: every id once, with the exchange's own values."""
        newest_us = self.exchange.now_us()
        state = {}

        def complete():
            feeder.alive()
            rows = ticks.rows(feeder.root, symbol, group)
            state["ids"] = ids = [row[id_of(group)] for row in rows]
            if not rows or max(row["Time"] for row in rows) < newest_us * 1000 - 3_000_000_000:
                return False
            return len(ids) == max(ids) - min(ids) + 1 and len(set(ids)) == len(ids) and rows

        rows = wait.until(lambda: f"every id of {symbol} {group}: {self.hole(state.get('ids', []))}; {feeder.tail()}",
                          complete, seconds, every=1)
        truth = self.truth(kind, symbol, min(row[id_of(group)] for row in rows), max(row[id_of(group)] for row in rows))
        for row in rows:
            line = truth[row[id_of(group)]]
            self.assertEqual((row["Price"], row["Size"]), (float(line[1]), float(line[2])), row)
        return rows

    @staticmethod
    def hole(ids):
        known = set(ids)
        missing = [one for one in range(min(known), max(known)) if one not in known] if known else []
        return f"{len(ids)} rows, {len(ids) - len(known)} doubled, {len(missing)} missing (first {missing[:3]})"


class Trades(TickScenario):
    def test_trades_and_aggregates_arrive_once_each(self):
        feeder = self.running(["trade", "agg_trade"], exchange={"trades_per_minute": 3000})
        self.let_pass(15)
        rows = self.assert_ids_complete(feeder, "BTCUSDT", "TRADE", "trades")
        self.assertEqual({(ticks.text(row["Exchange"]), ticks.text(row["Tape"])) for row in rows}, {("BINANCE", "SPOT")})
        self.assert_ids_complete(feeder, "BTCUSDT", "AGGTRADE", "aggtrades")

    def test_lost_repeated_and_reordered_ids_are_repaired_by_id(self):
        feeder = self.running(["trade", "agg_trade"], exchange={"trades_per_minute": 3000})
        self.let_pass(4)
        for fault in ("event-lost", "event-repeated", "event-reordered", "event-lost"):
            for stream in ("@trade", "@aggTrade"):
                self.exchange.fault(fault, stream=stream, count=5)
            self.let_pass(2)
        self.let_pass(3)
        self.assert_ids_complete(feeder, "BTCUSDT", "TRADE", "trades")
        self.assert_ids_complete(feeder, "BTCUSDT", "AGGTRADE", "aggtrades")

    def test_killed_and_restarted_the_hole_between_is_filled(self):
        feeder = self.running(["trade"], exchange={"trades_per_minute": 2000})
        self.let_pass(5)
        feeder.kill("stream")
        self.let_pass(5)
        feeder.kill("writer")
        self.let_pass(5)
        self.assertEqual(feeder.stop(), 0)
        self.let_pass(6)
        feeder.start().wait_ready()
        self.let_pass(5)
        self.assert_ids_complete(feeder, "BTCUSDT", "TRADE", "trades")

    def test_reconnects_lose_no_trade(self):
        feeder = self.running(["trade"], exchange={"trades_per_minute": 2000})
        for fault in ("ws-close", "ws-reset", "ws-shutdown"):
            self.let_pass(3)
            self.exchange.fault(fault)
        self.let_pass(6)
        self.assert_ids_complete(feeder, "BTCUSDT", "TRADE", "trades")


class Books(TickScenario):
    def test_the_book_rebuilt_from_changes_alone_equals_the_exchange_s(self):
        feeder = self.running(["depth", "book_ticker"], exchange={"trades_per_minute": 600})
        self.let_pass(12)
        self.wait_updates(feeder)
        self.assertEqual(feeder.stop(), 0)
        self.assert_books(feeder)

    def test_after_lost_changes_the_book_is_synchronised_anew(self):
        feeder = self.running(["depth"], exchange={"trades_per_minute": 600})
        self.let_pass(5)
        self.exchange.fault("event-lost", stream="@depth", count=3)
        self.let_pass(8)
        self.wait_updates(feeder)
        self.assertEqual(feeder.stop(), 0)
        self.assert_books(feeder)
        self.assert_no_limit_broken()

    def wait_updates(self, feeder, count=60):
        wait.until(lambda: f"{count} updates; {feeder.tail()}", lambda: len(
            {row["UpdateId"] for row in ticks.rows(feeder.root, "BTCUSDT", "DEPTHDIFF")}) >= count, every=1)

    def assert_books(self, feeder):
        rows = ticks.rows(feeder.root, "BTCUSDT", "DEPTHDIFF")
        compared = 0
        for update_id, book in ticks.books_by_update(rows):
            bid, bid_size, ask, ask_size = book.best()
            if bid is None:
                continue  # the book had been given up
            self.assertLess(bid, ask)
            if compared < 40 or update_id % 17 == 0:
                truth = self.exchange.json(f"/ledger/depth?symbol=BTCUSDT&at={update_id}&limit=5")
                self.assertEqual((bid, ask), (float(truth["bids"][0][0]), float(truth["asks"][0][0])), update_id)
            compared += 1
        self.assertGreater(compared, 50)


class RealCapture(TickScenario):
    """Eleven real minutes of BTCUSDT across midnight, 2024-08-08T23:54 to 2024-08-09T00:05."""

    SPEED = 20

    def captured(self, suffix):
        for name in ("btcusdt_20240808.gz", "btcusdt_20240809.gz"):
            with gzip.open(shared_data() / "ws" / name, "rt", encoding="utf-8") as file:
                for line in file:
                    frame = json.loads(line.split(" ", 1)[1])
                    if frame.get("stream", "").endswith(suffix):
                        yield frame["data"]

    def replayed(self):
        data = shared_data() / "ws"
        self.start_exchange(replay_ws=[data / "btcusdt_20240808.gz", data / "btcusdt_20240809.gz"])
        feeder = self.feeder(symbols=self.SYMBOLS, backfill={"enabled": False}, depth={"levels": 20, "diffs": True},
                             realtime={"stream_type": ["trade", "book_ticker", "depth"], "update_freq": "1000ms"}).start()
        last = max(trade["t"] for trade in self.captured("@trade"))
        wait.until(lambda: f"the last trade {last}; {feeder.tail()}", lambda: feeder.alive() and any(
            row["TradeId"] >= last for row in ticks.rows(feeder.root, "BTCUSDT", "TRADE")[-3:]), every=2)
        self.assertEqual(feeder.stop(), 0)
        return feeder

    def test_every_trade_once_and_the_book_equals_the_quotes(self):
        feeder = self.replayed()
        trades = {trade["t"]: trade for trade in self.captured("@trade")}
        rows = ticks.rows(feeder.root, "BTCUSDT", "TRADE")
        self.assertEqual(sorted(row["TradeId"] for row in rows), sorted(trades))
        self.assertEqual(len(rows), 19_904)
        for row in rows:
            trade = trades[row["TradeId"]]
            self.assertEqual((row["Price"], row["Size"], row["Time"], row["BuyerMaker"]),
                             (float(trade["p"]), float(trade["q"]), trade["T"] * 1_000_000, int(trade["m"])))
        quotes = {quote["u"]: quote for quote in self.captured("@bookTicker")}
        shared = 0
        for update_id, book in ticks.books_by_update(ticks.rows(feeder.root, "BTCUSDT", "DEPTHDIFF")):
            quote = quotes.get(update_id)
            if quote is not None:
                self.assertEqual(book.best(), tuple(float(quote[key]) for key in "bBaA"), update_id)
                shared += 1
        self.assertEqual(shared, 1_072)
