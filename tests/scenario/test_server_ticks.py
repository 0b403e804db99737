# SPDX-License-Identifier: Apache-2.0
"""Ticks with `store.type: server` against our own small server, which also does wrong on request."""

from tests.lib import servers, wait
from tests.lib.case import Scenario
from tests.lib.ticksinkcase import TickSinkCase


class ServerTicks(TickSinkCase, Scenario):
    def new_server(self):
        return servers.Small(self.directory / "server")

    def with_fault(self, name, **parameters):
        self.start_exchange(trades_per_minute=2000)
        self.server.fault(name, **parameters)
        feeder = self.running(["trade"])
        self.let_pass(8)
        self.wait_ids_complete(feeder, seconds=90)
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
            wait.until("a slow proof", lambda number=round_number: self.hits("slow") >= number, 20, every=0.05)
            feeder.kill("writer")
            self.let_pass(5)
        self.wait_ids_complete(feeder, seconds=90)
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
