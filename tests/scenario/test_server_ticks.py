# SPDX-License-Identifier: Apache-2.0
"""Ticks with `store.type: server` against our own small server, which also does wrong on request."""

from tests.lib import servers, wait
from tests.lib.case import Scenario
from tests.lib.quirkcase import QuirkCase
from tests.lib.ticksinkcase import TickSinkCase


class ServerTicks(QuirkCase, TickSinkCase, Scenario):
    def new_server(self):
        return servers.Small(self.directory / "server")

    def with_fault(self, name, **parameters):
        self.start_exchange(trades_per_minute=2000)
        self.server.fault(name, **parameters)
        feeder = self.running(["trade"])
        self.let_pass(8)
        self.wait_ids_complete(feeder)
        self.assertGreater(self.hits(name), 0, f"no request met the fault {name}")
        self.assertEqual(feeder.stop(), 0)

    def hits(self, name):
        return sum(one.get("hits", 0) for one in self.server.figures()["faults"] if one["fault"] == name)

    def test_a_writer_killed_between_a_write_and_its_ledger_asks_before_it_sends_again(self):
        feeder = self.running(["trade"])
        self.let_pass(5)
        for round_number in (1, 2):
            # Rows are proved by reading them back: the write has taken effect, the ledger does not know yet.
            self.server.fault("slow", method="DataService.Query", seconds=3)
            wait.until("a slow proof", lambda number=round_number: self.hits("slow") >= number, every=0.05)
            feeder.kill("writer")
            self.let_pass(5)
        self.wait_ids_complete(feeder)
        self.assertEqual(feeder.stop(), 0)

    def test_an_answer_lost_after_the_write_took_effect_doubles_nothing(self):
        self.with_fault("lose_answer", method="DataService.Write", count=3)

    def test_a_connection_that_ends_before_anything_was_done(self):
        self.with_fault("drop", method="DataService.Write", count=3)

    def test_an_answer_that_is_no_message_doubles_nothing(self):
        self.with_fault("garble", method="DataService.Write", count=2)

    def test_a_refusal_that_does_not_come_again(self):
        self.with_fault("refuse", method="DataService.Write", count=1)

    def test_queries_that_are_not_answered(self):
        self.with_fault("drop", method="DataService.Query", count=3)

    def forgetting(self, stream_type, group):
        """A feeder whose server forgot one write of trades or quotes."""
        feeder = self.running(stream_type)
        self.let_pass(4)
        wait.until(lambda: f"rows of {group}; {feeder.tail()}", lambda: len(self.stored(group)) > 0)
        self.server.fault("forget", method="DataService.Write", count=1)
        wait.until(lambda: "the loss to be said; " + feeder.tail(), lambda: feeder.alive() and self.losses(feeder))
        self.let_pass(4)
        return feeder

    def losses(self, feeder):
        return [line for line in feeder.log_path.read_text(errors="replace").splitlines()
                if "acknowledged" in line and "does not have them" in line]

    def test_forgotten_trades_are_missing_and_asked_for_later(self):
        feeder = self.forgetting(["trade"], "TRADE")
        self.assertEqual(len(self.losses(feeder)), 1)
        wait.until(lambda: f"the trouble in {feeder.status()['troubles']}", lambda: self.trouble(feeder))
        trouble = self.trouble(feeder)
        ids = {row["TradeId"] for row in self.stored("TRADE")}
        missing = set(range(min(ids), max(ids))) - ids
        self.assertEqual(missing, set(range(trouble["first_id"], trouble["last_id"] + 1)))
        self.assertRegex(trouble["text"], f"acknowledged {len(missing)} rows and does not have them")
        tick = next(one for one in feeder.status()["buckets"] if one["kind"] == "trade")
        self.assertEqual(tick["missing"], len(missing))
        self.assertTrue([one for one in feeder.status()["findings"] if "does not have them" in one["what"]])
        self.assertEqual(feeder.stop(), 0)

    def trouble(self, feeder):
        troubles = [one for one in feeder.status()["troubles"] if one["kind"] == "unkept"]
        self.assertLessEqual(len(troubles), 1)
        return troubles and troubles[0]

    def test_forgotten_quotes_are_lost_with_their_span(self):
        feeder = self.forgetting(["book_ticker"], "QUOTE")
        gaps = [gap for gap in feeder.status()["gaps"] if gap["kind"] == "quote" and gap["state"] == "lost"]
        self.assertEqual(len([gap for gap in gaps if "does not have them" in gap["evidence"]]), 1, gaps)
        self.assertEqual(feeder.stop(), 0)

    def test_rows_taken_in_after_the_last_checkpoint_are_doubled_and_recorded(self):
        feeder = self.running(["trade"])
        self.let_pass(4)
        self.server.fault("linger", seconds=2.5)
        self.server.stop()
        self.server.start()
        self.let_pass(6)
        rows = self.wait_ids_complete(feeder, doubles=True)
        self.assertGreater(len(rows), len({row["TradeId"] for row in rows}), "it ended too early")
        self.assert_doubles_recorded(feeder, rows)
        self.assertEqual(feeder.stop(), 0)

    def test_a_bucket_whose_writes_are_never_answered_is_given_up_and_others_go_on(self):
        self.start_exchange(trades_per_minute=2000)
        since = "2024-03-05T11:59:50"
        # Each write is read back before it is sent again: nothing of it was taken in.
        self.server.fault("drop", method="DataService.Write", bucket="BTCUSDT/1Sec/TRADE", count=5)
        feeder = self.with_history("trade", "agg_trade", since=since)
        wait.until("the refusal; " + feeder.tail(), lambda: self.tick_status(feeder, "TRADE")["why"])
        self.assertEqual(self.hits("drop"), 5)
        self.let_pass(4)
        self.wait_ids_complete(feeder, "AGGTRADE")
        text = feeder.log_path.read_text()
        self.assertIn("gave no answer to any of 5 writes", text)
        self.assertNotIn("is unreachable", text)
        feeder.reload()
        self.wait_ids_complete(feeder, since_id=self.first_id(since))
        self.assertEqual(feeder.stop(), 0)
