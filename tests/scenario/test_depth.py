# SPDX-License-Identifier: Apache-2.0
"""Order books when the exchange misbehaves: what is kept is the exchange's book, level for level, what was lost is said
exactly, and no book that goes wrong makes us ask more than we may."""

import math
import re

from tests.lib import interval as grid
from tests.lib import tickcompare, wait
from tests.scenario.test_ticks import TickScenario

RIGHT = "the order book is right from update"
SYMBOL = "BTCUSDT"


class DepthScenario(TickScenario):
    def book_kept(self, stream_type=("depth",), faults=(), **keys):
        """A feeder that keeps a book which is right. `faults` are armed before it starts."""
        feeder = self.prepared(stream_type, faults, **keys)
        self.wait_right(feeder, 1)
        return feeder

    def prepared(self, stream_type=("depth",), faults=(), depth=None, **keys):
        self.start_exchange(trades_per_minute=600)
        for name, parameters in faults:
            self.exchange.fault(name, **parameters)
        return self.feeder(realtime={"stream_type": list(stream_type)}, backfill={"enabled": False},
                           depth={"levels": 20, "diffs": True, **(depth or {})}, **keys).start()

    def said(self, feeder, text):
        return len(re.findall(text, feeder.log_path.read_text(errors="replace")))

    def wait_said(self, feeder, text, times=1, seconds=wait.PATIENCE_S):
        wait.until(lambda: f"{text} ({times} times); {feeder.tail()}",
                   lambda: feeder.alive() and self.said(feeder, text) >= times, seconds)

    def wait_right(self, feeder, times, seconds=wait.PATIENCE_S):
        """The first time, or given up because updates are missing and then right again."""
        self.wait_said(feeder, RIGHT, times, seconds)
        self.assertEqual(self.said(feeder, "was given up at update [0-9]+: updates are missing"), times - 1)

    def snapshots_asked(self):
        return self.exchange.requests()["endpoints"].get("/api/v3/depth", 0)

    def prove(self, feeder, lost):
        """Store and ledger are equal; so many spans of DEPTHDIFF are called lost. Returns their length in seconds."""
        self.let_pass(2)
        until_us = self.exchange.now_us()
        wait.until(lambda: f"all kinds to be stored up to now: {feeder.status()['buckets']}; {feeder.tail()}", lambda: all(
            bucket["last"] and grid.us(bucket["last"].rstrip("Z")) >= until_us for bucket in feeder.status()["buckets"]
            if bucket["kind"] != "bar"))
        self.assertEqual(feeder.stop(), 0)
        oracle = tickcompare.Oracle(self.exchange, feeder, SYMBOL)
        oracle.check_tops(20, 1_000_000, until_us)
        oracle.check_changes(until_us)
        if "book_ticker" in feeder.config["realtime"]["stream_type"]:
            oracle.check_quotes(until_us)
        self.assertEqual(oracle.complaints, [])
        spans, seconds = oracle.lost["DEPTHDIFF"]
        self.assertEqual(spans, lost)
        return seconds


class Snapshots(DepthScenario):
    def test_answered_429_it_is_silent_until_retry_after_and_right_afterwards(self):
        feeder = self.book_kept()
        begun = self.exchange.now_us()
        self.exchange.fault("rate-limit", seconds=6)
        self.exchange.fault("event-lost", stream="@depth")
        self.wait_said(feeder, r"the exchange refuses this address \(HTTP 429\)")  # whoever asked first
        self.wait_right(feeder, 2)
        self.assertGreater(self.exchange.now_us() - begun, 5_500_000)
        requests = self.exchange.requests()
        # A question about the clock may have been under way with that for the snapshot.
        self.assertIn((requests["sent_429"], requests["sent_418"], requests["violations"]), ((1, 0, 0), (2, 0, 1)))
        self.prove(feeder, 1)

    def test_books_lost_again_and_again_are_asked_for_more_and_more_slowly(self):
        feeder = self.book_kept()
        begun_us = self.exchange.now_us()
        for _ in range(20):  # the first costs a second, the next two, four, ...
            self.exchange.fault("event-lost", stream="@depth")
            self.let_pass(0.5)
        asked, seconds = self.snapshots_asked(), (self.exchange.now_us() - begun_us) / 1e6
        self.assertLessEqual(asked, 2 + math.log2(seconds + 1))
        self.assert_no_limit_broken()

    def test_a_slow_one_goes_on_with_what_was_buffered_meanwhile(self):
        feeder = self.prepared(faults=[("slow-answer", {"endpoint": "/api/v3/depth", "seconds": 2})])
        self.wait_right(feeder, 1)
        self.let_pass(2)
        self.assertEqual(self.snapshots_asked(), 1)
        self.prove(feeder, 0)

    def test_a_crossed_one_is_refused_and_asked_for_again(self):
        feeder = self.book_kept(faults=[("snapshot-crossed", {})])
        self.assertEqual(self.said(feeder, "is not in order, or crossed; the next one is asked for in 1 s"), 1)
        self.assertEqual(self.snapshots_asked(), 2)
        self.prove(feeder, 0)

    def test_stale_ones_are_asked_for_again_with_spacing(self):
        feeder = self.book_kept(faults=[("snapshot-stale", {"value": 2000, "count": 2})])
        for pause in (1, 2):
            self.assertEqual(
                self.said(feeder, f"is older than the stream's first event; the next one is asked for in {pause} s"), 1)
        self.assertEqual(self.snapshots_asked(), 3)
        self.prove(feeder, 0)

    def test_a_server_error_is_no_end(self):
        feeder = self.book_kept(faults=[("http-status", {"endpoint": "/api/v3/depth", "status": 503})])
        self.assertEqual(self.snapshots_asked(), 2)
        self.prove(feeder, 0)


