# SPDX-License-Identifier: Apache-2.0
"""History of trades and aggregate trades by the real processes: the exchange's ledger, id for id, to the microsecond; then live
beside it without a hole at the seam, whatever is killed, refused or struck out meanwhile."""

import collections
import json
import signal
import sqlite3
import subprocess

from tests.lib import interval as grid
from tests.lib import ticks, wait
from tests.lib.case import BUILD, Scenario

KINDS = {"trade": ("TRADE", "TradeId", "trades", "/api/v3/historicalTrades"),
         "agg_trade": ("AGGTRADE", "AggId", "aggtrades", "/api/v3/aggTrades")}


class History(Scenario):
    SYMBOLS = ("BTCUSDT",)
    START = "2024-03-05T12:00:00Z"
    SPEED = 1
    DENSE = 1200  # trades a minute: some pages an hour

    # ---- the truth ----

    def ids_at(self, kind, time, symbol="BTCUSDT"):
        """The last id at or before a time."""
        at = time if isinstance(time, int) else grid.us(time) // 1000
        return self.exchange.json(f"/ledger/ids?symbol={symbol}&time={at}")["trade" if kind == "trade" else "agg"]

    def truth(self, kind, first, last, symbol="BTCUSDT"):
        """{id: (price, size, time in ns, buyer is maker)}, of an aggregate its first and last id too."""
        if first > last:
            return {}
        path = f"/ledger/{KINDS[kind][2]}?symbol={symbol}&fromId={first}&toId={last}"
        rows = {}
        for line in self.exchange.get(path).decode().splitlines():
            if line[:1].isdigit():
                one, price, size, *between, time_us, maker = line.split(",")
                rows[int(one)] = (float(price), float(size), int(time_us) * 1000, int(maker), *map(int, between))
        return rows

    @staticmethod
    def stored(root, kind, symbol="BTCUSDT"):
        group, name = KINDS[kind][:2]
        rows = ticks.rows(root, symbol, group)
        extra = ("FirstId", "LastId") if kind == "agg_trade" else ()
        found = {row[name]: (row["Price"], row["Size"], row["Time"], row["BuyerMaker"], *(row[one] for one in extra))
                 for row in rows}
        if len(found) != len(rows):
            raise AssertionError(f"{symbol} {group}: {len(rows) - len(found)} rows of {len(rows)} are there twice")
        return found

    def assert_equal(self, root, kind, first, last, lacking=(), symbol="BTCUSDT"):
        truth = {one: row for one, row in self.truth(kind, first, last, symbol).items() if one not in lacking}
        stored = self.stored(root, kind, symbol)
        self.assertEqual(sorted(stored), sorted(truth))
        self.assertEqual(stored, truth)
        return len(truth)

    def requests_of(self, kind):
        return self.exchange.requests()["endpoints"].get(KINDS[kind][3], 0)

    # ---- the command ----

    def command(self, *arguments):
        environment = {"PATH": "/usr/bin:/bin", "BINANCEFEEDER_ENDPOINTS_REST": self.exchange.rest_url,
                       "BINANCEFEEDER_ENDPOINTS_STREAM": self.exchange.stream_url}
        return subprocess.Popen([str(BUILD / "bin" / "binancefeeder"), *arguments], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, cwd=self.directory, env=environment)

    def backfill(self, *more, symbols=None):
        return self.command("backfill", *(symbols or self.SYMBOLS), "--data", "data", *more)

    def finish(self, process, code=0, seconds=wait.PATIENCE_S):
        out, err = process.communicate(timeout=seconds)
        self.assertEqual(process.returncode, code, err + out)
        return out, err

    @property
    def root(self):
        return self.directory / "data" / "marketstore"


