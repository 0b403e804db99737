# SPDX-License-Identifier: Apache-2.0
"""The exchange's REST side misbehaves, or the feeder is told to be silent: nothing is lost, nobody knocks."""

import time

from tests.lib import interval as grid
from tests.lib import wait
from tests.lib.case import Scenario

START = "2024-02-20T00:00:00Z"
FROM = "2024-02-20T00:00:00"


class RestTroubles(Scenario):
    requests_seen = None
    SYMBOLS = ("BTCUSDT",)

    def backfilled_despite(self, *faults):
        self.start_exchange()
        for fault in faults:
            self.exchange.fault(**fault)
        feeder = self.feeder(start=START).start()
        wait.until("a writer", lambda: feeder.alive() and feeder.log_path.exists())
        self.wait_equal(feeder, start=FROM)
        hits = self.exchange.json("/control/faults")["hits"]
        self.assertEqual({fault["name"] for fault in faults} - hits.keys(), set(), "faults that never came to pass")
        return feeder

    def test_server_errors(self):
        self.backfilled_despite(*({"name": "http-status", "endpoint": "/api/v3/klines", "status": status, "count": 2}
                                  for status in (500, 502, 503)))

    def test_bodies_that_are_no_answer(self):
        self.backfilled_despite(*({"name": name, "endpoint": "/api/v3/klines", "after": 2} for name in (
            "truncated-body", "not-json", "empty-body", "wrong-content", "deep-json", "gzip-bomb", "oversized-body",
            "rest-reset")))

    def test_short_pages_are_asked_again(self):
        self.backfilled_despite({"name": "short-page", "endpoint": "/api/v3/klines", "value": 7, "count": 3})

    def test_an_empty_page_is_asked_again(self):
        self.backfilled_despite({"name": "empty-page", "endpoint": "/api/v3/klines", "after": 2})

    def test_429_silences_every_process_until_retry_after(self):
        self.start_exchange()
        feeder = self.feeder(start="2023-12-01T00:00:00Z", backfill={"parallelism": 4, "batch_size": 100}).start()
        wait.until("requests", lambda: self.exchange.requests()["requests"] > 20)
        self.exchange.fault("rate-limit", seconds=5)
        wait.until("the 429", lambda: self.exchange.requests()["sent_429"] > 0)
        self.wait_equal(feeder, start="2024-03-01T00:00:00")
        # Requests that were under way when the first 429 came are answered 429 too, two of each worker and one for the clock
        # or the catalogue; nobody asks afterwards.
        self.assertLessEqual(self.exchange.requests()["sent_429"], 9)
        self.assertEqual(self.exchange.requests()["sent_418"], 0)

    def test_a_ban_outlives_a_restart(self):
        self.start_exchange(ban_seconds=4)  # what the requests under way when it begins add to it
        feeder = self.feeder(start="2023-06-01T00:00:00Z").start()
        wait.until("requests", lambda: self.exchange.requests()["requests"] > 5)
        self.exchange.fault("ban", seconds=20)
        wait.until("silence, and the ban to be known as the last answer told it", lambda: self.knows_ban(feeder), every=0.3)
        self.assertEqual(feeder.stop(), 0)
        known = self.exchange.requests()["violations"]
        feeder.start()
        wait.until("requests after the ban", lambda: feeder.alive() and feeder.status()["limits"]["ban_seconds"] == 0)
        self.wait_equal(feeder, start="2024-03-01T00:00:00")
        self.assertLessEqual(self.exchange.requests()["violations"], known)

    def knows_ban(self, feeder):
        """Nothing has come since it was asked last, and what was under way has been answered and told."""
        seen, known_s = self.exchange.requests(), feeder.status()["limits"]["ban_seconds"]
        quiet, self.requests_seen = seen["requests"] == self.requests_seen, seen["requests"]
        return quiet and known_s > 0 and time.time() + known_s + 1 > seen["banned_until_ms"] / 1000

    def test_used_weight_of_others_on_this_address_slows_us_down(self):
        self.start_exchange()
        feeder = self.feeder(start=START).start().wait_ready()
        # In every answer: the first may come too late for the minute in which it was asked, or that minute end before we look.
        self.exchange.fault("used-weight", value=5900, count=-1)
        wait.until("the header to be believed", lambda: feeder.status()["limits"]["weight_used"] >= 5900)

    def test_an_exchange_outage(self):
        self.start_exchange()
        feeder = self.feeder(start="2024-03-04T00:00:00Z").start().wait_ready()
        self.wait_equal(feeder, start="2024-03-04T00:00:00")
        self.exchange.fault("outage", seconds=6)
        before = self.exchange.now_us()
        wait.until("the outage to pass", lambda: self.exchange.now_us() > before + 8 * grid.MINUTE)
        self.wait_equal(feeder, start="2024-03-04T00:00:00")

    def test_a_hole_of_the_exchange_is_explained_as_absent(self):
        self.start_exchange()
        self.exchange.fault("hole", **{"from": "2024-03-01T02:00:00Z", "to": "2024-03-01T04:00:00Z"})
        feeder = self.feeder(start=START).start().wait_ready()
        self.wait_equal(feeder, start=FROM)
        bucket = wait.until("the verdict", lambda: [one for one in feeder.status()["buckets"]
                                                    if one["explained"].get("absent") == 120])[0]
        self.assertEqual(bucket["symbol"], "BTCUSDT")
        [gap] = [one for one in feeder.status()["gaps"] if one["state"] == "absent"]
        self.assertEqual((gap["symbol"], gap["bars"]), ("BTCUSDT", 120))
        self.assertNotEqual(gap["evidence"], "")
        text = feeder.run("status", "--all", "--data", str(feeder.data))[1]
        [line] = [one for one in text.splitlines() if gap["evidence"] in one]
        for part in ("BTCUSDT", "120", "absent", "2024-03-01 02:00", "2024-03-01 04:00"):
            self.assertIn(part, line)

    def test_before_its_listing_a_symbol_is_explained(self):
        self.start_exchange(listed="BTCUSDT=2024-03-01T05:07:00")
        feeder = self.feeder(start=START).start().wait_ready()
        self.wait_equal(feeder, start=FROM)
        status = wait.until("completeness", lambda: (lambda now: now["complete"] and now)(feeder.status()))
        self.assertEqual(status["buckets"][0]["missing"], 0)
