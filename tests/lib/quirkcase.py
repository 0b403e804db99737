# SPDX-License-Identifier: Apache-2.0
"""What a stock server does wrong with ticks, as statements for any server that speaks MarketStore's RPC: it panics at a query
of seconds whose rows pack too well (the connection ends without an answer), and it doubles what it takes in while it ends."""

import contextlib
import os
import random
import signal

from tests.lib import interval as grid
from tests.lib import remote, wait

TRADE = [("Price", "f8"), ("Size", "f8"), ("Exchange", "U16"), ("Tape", "U16"), ("TradeId", "i8"), ("BuyerMaker", "u1"),
         ("RecvTime", "i8"), ("Nanoseconds", "i4")]
TEXTS = [text.encode("utf-32-le").ljust(64, b"\0") for text in ("BINANCE", "SPOT")]
KEY = "BTCUSDT/1Sec/TRADE"


class QuirkCase:
    """Mixed into a Scenario that is a TickSinkCase, too."""

    # ---- panics ----

    def put_second(self, second, copies):
        """Before the feeder starts: the exchange's trades of a second, so many times."""
        trades = self.exchange.rows("trades", "BTCUSDT", startTime=second * 1000, endTime=second * 1000 + 999)
        rows = [(second, (float(price), float(size), *TEXTS, int(one), int(maker), 0, int(time_us) % 1_000_000 * 1000))
                for one, price, size, time_us, maker in self.fields(trades)]
        self.assertGreater(len(rows), 10)
        for _ in range(copies):
            remote.write(self.server.url, KEY, TRADE, rows, True)

    @staticmethod
    def fields(trades):
        for one, price, size, *_, time_us, maker in trades:
            yield one, price, size, time_us, maker

    def with_history(self, *stream_types, since):
        return self.running(list(stream_types), start=since, symbols=["BTCUSDT"],
                            backfill={"enabled": True, "data": list(stream_types), "source": "rest"})

    def first_id(self, since):
        return int(self.exchange.rows("trades", "BTCUSDT", startTime=grid.us(since) // 1000, limit=1)[0][0])

    @staticmethod
    def tick_status(feeder, group):
        found = [one for one in feeder.status()["buckets"] if one["kind"].upper() == group]
        return found[0] if found else {"why": ""}

    def test_rows_at_which_a_query_of_little_panics_are_read_with_more_around_them(self):
        self.start_exchange(trades_per_minute=2000)
        start_s = grid.us(self.START) // 1_000_000
        for second in range(start_s - 20, start_s):
            self.put_second(second, 6 if second == start_s - 1 else 1)
        since = "2024-03-05T11:59:40"
        feeder = self.with_history("trade", since=since)
        self.let_pass(6)
        self.wait_ids_complete(feeder, since_id=self.first_id(since), doubles=True)
        text = feeder.log_path.read_text()
        self.assertIn("answers one that asks for more around them", text)
        self.assertNotIn("is unreachable", text)
        self.assertEqual(feeder.stop(), 0)

    def test_a_bucket_that_cannot_be_read_is_given_up_and_others_go_on(self):
        self.start_exchange(trades_per_minute=2000)
        self.put_second(grid.us(self.START) // 1_000_000 - 10, 20)
        since = "2024-03-05T11:59:50"
        feeder = self.with_history("trade", "agg_trade", since=since)
        self.let_pass(6)
        self.wait_ids_complete(feeder, "AGGTRADE")
        text = feeder.log_path.read_text()
        self.assertIn("closed the connection at each of 5 queries of its rows", text)
        self.assertNotIn("is unreachable", text)
        self.assertIn("closed the connection", self.tick_status(feeder, "TRADE")["why"])
        # What the message says to do.
        remote.call(self.server.url, "Destroy", requests=[{"key": KEY}])
        feeder.reload()
        self.let_pass(4)
        self.wait_ids_complete(feeder, since_id=self.first_id(since))
        wait.until("the status to be well again", lambda: self.tick_status(feeder, "TRADE")["why"] == "")
        self.assertEqual(feeder.stop(), 0)

    def test_a_second_of_more_rows_than_a_page_counts_as_stored_with_all_of_them(self):
        self.start_exchange(trades_per_minute=2000)
        second, chance = grid.us(self.START) // 1_000_000 - 60, random.Random(7)
        for first in (1, 20001, 40001):
            rows = [(second, (chance.uniform(6e4, 7e4), chance.random(), *TEXTS, one, one % 2, 0, one * 16000))
                    for one in range(first, first + 20000)]
            remote.write(self.server.url, KEY, TRADE, rows, True)
        feeder = self.running(["trade"])
        wait.until(lambda: "the rows to be counted; " + feeder.tail(),
                   lambda: "has 60000 rows that the ledger did not know" in feeder.log_path.read_text())
        self.assertEqual(feeder.stop(), 0)

    # ---- its end ----

    @contextlib.contextmanager
    def nothing_sent(self, feeder):
        """The writer stands still, and the server has taken in what was under way."""
        writer, counts = feeder.children("writer")[0]["pid"], []
        os.kill(writer, signal.SIGSTOP)

        def settled():
            counts.append(len(self.stored("TRADE")))
            return len(counts) > 4 and len(set(counts[-5:])) == 1
        wait.until("the server to have settled", settled, every=0.25)
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):  # the supervisor ends one that hangs
                os.kill(writer, signal.SIGCONT)

    def test_a_server_stopped_in_order_while_nothing_is_sent_doubles_nothing(self):
        feeder = self.running(["trade"])
        self.let_pass(5)
        with self.nothing_sent(feeder):
            self.server.stop()
            self.server.start()
        self.let_pass(6)
        self.wait_ids_complete(feeder)
        self.assertEqual(self.doubled_gaps(feeder), [])
        self.assertEqual(feeder.stop(), 0)

    def test_what_a_server_doubles_that_ends_while_rows_come_in_is_recorded(self):
        # What it takes in after its last checkpoint it replays at its start: the more, the longer its sync takes.
        feeder = self.running(["trade"])
        for _ in range(3):
            self.let_pass(3)
            self.server.stop()
            self.server.start()
        self.let_pass(6)
        self.assert_doubles_recorded(feeder, self.wait_ids_complete(feeder, doubles=True))
        self.assertEqual(feeder.stop(), 0)