class OneShot(History):
    SYMBOLS = ("BTCUSDT", "ETHUSDT")

    def test_both_kinds_by_time_equal_the_ledger_id_for_id(self):
        self.start_exchange(trades_per_minute=self.DENSE)
        since, until = "2024-03-05T11:40:00", "2024-03-05T11:55:00"
        out, err = self.finish(self.backfill("--what", "trade,agg_trade", "--since", since, "--until", until))
        total = 0
        for symbol in self.SYMBOLS:
            for kind in KINDS:
                first = self.ids_at(kind, grid.us(since) // 1000 - 1, symbol) + 1
                last = self.ids_at(kind, grid.us(until) // 1000 - 1, symbol)
                self.assertGreater(last - first, 5000)
                total += self.assert_equal(self.root, kind, first, last, symbol=symbol)
        self.assertIn(f"wanted {total:,}, stored {total:,}, explained 0, missing 0", out)
        for line in ("BTCUSDT      trade", "ETHUSDT      agg_trade"):
            self.assertRegex(err, line + ".*100 %.*complete")
        self.assert_no_limit_broken()

        # The same again asks where the ids begin and end, and fetches none of them.
        before = {kind: self.requests_of(kind) for kind in KINDS}
        out, _ = self.finish(self.backfill("--what", "trade,agg_trade", "--since", since, "--until", until, "--json"))
        counts = json.loads(out)
        self.assertEqual((counts["wanted"], counts["stored"], counts["missing"], counts["complete"]), (total, total, 0, True))
        self.assertEqual([bucket["ticks"] for bucket in counts["buckets"]], ["trade", "agg_trade"] * 2)
        self.assertEqual(self.requests_of("trade"), before["trade"])
        self.assertLessEqual(self.requests_of("agg_trade") - before["agg_trade"], 8)

        # What goes further back fetches that alone.
        self.finish(self.backfill("--what", "trade", "--since", "2024-03-05T11:38:00", "--until", until, symbols=["BTCUSDT"]))
        first, last = (self.ids_at("trade", grid.us(time) // 1000 - 1) for time in ("2024-03-05T11:38:00", until))
        self.assert_equal(self.root, "trade", first + 1, last)
        self.assertLessEqual(self.requests_of("trade") - before["trade"], 6)

    def test_up_to_now_and_further_with_the_next_run(self):
        self.start_exchange(trades_per_minute=self.DENSE)
        begun = self.exchange.now_us()
        self.finish(self.backfill("--what", "trade", "--since", "2024-03-05T11:58:00", symbols=["BTCUSDT"]))
        self.assertGreaterEqual(max(self.stored(self.root, "trade")), self.ids_at("trade", begun // 1000))
        begun = self.exchange.now_us()
        self.finish(self.backfill("--what", "trade", "--since", "2024-03-05T11:58:00", symbols=["BTCUSDT"]))
        first, last = self.ids_at("trade", grid.us("2024-03-05T11:58:00") // 1000 - 1) + 1, max(self.stored(self.root, "trade"))
        self.assertGreaterEqual(last, self.ids_at("trade", begun // 1000))
        self.assert_equal(self.root, "trade", first, last)

    def test_interrupted_it_goes_on_where_it_was(self):
        self.start_exchange(trades_per_minute=3000, limit_weight=0)
        asked = ("--what", "trade", "--since", "2024-03-05T10:00:00", "--until", "2024-03-05T11:30:00")
        # What is asked for later waits, so that there is something to interrupt, however late that comes.
        self.exchange.fault("slow-answer", endpoint=KINDS["trade"][3], after=60, count=-1, seconds=20)
        process = self.backfill(*asked, symbols=["BTCUSDT"])
        wait.until("some pages", lambda: self.requests_of("trade") > 60)
        process.send_signal(signal.SIGINT)
        _, err = self.finish(process, 1)
        self.exchange.clear_faults()
        self.assertIn("missing", err)
        stored = len(self.stored(self.root, "trade"))
        self.assertGreater(stored, 0)
        before = self.requests_of("trade")
        self.finish(self.backfill(*asked, symbols=["BTCUSDT"]))
        first, last = (self.ids_at("trade", grid.us(time) // 1000 - 1) for time in ("2024-03-05T10:00:00", "2024-03-05T11:30:00"))
        total = self.assert_equal(self.root, "trade", first + 1, last)
        # Jobs that were under way are fetched again, and nothing else.
        self.assertLess(stored, total)
        self.assertLessEqual(self.requests_of("trade") - before, -(-(total - stored) // 1000) + 4 * 20)

    def test_before_its_listing_there_is_nothing_to_miss(self):
        self.start_exchange(trades_per_minute=300, listed="ETHUSDT=2024-03-05T11:30:00Z")
        out, _ = self.finish(self.backfill("--what", "trade,agg_trade", "--since", "2024-03-01", "--until",
                                           "2024-03-05T11:50:00", symbols=["ETHUSDT"]))
        self.assertIn("missing 0", out)
        for kind in KINDS:
            last = self.ids_at(kind, grid.us("2024-03-05T11:50:00") // 1000 - 1, "ETHUSDT")
            first = min(self.truth(kind, 0, last, "ETHUSDT"))
            self.assertGreater(self.assert_equal(self.root, kind, first, last, symbol="ETHUSDT"), 1000)

    def test_few_trades_and_none_at_all(self):
        self.start_exchange("--quiet-symbol", "ETHUSDT", trades_per_minute=1)
        since, until = "2024-03-05T06:00:00", "2024-03-05T11:00:00"
        out, err = self.finish(self.backfill("--what", "trade,agg_trade", "--since", since, "--until", until))
        total = 0
        for kind in KINDS:
            first, last = (self.ids_at(kind, grid.us(time) // 1000 - 1) for time in (since, until))
            total += self.assert_equal(self.root, kind, first + 1, last)
            self.assertEqual(self.stored(self.root, kind, "ETHUSDT"), {})
        self.assertGreater(total, 100)
        self.assertIn(f"wanted {total:,}, stored {total:,}, explained 0, missing 0", out)
        out, err = self.finish(self.backfill("--what", "trade", "--since", since, "--until", until, symbols=["ETHUSDT"]))
        self.assertIn("wanted 0", out)
        self.assertIn("nothing lies in the range", err)

    def test_tombstones_are_no_rows_and_leave_no_hole(self):
        self.start_exchange(trades_per_minute=self.DENSE)
        since, until = "2024-03-05T11:50:00", "2024-03-05T11:55:00"
        first, last = (self.ids_at("agg_trade", grid.us(time) // 1000 - 1) for time in (since, until))
        first += 1
        struck = [*range(first, first + 3), *range(first + 700, first + 1705), last]
        for begin, end in ((struck[0], struck[2]), (struck[3], struck[-2]), (last, last)):
            self.exchange.fault("agg-tombstone", from_id=begin, to_id=end)
        out, _ = self.finish(self.backfill("--what", "agg_trade", "--since", since, "--until", until, symbols=["BTCUSDT"]))
        self.assertIn("missing 0", out)
        self.assert_equal(self.root, "agg_trade", first, last, lacking=set(struck))

    def test_a_host_without_historical_trades_leaves_the_gap_open_and_says_so(self):
        self.start_exchange(trades_per_minute=self.DENSE)
        self.exchange.fault("http-status", status=404, endpoint=KINDS["trade"][3], count=-1)
        since, until = "2024-03-05T11:50:00", "2024-03-05T11:55:00"
        out, err = self.finish(self.backfill("--what", "trade,agg_trade", "--since", since, "--until", until,
                                             symbols=["BTCUSDT"]), 1)
        self.assertIn("(not all could be counted yet)", out)
        self.assertRegex(err, "BTCUSDT trade: .*this host has no historicalTrades")
        first, last = (self.ids_at("agg_trade", grid.us(time) // 1000 - 1) for time in (since, until))
        self.assert_equal(self.root, "agg_trade", first + 1, last)
        self.assertEqual(self.stored(self.root, "trade"), {})
        _, out, _ = self.look("status", "--json", "--all")
        status = json.loads(out)
        self.assertEqual([(one["symbol"], one["ticks"], one["kind"]) for one in status["troubles"]],
                         [("BTCUSDT", "trade", "refused")])
        self.assertIn("this host has no historicalTrades", json.dumps(status["findings"]))

    def look(self, *arguments):
        process = self.command(*arguments, "--data", "data")
        out, err = process.communicate(timeout=wait.PATIENCE_S)
        return process.returncode, out, err

    def test_what_cannot_be_is_refused_with_what_is_accepted(self):
        self.start_exchange()
        for arguments, text in ((("--what", "depth"), "accepted: kline, trade, agg_trade"), (("--what", ","), "names nothing"),
                                (("--what", "trade", "--interval", "1m"), "--interval is about bars")):
            _, err = self.finish(self.backfill(*arguments), 2)
            self.assertIn(text, err)


class LiveBeside(History):
    """History and streams of the same symbol at once."""

    def running(self, kinds=("trade", "agg_trade"), since="2024-03-05T11:45:00Z", exchange=None, **keys):
        self.start_exchange(trades_per_minute=self.DENSE, **(exchange or {}))
        return self.feeder(start=since, realtime={"stream_type": list(kinds)}, aggregate={"from": "1m", "to": "1h"},
                           timeframe="1m", **keys).start().wait_ready()

    def wait_complete(self, feeder, kind, since="2024-03-05T11:45:00", seconds=wait.PATIENCE_S):
        """Every id from there to that of now, as the exchange has it but for the stream's milliseconds."""
        newest, first = self.ids_at(kind, self.exchange.now_us() // 1000), self.ids_at(kind, grid.us(since) // 1000 - 1) + 1
        state = {}

        def complete():
            feeder.alive()
            found = state["found"] = self.stored(feeder.root, kind)
            return len(found) == max(found, default=0) - first + 1 and max(found) >= newest and found
        found = wait.until(lambda: f"every {kind}: {len(state.get('found', ()))} of {newest - first + 1}; {feeder.tail()}",
                           complete, seconds, every=1)
        truth = self.truth(kind, first, max(found))
        self.assertEqual(sorted(found), sorted(truth))
        inexact = 0
        for one, row in found.items():
            self.assertEqual((row[:2], row[3:]), (truth[one][:2], truth[one][3:]), one)
            self.assertIn(row[2], (truth[one][2], truth[one][2] // 1_000_000 * 1_000_000), one)
            inexact += row[2] != truth[one][2]
        self.assertLess(inexact, len(found) / 2, "history comes in microseconds")
        return found

    def known(self, feeder):
        found = [one for one in feeder.status()["buckets"] if one.get("kind") in KINDS]
        return len(found) == len(KINDS) and all(one["missing"] == 0 for one in found)

    def wait_known(self, feeder):
        """The ledger is written after the store: what it does not know yet when all ends is fetched again, as it should."""
        wait.until(lambda: f"the ledger to know what is stored: {feeder.status()['buckets']}", lambda: self.known(feeder))

    def sources(self, feeder, kind):
        ledger = sqlite3.connect(f"file:{feeder.state}/ledger.db?mode=ro", uri=True, timeout=wait.PATIENCE_S)
        try:
            return collections.Counter(row[0] for row in ledger.execute(
                "SELECT source FROM tick_ids JOIN tick_buckets ON id = bucket WHERE kind = ?", (KINDS[kind][0],)))
        finally:
            ledger.close()

    def test_history_and_stream_meet_without_a_hole(self):
        feeder = self.running()
        for kind in KINDS:
            self.wait_complete(feeder, kind)
        self.wait_known(feeder)
        self.assertEqual(set(self.sources(feeder, "trade")), {"rest", "stream"})
        self.assert_no_limit_broken()

    def test_killed_in_the_middle_and_started_again(self):
        feeder = self.running(since="2024-03-05T11:00:00Z")
        for kind in ("backfill", "writer", "stream", "backfill", "writer"):
            begun = self.requests_of("trade")
            wait.until(lambda kind=kind: f"some pages before the {kind} is killed; {feeder.tail()}",
                       lambda begun=begun: self.requests_of("trade") > begun + 5 or (begun > 0 and self.known(feeder)))
            feeder.kill(kind)
        self.assertEqual(feeder.stop(), 0)
        feeder.start().wait_ready()
        for kind in KINDS:
            self.wait_complete(feeder, kind, "2024-03-05T11:00:00")
        self.assert_no_limit_broken()

        # Nothing that is covered is asked for again.
        self.wait_known(feeder)
        self.assertEqual(feeder.stop(), 0)
        before = {kind: self.requests_of(kind) for kind in KINDS}
        feeder.start().wait_ready()
        for kind in KINDS:
            self.wait_complete(feeder, kind, "2024-03-05T11:00:00")
            self.assertLess(self.requests_of(kind) - before[kind], 10)

    def test_what_a_host_without_historical_trades_cannot_repair_stays_open(self):
        self.start_exchange(trades_per_minute=self.DENSE)
        self.exchange.fault("http-status", status=404, endpoint=KINDS["trade"][3], count=-1)
        feeder = self.feeder(realtime={"stream_type": ["trade", "agg_trade"]}, backfill={"enabled": False}).start().wait_ready()
        wait.until("trades", lambda: len(self.stored(feeder.root, "trade")) > 20)
        for stream in ("@trade", "@aggTrade"):
            self.exchange.fault("event-lost", stream=stream, count=3)

        def gaps():
            return [gap for gap in feeder.status()["gaps"] if gap.get("kind") == "trade" and "no historicalTrades" in gap["evidence"]]
        found = wait.until(lambda: f"the gap to be refused; {feeder.tail()}", gaps)
        self.assertEqual(found[0]["state"], "open")
        wait.until("aggregates to be repaired", lambda: sum(
            one["missing"] for one in feeder.status()["buckets"] if one.get("kind") == "agg_trade") == 0)
        text = feeder.run("status", "--data", str(feeder.data), check=False)[1]
        self.assertRegex(text, "(?s)Needs attention.*BTCUSDT trade: .*this host has no historicalTrades.*endpoints.rest")

    def test_after_a_lost_ledger_what_is_stored_is_looked_at_and_not_fetched_again(self):
        since = "2024-03-05T11:15:00"
        feeder = self.running(since=since + "Z")
        for kind in KINDS:
            self.wait_complete(feeder, kind, since)
        self.assertEqual(feeder.stop(), 0)
        for path in feeder.state.glob("ledger.db*"):
            path.unlink()
        before = {kind: self.requests_of(kind) for kind in KINDS}
        feeder.start().wait_ready()
        for kind in KINDS:
            self.wait_complete(feeder, kind, since)
            # Where the history begins is searched for, and the seconds while it was away are fetched.
            self.assertLess(self.requests_of(kind) - before[kind], before[kind] / 2, before)
            self.assertIn("adopted", self.sources(feeder, kind))

    def test_refused_for_a_while_it_goes_on_by_itself(self):
        feeder = self.running()
        wait.until("some pages", lambda: self.requests_of("trade") > 3)
        self.exchange.fault("http-status", status=429, retry_after=3, endpoint=KINDS["trade"][3])
        self.exchange.fault("http-status", status=429, retry_after=3, endpoint=KINDS["agg_trade"][3])
        for kind in KINDS:
            self.wait_complete(feeder, kind)


if __name__ == "__main__":
    import unittest
    unittest.main()