class Changes(DepthScenario):
    def test_torn_frames_are_counted_and_what_they_had_is_lost_or_repaired(self):
        feeder = self.book_kept(["depth", "trade", "book_ticker"])
        self.let_pass(1)
        for stream in ("@depth", "@trade", "@bookTicker"):
            self.exchange.fault("ws-truncated", stream=stream)
        self.wait_right(feeder, 2)
        wait.until("all three to be counted", lambda: sum(child["malformed"] for child in feeder.status()["children"]) >= 3)
        self.assert_ids_complete(feeder, SYMBOL, "TRADE", "trades")
        self.prove(feeder, 1)

    def test_a_lost_event_is_lost_and_no_more(self):
        feeder = self.book_kept()
        self.let_pass(1)
        self.exchange.fault("event-lost", stream="@depth")
        self.wait_right(feeder, 2)
        self.assertLess(self.prove(feeder, 1), 30)  # usually a second and a bit

    def test_a_late_change_comes_too_late_and_a_late_trade_does_not(self):
        feeder = self.book_kept(["depth", "trade"])
        self.let_pass(1)
        for stream in ("@depth", "@trade"):
            self.exchange.fault("event-delayed", stream=stream, seconds=1, count=2)
        self.wait_right(feeder, 2)
        self.let_pass(2)
        self.assert_ids_complete(feeder, SYMBOL, "TRADE", "trades")
        self.prove(feeder, 1)

    def test_one_silent_stream_is_said_with_its_length_while_the_others_flow(self):
        feeder = self.book_kept(["depth", "trade", "book_ticker"])
        self.let_pass(1)
        self.exchange.fault("stream-silent", stream="@depth", for_ms=4000)
        self.let_pass(4)
        self.wait_right(feeder, 2)
        lost = self.prove(feeder, 1)
        self.assertGreater(lost, 3.8)
        self.assertLess(lost, 34)  # usually five

    def test_a_renewal_in_order_overlaps_and_loses_nothing(self):
        feeder = self.book_kept(["trade", "agg_trade", "book_ticker", "depth"])
        self.let_pass(1)
        self.exchange.fault("ws-shutdown", seconds=6)
        wait.until(lambda: "a second connection; " + feeder.tail(),
                   lambda: self.exchange.requests()["connections"] >= 2 and
                   self.exchange.json("/control/state")["websockets"] == 1)
        self.let_pass(2)
        self.assert_ids_complete(feeder, SYMBOL, "TRADE", "trades")
        self.assert_ids_complete(feeder, SYMBOL, "AGGTRADE", "aggtrades")
        self.prove(feeder, 0)
        self.assertEqual(self.said(feeder, RIGHT), 1)
        for group in ("QUOTE", "DEPTH", "TRADE", "AGGTRADE"):
            self.assertEqual(tickcompare.gaps(feeder, SYMBOL, group), {}, group)

    def test_a_halt_is_no_loss(self):
        feeder = self.book_kept(["book_ticker", "depth"])
        self.let_pass(1)
        self.exchange.fault("halt", symbol=SYMBOL, seconds=5)
        self.let_pass(8)
        self.prove(feeder, 0)
        self.assertEqual(self.said(feeder, RIGHT), 1)
        self.assertEqual(self.exchange.requests()["connections"], 1)
