# SPDX-License-Identifier: Apache-2.0
"""Ticks with `store.type: server` as statements, for any server that speaks MarketStore's RPC: ours (tests/scenario) and
the stock one (tests/interop). The oracle is the exchange's ledger; the server is read over its RPC."""

import collections
import shutil
import sqlite3
import subprocess

from tests.lib import interval as grid
from tests.lib import remote, ticks, wait
from tests.lib.case import BUILD

ID = {"TRADE": "TradeId", "AGGTRADE": "AggId", "QUOTE": "UpdateId", "DEPTH": "UpdateId"}
LEDGER = {"TRADE": "trades", "AGGTRADE": "aggtrades"}


def key_of_change(row):
    return row["UpdateId"], row["Side"], row["Price"]


class TickSinkCase:
    """Mixed into a Scenario; new_server() starts one."""

    START = "2024-03-05T12:00:00Z"
    SPEED = 1
    SYMBOLS = ("BTCUSDT",)

    def setUp(self):
        super().setUp()
        self.server = self.new_server()

    def tearDown(self):
        self.server.stop()
        super().tearDown()

    def running(self, stream_type, exchange=None, **keys):
        if self.exchange is None:
            self.start_exchange(**(exchange or {"trades_per_minute": 2000}))
        realtime = {"stream_type": stream_type, "update_freq": "1000ms"}
        keys.setdefault("backfill", {"enabled": False})
        return self.feeder(store={"type": "server", "url": self.server.url}, realtime=realtime,
                           depth={"levels": 5, "diffs": True}, **keys).start().wait_ready()

    def let_pass(self, seconds):
        begun = self.exchange.now_us()
        wait.until(f"{seconds} seconds of the exchange", lambda: self.exchange.now_us() > begun + seconds * 1_000_000)

    def stored(self, group, symbol=None):
        return remote.ticks(self.server.url, f"{symbol or self.SYMBOLS[0]}/1Sec/{group}")

    def doubled_gaps(self, feeder):
        ledger = sqlite3.connect(f"file:{feeder.state}/ledger.db?mode=ro", uri=True, timeout=wait.PATIENCE_S)
        try:
            return ledger.execute("SELECT kind, first_id, gap.last_id, evidence FROM tick_gaps gap JOIN tick_buckets ON id ="
                                  " bucket WHERE gap.state = 'doubled'").fetchall()
        finally:
            ledger.close()

    def wait_ids_complete(self, feeder, group="TRADE", symbol=None, seconds=wait.PATIENCE_S, doubles=False, since_id=None):
        """From the first stored id to the newest of a moment ago: every id, with the exchange's own values, once
        (`doubles`: or as often as the server made of it)."""
        newest_us = self.exchange.now_us()
        name, state = ID[group], {}

        def complete():
            feeder.alive()
            try:
                state["rows"] = rows = self.stored(group, symbol)
            except remote.RemoteError as error:
                if "snappy: corrupt input" not in str(error):  # a stock server that reads what it just writes
                    raise
                return False
            known = {row[name] for row in rows}
            if not rows or max(row["Time"] for row in rows) < newest_us * 1000 - 3_000_000_000:
                return False
            return (doubles or len(known) == len(rows)) and len(known) == max(known) - (since_id or min(known)) + 1

        wait.until(lambda: f"every id of {group}: {self.hole([row[name] for row in state['rows']])}; {feeder.tail()}",
                   complete, seconds, every=1)
        rows = {row[name]: row for row in state["rows"]}
        path = f"/ledger/{LEDGER[group]}?symbol={symbol or self.SYMBOLS[0]}&fromId={min(rows)}&toId={max(rows)}"
        truth = {int(line.split(",")[0]): line.split(",") for line in self.exchange.get(path).decode().splitlines()
                 if line[:1].isdigit()}
        for one, row in rows.items():
            _, price, size, *_, time_us, maker = truth[one]
            self.assertEqual((row["Price"], row["Size"], row["BuyerMaker"]), (float(price), float(size), int(maker)))
            # The stream tells milliseconds, REST microseconds.
            self.assertIn(row["Time"], (int(time_us) // 1000 * 1_000_000, int(time_us) * 1000))
        return state["rows"]

    @staticmethod
    def hole(ids):
        known = set(ids)
        missing = [one for one in range(min(known), max(known)) if one not in known] if known else []
        return f"{len(ids)} rows, {len(ids) - len(known)} doubled, {len(missing)} missing (first {missing[:3]})"

    def assert_doubles_recorded(self, feeder, rows):
        times = collections.Counter(row["TradeId"] for row in rows)
        twice = [one for one, count in times.items() if count > 1]

        def unrecorded():
            gaps = [(first, last) for kind, first, last, _ in self.doubled_gaps(feeder) if kind == "TRADE"]
            return [one for one in twice if not any(first <= one <= last for first, last in gaps)]
        wait.until(lambda: f"doubled rows {unrecorded()[:3]} to be recorded; {feeder.tail()}", lambda: not unrecorded())
        # Not resent: every row that is there twice is so by the server's doing, the same to the last byte.
        self.assertEqual(len({tuple(sorted(row.items())) for row in rows}), len(times))

    # ---- statements ----

    def test_ticks_of_all_kinds_arrive_once_and_right_to_the_microsecond(self):
        feeder = self.running(["trade", "agg_trade", "book_ticker", "depth"])
        self.let_pass(12)
        for group, count in (("DEPTH", 6), ("QUOTE", 6), ("DEPTHDIFF", 30)):
            wait.until(lambda group=group: f"some rows of {group}; {feeder.tail()}", lambda group=group, count=count: len(
                {row["UpdateId"] for row in self.stored(group)}) >= count, every=1)
        rows = self.wait_ids_complete(feeder)
        self.assertEqual({(ticks.text(row["Exchange"]), ticks.text(row["Tape"])) for row in rows}, {("BINANCE", "SPOT")})
        self.assertTrue(all(row["RecvTime"] > 0 for row in rows))
        self.wait_ids_complete(feeder, "AGGTRADE")
        self.assertEqual(feeder.stop(), 0)
        for group in ("DEPTH", "QUOTE"):
            rows = self.stored(group)
            ids = [row["UpdateId"] for row in rows]
            self.assertGreater(len(ids), 5)
            self.assertEqual(len(ids), len(set(ids)), group)
        quotes = {int(line[0]): line for line in self.exchange.rows("quotes", "BTCUSDT", fromId=ids[0], toId=ids[-1])}
        for row in self.stored("QUOTE"):
            self.assertEqual(tuple(row[name] for name in ("BidPrice", "BidSize", "AskPrice", "AskSize")),
                             tuple(float(one) for one in quotes[row["UpdateId"]][1:5]))
        self.assert_books(feeder)

    def assert_books(self, feeder):
        changes = self.stored("DEPTHDIFF")
        self.assertEqual(len({key_of_change(row) for row in changes}), len(changes))
        compared = 0
        for update_id, book in ticks.books_by_update(changes):
            bid, _, ask, _ = book.best()
            if bid is None:
                continue
            compared += 1
            if compared % 10:
                continue
            truth = self.exchange.json(f"/ledger/depth?symbol=BTCUSDT&at={update_id}&limit=5")
            self.assertEqual((bid, ask), (float(truth["bids"][0][0]), float(truth["asks"][0][0])), update_id)
        self.assertGreater(compared, 20)

    def test_history_by_id_and_a_hole_in_the_stream_are_filled_behind_what_is_there(self):
        feeder = self.running(["trade"], start="2024-03-05T11:55:00",
                              backfill={"enabled": True, "data": ["trade"], "source": "rest"})
        self.let_pass(5)
        self.exchange.fault("event-lost", stream="@trade", count=40)
        self.let_pass(6)
        first = int(self.exchange.rows("trades", "BTCUSDT", startTime=grid.us("2024-03-05T11:55:00") // 1000,
                                       limit=1)[0][0])
        rows = self.wait_ids_complete(feeder, since_id=first)
        self.assertEqual(min(row["TradeId"] for row in rows), first)
        self.assertEqual(rows, sorted(rows, key=lambda row: row["Time"]))
        self.assertEqual(feeder.stop(), 0)

    def test_a_killed_server_loses_nothing_and_what_it_doubles_is_recorded(self):
        feeder = self.running(["trade", "depth"])
        for _ in range(2):
            self.let_pass(6)
            wait.until(lambda: f"rows in its log; {feeder.tail()}", lambda: self.stored("TRADE"), every=1)
            self.server.kill()
            self.server.start()
        self.let_pass(8)
        rows = self.wait_ids_complete(feeder, doubles=True)
        known = {row["TradeId"] for row in rows}
        self.assertGreater(len(rows), len(known), "a server that was killed replays its log")
        self.assert_doubles_recorded(feeder, rows)
        self.assertEqual(feeder.stop(), 0)

    def test_a_killed_writer_sends_nothing_twice(self):
        feeder = self.running(["trade", "depth"])
        for _ in range(3):
            self.let_pass(4)
            feeder.kill("writer")
        self.let_pass(6)
        self.wait_ids_complete(feeder)
        changes = self.stored("DEPTHDIFF")
        self.assertEqual(len({key_of_change(row) for row in changes}), len(changes))
        self.assertEqual(feeder.stop(), 0)

    def test_while_the_server_is_away_the_spool_takes_it_and_drains_in_order(self):
        feeder = self.running(["trade"])
        self.let_pass(5)
        self.server.stop()
        wait.until("the status to say so", lambda: feeder.status()["store"]["unreachable_since"])
        self.let_pass(12)
        wait.until("batches to wait", lambda: feeder.status()["spool"]["batches"] > 2)
        waiting = feeder.status()["spool"]["batches"]
        self.server.start()
        self.assert_doubles_recorded(feeder, self.wait_ids_complete(feeder, doubles=True))
        wait.until("the spool to be drained", lambda: feeder.status()["spool"]["batches"] < waiting / 2)
        self.assertEqual(feeder.stop(), 0)

    def test_rows_that_the_server_has_already_count_as_covered(self):
        feeder = self.running(["trade"], start="2024-03-05T11:59:50",
                              backfill={"enabled": True, "data": ["trade"], "source": "rest"})
        self.let_pass(6)
        before = self.wait_ids_complete(feeder)
        self.assertEqual(feeder.stop(), 0)
        shutil.rmtree(feeder.state)
        feeder.start().wait_ready()
        self.let_pass(6)
        self.wait_ids_complete(feeder, since_id=min(row["TradeId"] for row in before))
        self.assertIn("rows that the ledger did not know", feeder.log_path.read_text())
        self.assertEqual(feeder.stop(), 0)

    def test_an_old_feeder_s_bucket_goes_on_in_its_own_columns(self):
        self.start_exchange(trades_per_minute=2000)
        columns = [("Price", "f8"), ("Size", "f8"), ("Exchange", "U16"), ("Tape", "U16"), ("Nanoseconds", "i4")]
        text = [one.encode("utf-32-le").ljust(64, b"\0") for one in ("BINANCE", "SPOT")]
        remote.write(self.server.url, "BTCUSDT/1Sec/TRADE", columns, [(1709600000, (1.5, 2.0, *text, 1000))], True)
        feeder = self.running(["trade"])
        for _ in range(2):
            self.let_pass(5)
            feeder.kill("writer")
        self.let_pass(6)
        wait.until("some trades", lambda: len(self.stored("TRADE")) > 102, every=1)
        self.assertEqual(feeder.stop(), 0)
        rows = self.stored("TRADE")
        self.assertEqual(set(rows[0]), {"Price", "Size", "Exchange", "Tape", "Time"})
        self.assertEqual(rows[0]["Time"], 1709600000_000001000)
        got = [(row["Time"], row["Price"], row["Size"]) for row in rows[1:]]
        truth = [(int(line[3]) // 1000 * 1_000_000, float(line[1]), float(line[2]))
                 for line in self.exchange.rows("trades", "BTCUSDT", startTime=got[0][0] // 1_000_000)]
        self.assertGreater(len(got), 100)
        within = [one for one in truth if one[0] < got[-1][0]]
        self.assertEqual(sorted(one for one in got if one[0] < got[-1][0]), sorted(within)[-len(got):])

    def test_a_bucket_of_other_columns_is_refused_with_both_schemas(self):
        self.start_exchange(trades_per_minute=2000)
        columns = [("Price", "f8"), ("Size", "i4"), ("Cond1", "u1"), ("Nanoseconds", "i4")]
        remote.write(self.server.url, "BTCUSDT/1Sec/TRADE", columns, [(1709600000, (1.5, 2, 3, 0))], True)
        feeder = self.running(["trade", "agg_trade"])
        self.let_pass(6)
        self.wait_ids_complete(feeder, "AGGTRADE")
        wait.until("the refusal; " + feeder.tail(), lambda: "the store has columns Price" in feeder.log_path.read_text())
        text = feeder.log_path.read_text()
        self.assertIn("the store has columns Price f8, Size i4, Cond1 u1", text)
        self.assertIn("accepted are Price f8, Size f8, Exchange U16, Tape U16, TradeId i8", text)
        self.assertEqual(len(self.stored("TRADE")), 1)
        self.assertEqual(feeder.stop(), 0)

    def test_a_one_shot_backfill_of_aggregate_trades_brings_each_once_and_a_second_run_nothing(self):
        self.start_exchange(trades_per_minute=2000)
        since, until = "2024-03-05T11:50:00", "2024-03-05T11:58:00"
        environment = {"PATH": "/usr/bin:/bin", "BINANCEFEEDER_ENDPOINTS_REST": self.exchange.rest_url,
                       "BINANCEFEEDER_STORE_TYPE": "server", "BINANCEFEEDER_STORE_URL": self.server.url}
        command = [str(BUILD / "bin" / "binancefeeder"), "backfill", "BTCUSDT", "--what", "agg_trade", "--since", since,
                   "--until", until, "--data", "./one-shot", "--plain"]
        truth = {int(line[0]): line for line in self.exchange.rows(
            "aggtrades", "BTCUSDT", startTime=grid.us(since) // 1000, endTime=grid.us(until) // 1000 - 1)}
        self.assertGreater(len(truth), 1000)
        for _ in range(2):
            done = subprocess.run(command, capture_output=True, text=True, cwd=self.directory, env=environment,
                                  timeout=wait.PATIENCE_S, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            rows = self.stored("AGGTRADE")
            self.assertEqual([row["AggId"] for row in rows], sorted(truth))
            for row in rows:
                line = truth[row["AggId"]]
                self.assertEqual((row["Price"], row["Size"], row["FirstId"], row["LastId"], row["Time"]),
                                 (float(line[1]), float(line[2]), int(line[3]), int(line[4]), int(line[5]) * 1000))
