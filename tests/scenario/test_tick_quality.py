# SPDX-License-Identifier: Apache-2.0
"""What can be told of ticks that are kept: how the kept book compares with a fresh snapshot, and which quotes came too
late. Said in the log, by status and in the metrics alike."""

import re
import urllib.request

from tests.lib import servers, ticks, wait
from tests.scenario.test_depth import RIGHT, SYMBOL, DepthScenario


class Quality(DepthScenario):
    def with_metrics(self):
        self.port = servers.free_port()
        return {"gateway": {"listen": f"'127.0.0.1:{self.port}'"}}

    def metrics(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=20) as answer:
            lines = answer.read().decode().splitlines()
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}

    def status_text(self, feeder):
        return feeder.run("status", "--data", str(feeder.data))[1]


class Comparisons(Quality):
    """Every so often the kept book is compared with a fresh snapshot at the same update."""

    EQUAL = "the kept book equals a fresh snapshot at update [0-9]+: all [0-9]+ levels"
    DIFFERS = (r"the kept book differs from a fresh snapshot at update [0-9]+: ([0-9]+) of ([0-9]+) levels equal "
               r"\(([0-9.]+) %\); going on from the snapshot")

    def compared(self, feeder):
        """Sums over the stream workers: books compared, differing; levels compared, equal."""
        children = [child for child in feeder.status()["children"] if child["class"] == "stream"]
        return tuple(sum(child[name] for child in children)
                     for name in ("books_compared", "books_differing", "levels_compared", "levels_equal"))

    def wait_compared(self, feeder, books):
        return wait.until(lambda: f"{books} comparisons; {feeder.tail()}",
                          lambda: feeder.alive() and self.compared(feeder)[0] >= books and self.compared(feeder))

    def test_a_book_that_is_right_equals_each_snapshot_in_every_level(self):
        feeder = self.book_kept(depth={"compare": "10s"}, **self.with_metrics())
        self.wait_said(feeder, self.EQUAL)
        books, differing, levels, equal = self.wait_compared(feeder, 1)
        said = [int(all_of) for all_of in re.findall("all ([0-9]+) levels", feeder.log_path.read_text())]
        self.assertEqual((differing, equal), (0, levels))
        self.assertGreater(levels, 1000)  # of two thousand in the snapshot
        if books == len(said):
            self.assertEqual(levels, sum(said))
        figures = self.metrics()
        self.assertGreaterEqual(figures['binancefeeder_books_compared_total{class="stream",name="BTCUSDT"}'], 1)
        self.assertIn("100 % of", self.status_text(feeder))
        self.prove(feeder, 0)

    def test_a_snapshot_that_differs_is_said_with_its_rate_and_gone_on_from(self):
        feeder = self.book_kept(depth={"compare": "10s"}, **self.with_metrics())
        wrong = 10
        self.exchange.fault("snapshot-wrong", value=wrong)
        self.wait_said(feeder, self.DIFFERS)
        equal, levels, percent = re.search(self.DIFFERS, feeder.log_path.read_text()).groups()
        self.assertTrue(0 < int(levels) - int(equal) <= wrong, (equal, levels))
        self.assertEqual(percent, f"{100 * int(equal) / int(levels):.2f}")
        # The kept book is the wrong one now; the next snapshots are right, and it goes on from them.
        self.wait_said(feeder, self.EQUAL)
        books, differing, levels, equal = self.wait_compared(
            feeder, self.said(feeder, self.EQUAL) + self.said(feeder, self.DIFFERS))
        self.assertTrue(1 <= differing < books and equal < levels, (books, differing, levels, equal))
        self.assertTrue([finding for finding in feeder.status()["findings"]
                         if "comparisons of its kept books with a fresh snapshot found a difference" in finding["what"]])
        self.assertEqual(self.said(feeder, "was given up"), 0)
        self.assertEqual(self.said(feeder, RIGHT), 1)


class Quotes(Quality):
    def test_quotes_behind_newer_ones_are_counted_and_not_kept(self):
        feeder = self.prepared(["book_ticker"], **self.with_metrics()).wait_ready()
        self.let_pass(2)
        name = 'binancefeeder_quotes_late_total{class="stream",name="BTCUSDT"}'
        self.assertEqual(self.metrics()[name], 0)
        for _ in range(5):
            self.exchange.fault("event-reordered", stream="@bookTicker")
            self.let_pass(1)
        self.exchange.fault("event-repeated", stream="@bookTicker", count=5)  # not late
        wait.until(lambda: f"five late quotes, not {self.metrics()[name]}", lambda: self.metrics()[name] >= 5)
        self.let_pass(2)
        late = sum(child["quotes_late"] for child in feeder.status()["children"])
        self.assertEqual((late, self.metrics()[name]), (5, 5))
        self.assertIn("5 came behind a newer one", self.status_text(feeder))
        ids = [row["UpdateId"] for row in ticks.rows(feeder.root, SYMBOL, "QUOTE")]
        self.assertEqual(ids, sorted(set(ids)))
