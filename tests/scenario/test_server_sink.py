# SPDX-License-Identifier: Apache-2.0
"""`store.type: server` against our own small server, which also does wrong on request."""

import subprocess
import time

from tests.lib import remote, servers, wait
from tests.lib.case import BUILD, Scenario
from tests.lib.sinkcase import SinkCase


class ServerSink(SinkCase, Scenario):
    def new_server(self):
        return servers.Small(self.directory / "server")

    def assert_hit(self, name):
        hits = sum(one.get("hits", 0) for one in self.server.figures()["faults"] if one["fault"] == name)
        self.assertGreater(hits, 0, f"no request met the fault {name}")

    def with_fault(self, name, **parameters):
        self.start_exchange()
        self.server.fault(name, **parameters)
        feeder = self.sink_feeder().start()
        self.wait_stored(feeder)
        self.assert_hit(name)
        self.assertEqual(feeder.stop(), 0)
        return feeder

    def test_an_answer_lost_after_the_write_took_effect(self):
        self.with_fault("lose_answer", method="DataService.Write", count=3)

    def test_a_connection_that_ends_before_anything_was_done(self):
        self.with_fault("drop", method="DataService.Write", count=3)

    def test_a_look_at_a_bucket_that_is_not_answered(self):
        self.with_fault("drop", method="DataService.GetInfo", count=2)

    def test_an_answer_that_is_no_message(self):
        self.with_fault("garble", method="DataService.Write", count=2)

    def test_a_refusal_that_does_not_come_again(self):
        self.with_fault("refuse", method="DataService.Write", count=1)

    def test_a_slow_answer(self):
        self.with_fault("slow", seconds=4, count=2)

    def test_rows_that_were_acknowledged_and_not_kept_are_not_counted_as_stored(self):
        # As a server that lies; one that was killed is SinkCase's to test.
        self.start_exchange()
        self.server.fault("lie", method="DataService.Write", count=1)
        feeder = self.sink_feeder(symbols=["BTCUSDT"]).start()
        wait.until("the lie to be noticed; " + feeder.tail(),
                   lambda: "acknowledged by" in feeder.log_path.read_text())
        wait.until("the status to say so", lambda: any(
            bucket["explained"].get("unstorable", 0) > 0 for bucket in feeder.status()["buckets"]))
        self.assertEqual(feeder.stop(), 0)

    def test_live_bars_of_several_symbols_go_in_one_write(self):
        self.start_exchange()
        feeder = self.sink_feeder().start()
        self.wait_stored(feeder)
        wait.until("a write of both symbols", lambda: self.server.figures()["together"] == 2)
        self.wait_stored(feeder)
        self.assertEqual(feeder.stop(), 0)

    def test_another_program_s_values_are_noticed(self):
        self.start_exchange()
        feeder = self.sink_feeder().start()
        self.wait_stored(feeder)
        self.server.fault("tamper", count=1)
        wait.until("the other values to be noticed; " + feeder.tail(),
                   lambda: "another program writes to this bucket" in feeder.log_path.read_text())
        self.assertEqual(feeder.stop(), 0)

    def test_a_one_shot_backfill_without_its_server_says_so_at_once_and_ends_after_a_minute(self):
        self.start_exchange()
        self.server.stop()
        environment = {"PATH": "/usr/bin:/bin", "BINANCEFEEDER_ENDPOINTS_REST": self.exchange.rest_url,
                       "BINANCEFEEDER_STORE_TYPE": "server", "BINANCEFEEDER_STORE_URL": self.server.url}
        begun, log = time.monotonic(), self.directory / "one-shot.log"
        with open(log, "wb") as file:
            process = subprocess.Popen([str(BUILD / "bin" / "binancefeeder"), "backfill", "BTCUSDT", "--interval", "1m",
                                        "--since", "2024-03-05", "--data", "./one-shot"], stdout=file, stderr=file,
                                       cwd=self.directory, env=environment)
        wait.until(lambda: "the absence to be said; " + log.read_text(),
                   lambda: "is unreachable" in log.read_text() and "waited for 60 s" in log.read_text())
        self.assertEqual(process.wait(wait.PATIENCE_S), 75, log.read_text())
        self.assertGreater(time.monotonic() - begun, 59)
        self.assertIn("was unreachable for 60 s", log.read_text())

    def test_a_write_that_is_refused_for_good_gives_the_bucket_up_and_others_go_on(self):
        self.start_exchange()
        feeder = self.sink_feeder().start()
        self.wait_stored(feeder)
        # As if someone had destroyed the bucket and made another of the same name.
        self.server.fault("rename", bucket="BTCUSDT/1Min/OHLCV", column="Bid")
        wait.until("the refusal; " + feeder.tail(),
                   lambda: "unable to match data columns" in feeder.log_path.read_text())
        self.wait_stored(feeder, symbols=["ETHUSDT"])
        wait.until("the status to say why", lambda: any(
            one["symbol"] == "BTCUSDT" and one["why"] for one in feeder.status()["buckets"]))
        self.assertEqual(remote.rows(self.server.url, "BTCUSDT/1Min/OHLCV")[0][0], "Bid")
        self.assertEqual(feeder.stop(), 0)
