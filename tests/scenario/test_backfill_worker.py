# SPDX-License-Identifier: Apache-2.0
"""One backfill worker alone, against the exchange's REST: what it hands to the writer, whatever REST does."""

import contextlib
import datetime
import http.server
import json
import subprocess
import threading
import urllib.request

from tests.lib import wait
from tests.lib.case import BUILD, Scenario

MS = 1000
DAY_MS = 86_400_000


def ms(text):
    return int(datetime.datetime.fromisoformat(text + "+00:00").timestamp() * 1000)


class Run:
    """What tests/support/jobs printed."""

    def __init__(self, code, out, log):
        self.code, self.log = code, log
        lines = [line.split(" ") for line in out.splitlines()]
        self.bars = [(int(f[1]), (*f[3:8], f[8], f[9], f[10], f[11])) for f in lines if f[0] == "kline"]
        self.ends = [[int(n) for n in f[1:]] for f in lines if f[0] == "end"]
        self.failed = [(int(f[1]), " ".join(f[2:])) for f in lines if f[0] == "failed"]
        self.symbols = {f[1]: f[2:] for f in lines if f[0] == "symbol"}
        self.listings = {f[1]: int(f[2]) for f in lines if f[0] == "listing"}
        self.trades = [(int(f[1]), int(f[2]), *f[3:6]) for f in lines if f[0] == "trade"]
        self.aggs = [(int(f[1]), int(f[4]), f[5], f[6], int(f[2]), int(f[3]), f[7]) for f in lines if f[0] == "aggtrade"]
        self.pages = [tuple(int(n) for n in f[1:4]) for f in lines if f[0] == "idpage"]
        self.rows_of_pages = self.count_rows(lines)

    @staticmethod
    def count_rows(lines):
        """(rows a page promises, ids that follow it) of each page of ids."""
        pages = []
        for fields in lines:
            if fields[0] == "idpage":
                pages.append((int(fields[5]), []))
            elif fields[0] in ("trade", "aggtrade"):
                pages[-1][1].append(int(fields[1]))
        return pages


class OneWorker(Scenario):
    START = "2024-02-01T00:00:30Z"
    SPEED = 1

    def jobs(self, *jobs, rest=None, flags=()):
        command = [str(BUILD / "tests/support/jobs"), "--worker", str(BUILD / "libexec/binancefeeder/backfill"), "--rest",
                   rest or self.exchange.rest_url, *flags, *jobs]
        done = subprocess.run(command, capture_output=True, text=True, timeout=wait.PATIENCE_S, check=False)
        return Run(done.returncode, done.stdout, done.stderr)


class BackfillWorker(OneWorker):
    FROM, TO = ms("2024-01-30"), ms("2024-01-31T16:00")  # 2,400 minutes: two and a half pages
    LONG_FROM = ms("2024-01-15")  # 24,000 minutes before TO: more chunks than may be unacknowledged

    def klines(self, interval="1m", start=FROM, end=TO, rows=1000):
        return f"klines:BTCUSDT:{interval}:{start}:{end}:{rows}"

    def assert_equals_ledger(self, run, interval="1m", start=FROM, end=TO):
        self.assertEqual(run.code, 0, run.log)
        self.assertEqual(run.failed, [], run.log)
        truth = self.exchange.bars("BTCUSDT", interval, start * MS, end * MS - 1)
        opens = [open_us for open_us, _ in run.bars]
        self.assertEqual(opens, sorted(set(opens)), "in order, none twice")
        self.assertEqual(opens, sorted(truth))
        for open_us, values in run.bars:
            self.assertEqual([float(v) for v in values], [float(v) for v in truth[open_us]])

    def test_bars_of_every_interval_equal_the_ledger(self):
        self.start_exchange()
        for name, days in (("1s", 0.05), ("1m", 2), ("3m", 4), ("5m", 4), ("15m", 9), ("30m", 9), ("1h", 9), ("2h", 9),
                           ("4h", 9), ("6h", 9), ("8h", 9), ("12h", 9), ("1d", 40), ("3d", 40), ("1w", 60), ("1M", 90)):
            with self.subTest(interval=name):
                start = ms("2024-01-31") - int(days * DAY_MS)
                end = ms("2024-01-31")
                self.assert_equals_ledger(self.jobs(self.klines(name, start, end, 7 if days > 2 else 1000)), name, start, end)

    def test_a_bar_that_forms_is_not_handed_over(self):
        self.start_exchange()
        run = self.jobs(self.klines(end=ms("2024-02-02")), self.klines("1d", ms("2024-01-30"), ms("2024-02-05")))
        self.assertEqual(run.code, 0, run.log)
        now_us = self.exchange.now_us()
        self.assertLessEqual(max(open_us for open_us, _ in run.bars), now_us - 60_000_000)
        self.assertEqual(run.ends[1][2], ms("2024-02-01") * MS)

    def test_troubles_of_rest_cost_time_and_no_bar(self):
        self.start_exchange()
        for fault in ({"fault": "short-page", "value": 10}, {"fault": "empty-page"}, {"fault": "truncated-body"},
                      {"fault": "not-json"}, {"fault": "empty-body"}, {"fault": "wrong-content"}, {"fault": "deep-json"},
                      {"fault": "gzip-bomb"}, {"fault": "oversized-body"}, {"fault": "rest-reset"},
                      {"fault": "accept-reset"}, {"fault": "slow-answer", "seconds": 2},
                      {"fault": "http-status", "status": 500, "count": 2},
                      {"fault": "http-status", "status": 429, "retry_after": 2},
                      {"fault": "http-status", "status": 418, "retry_after": 2}):
            with self.subTest(**fault):
                if fault["fault"] != "accept-reset":
                    fault["endpoint"] = "/api/v3/klines"
                name = fault.pop("fault")
                self.exchange.fault(name, **fault)
                self.assert_equals_ledger(self.jobs(self.klines()))
        # Of two requests under way one brings a ban; the other, already sent, runs into it.
        self.assertLessEqual(self.exchange.requests()["violations"], 2)

    def test_a_hole_is_answered_and_asked_for_twice(self):
        self.start_exchange()
        self.exchange.fault("hole", **{"from": ms("2024-01-30T02:00"), "to": ms("2024-01-31T10:00")})
        run = self.jobs(self.klines())
        self.assert_equals_ledger(run)
        self.assertEqual(len(run.bars), 2400 - 32 * 60)
        self.assertEqual(run.ends[0][2], self.TO * MS)
        run = self.jobs(self.klines(start=ms("2024-01-30T03:00"), end=ms("2024-01-31T09:00")))
        self.assertEqual(run.ends[0], [0, run.ends[0][1], ms("2024-01-31T09:00") * MS])

    def test_catalogue_and_listings(self):
        self.start_exchange(listed=["ETHUSDT=2024-01-10T03:00"])
        self.exchange.fault("info-cjk")
        run = self.jobs("catalog", "listing:ETHUSDT:1m", "listing:NOPE:1m", "klines:NOPE:1m:1706572800000:1706659200000:10")
        self.assertEqual(run.code, 0, run.log)
        self.assertEqual(run.symbols, {"BTCUSDT": ["BTC", "USDT", "1"], "ETHUSDT": ["ETH", "USDT", "1"]})
        self.assertIn("1 of 3 symbols are skipped", run.log)
        self.assertEqual(run.listings, {"ETHUSDT": ms("2024-01-10T03:00") * MS})
        self.assertEqual([number for number, _ in run.failed], [3, 3])

    def test_jobs_that_make_no_sense_are_refused(self):
        self.start_exchange()
        run = self.jobs(self.klines(rows=1001), self.klines(rows=0), self.klines(start=self.TO), "klines:BTC-USDT:1m:1:2:3")
        self.assertEqual([number for number, _ in run.failed], [2, 2, 2, 2], run.log)

    def test_a_writer_that_acknowledges_nothing(self):
        self.start_exchange()
        run = self.jobs(self.klines(), flags=("--stall",))
        self.assertEqual((run.code, run.failed[0][0]), (0, 4), run.log)
        run = self.jobs(self.klines(), flags=("--stall", "--revoke-after-ms", "500"))
        self.assertEqual(run.code, 0, run.log)
        self.assertIn("was revoked", run.log)

    def test_a_new_writer_gives_the_job_out_again(self):
        self.start_exchange()
        run = self.jobs(self.klines(start=self.LONG_FROM), flags=("--stall", "--renew-after-ms", "500"))
        self.assertEqual((run.code, len(run.ends), run.ends[0][0]), (0, 1, 24000), run.log)
        self.assertIn("the writer is gone", run.log)

    def test_a_worker_that_is_to_end_gives_its_job_back_at_once(self):
        self.start_exchange()
        run = self.jobs(self.klines(start=self.LONG_FROM), flags=("--stall", "--drain-after-ms", "300"))
        self.assertEqual((run.code, run.failed), (0, [(5, "stopped")]), run.log)

    def test_an_exchange_that_cannot_be_reached_is_explained_once(self):
        self.start_exchange()
        run = self.jobs(self.klines(), rest="http://127.0.0.1:9")
        self.assertEqual((run.code, run.failed[0][0]), (0, 1), run.log)
        explained = [line for line in run.log.splitlines() if "cannot be reached" in line]
        self.assertEqual(len(explained), 1, run.log)
        for cure in ("endpoints.proxy", "https://data-api.binance.vision", "wss://data-stream.binance.vision"):
            self.assertIn(cure, explained[0])

    def test_only_the_exchange_itself_is_believed(self):
        self.start_exchange("--tls-port", "0", "--cert-dir", str(self.directory))
        url, trust = f"https://localhost:{self.exchange.tls_port}", ("--ca-file", str(self.directory / "ca.pem"))
        self.assert_equals_ledger(self.jobs(self.klines(), rest=url, flags=trust))
        self.exchange.fault("tls-wrong-host", count=100)
        for flags in (trust, ()):
            run = self.jobs(self.klines(), rest=url, flags=flags)
            self.assertEqual((run.bars, run.failed[0][0]), ([], 1), run.log)
            self.assertIn("is not trusted", run.log)

    def test_a_proxy_is_used_when_it_is_named(self):
        self.start_exchange("--tls-port", "0", "--cert-dir", str(self.directory), "--proxy")
        run = self.jobs(self.klines(), rest=f"https://localhost:{self.exchange.tls_port}",
                        flags=("--ca-file", str(self.directory / "ca.pem"), "--proxy", self.exchange.rest_url))
        self.assert_equals_ledger(run)
        run = self.jobs(self.klines(), flags=("--proxy", "http://127.0.0.1:9"))
        self.assertEqual(run.failed[0][0], 1, run.log)


class Between:
    """A server in front of the exchange that changes answers on their way: change(path) -> body."""

    def __init__(self, change):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = change(self.path)
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with contextlib.suppress(ConnectionError):  # a request that became void
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)

    def __enter__(self):
        self.thread.start()
        return self.url

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class BackfillTicks(OneWorker):
    """Trades and aggregate trades: by id, or by time while the ids are not known."""

    FROM, TO = "2024-01-31T00:00", "2024-01-31T05:00"
    KINDS = ("trades", "aggtrades")
    ENDPOINTS = {"trades": "/api/v3/historicalTrades", "aggtrades": "/api/v3/aggTrades"}

    def job(self, kind, first=-1, last=-1, start="1970-01-01", end="1970-01-01", rows=1000, symbol="BTCUSDT"):
        return f"{kind}:{symbol}:{first}:{last}:{ms(start)}:{ms(end)}:{rows}"

    def ids_at(self, text, symbol="BTCUSDT"):
        """The last trade and aggregate at or before a time."""
        ids = self.exchange.json(f"/ledger/ids?symbol={symbol}&time={ms(text)}")
        return {"trades": ids["trade"], "aggtrades": ids["agg"]}

    def truth(self, kind, first, last, symbol="BTCUSDT"):
        """Rows as Run has them, to the microsecond."""
        lines = self.exchange.get(f"/ledger/{kind}?symbol={symbol}&fromId={first}&toId={last}").decode().splitlines()
        if first > last:
            return []
        fields = [line.split(",") for line in lines if line[:1].isdigit()]
        if kind == "trades":
            return [(int(f[0]), int(f[3]), f[1], f[2], f[4]) for f in fields]
        return [(int(f[0]), int(f[5]), f[1], f[2], int(f[3]), int(f[4]), f[6]) for f in fields]

    def assert_ids(self, run, kind, first, last, lacking=(), symbol="BTCUSDT"):
        """Exactly the ledger's rows of [first, last], on pages that speak for all of it, none twice."""
        self.assertEqual((run.code, run.failed), (0, []), run.log)
        rows = run.trades if kind == "trades" else run.aggs
        truth = [row for row in self.truth(kind, first, last, symbol) if row[0] not in lacking]
        self.assertEqual(rows, truth)
        for rows_promised, ids in run.rows_of_pages:
            self.assertEqual(len(ids), rows_promised)
        answered = first
        for page_first, page_last, newest in run.pages:
            self.assertEqual(page_first, answered)
            self.assertGreaterEqual(newest, page_last)
            answered = page_last + 1
        self.assertEqual(answered, max(first, last + 1))

    def test_rows_by_id_equal_the_ledger(self):
        self.start_exchange()
        for kind in self.KINDS:
            first = self.ids_at(self.FROM)[kind]
            for count, rows in ((1, 1000), (1, 1), (1000, 1000), (2345, 1000), (50, 7)):
                with self.subTest(kind=kind, count=count, rows=rows):
                    run = self.jobs(self.job(kind, first, first + count - 1, rows=rows))
                    self.assert_ids(run, kind, first, first + count - 1)
                    self.assertEqual(len(run.pages), -(-count // rows))
                    self.assertEqual(run.ends[0][2], (run.trades or run.aggs)[-1][1] + 1)

    def test_ids_of_a_range_of_time_are_found(self):
        self.start_exchange()
        for kind in self.KINDS:
            before, last = self.ids_at(self.FROM)[kind], self.ids_at(self.TO)[kind]
            run = self.jobs(self.job(kind, start=self.FROM, end=self.TO))
            self.assert_ids(run, kind, before + 1, last)
            self.assertEqual(run.ends[0][2], ms(self.TO) * MS)
            run = self.jobs(self.job(kind, last=last - 5, start=self.FROM, end=self.TO))
            self.assert_ids(run, kind, before + 1, last - 5)

    def test_a_range_that_begins_before_the_first_trade(self):
        self.start_exchange(listed=["ETHUSDT=2024-01-31T03:00"])
        for kind in self.KINDS:
            run = self.jobs(self.job(kind, start=self.FROM, end=self.TO, symbol="ETHUSDT"))
            self.assert_ids(run, kind, 1, self.ids_at(self.TO, "ETHUSDT")[kind], symbol="ETHUSDT")
            self.assertEqual(run.ends[0][2], ms(self.TO) * MS)
            run = self.jobs(self.job(kind, start=self.FROM, end="2024-01-31T03:00", symbol="ETHUSDT"))
            self.assertEqual((run.code, run.pages), (0, [(1, 0, run.pages[0][2])]), run.log)
            self.assertEqual(run.ends[0][2], ms("2024-01-31T03:00") * MS)

    def test_a_symbol_that_nobody_trades(self):
        self.start_exchange("--quiet-symbol", "ETHUSDT")
        for kind in self.KINDS:
            run = self.jobs(self.job(kind, start=self.FROM, end=self.TO, symbol="ETHUSDT"), self.job(kind, first=1, symbol="ETHUSDT"))
            self.assertEqual((run.code, run.failed), (0, []), run.log)
            self.assertEqual(run.pages, [(0, -1, -1), (1, 0, -1)])
            self.assertEqual([end[0] for end in run.ends], [0, 0])

    def test_an_open_end_is_the_newest(self):
        self.start_exchange(speed=0)
        for kind in self.KINDS:
            newest = self.ids_at("2024-02-01T00:00:30")[kind]
            run = self.jobs(self.job(kind, newest - 1500))
            self.assert_ids(run, kind, newest - 1500, newest)
            self.assertEqual(run.pages[-1][2], newest)
            run = self.jobs(self.job(kind, newest + 1))
            self.assertEqual((run.code, run.pages), (0, [(newest + 1, newest, newest)]), run.log)
            run = self.jobs(self.job(kind, start="2024-01-31T23:00", end="2024-02-02"))
            self.assert_ids(run, kind, self.ids_at("2024-01-31T23:00")[kind] + 1, newest)

    def test_ids_that_are_not_yet_given_out(self):
        self.start_exchange(speed=0)
        for kind in self.KINDS:
            newest = self.ids_at("2024-02-01T00:00:30")[kind]
            run = self.jobs(self.job(kind, newest - 9, newest + 5000))
            self.assertEqual(run.pages[-1], (newest + 1, newest, newest), "nothing there, said after a second question")
            self.assert_ids(run, kind, newest - 9, newest)

    def test_tombstones_keep_the_chain(self):
        self.start_exchange()
        before, last = self.ids_at(self.FROM), self.ids_at(self.TO)
        first = before["aggtrades"] + 1
        self.exchange.fault("agg-tombstone", from_id=first, to_id=first + 1)
        self.exchange.fault("agg-tombstone", from_id=last["aggtrades"] + 1, to_id=last["aggtrades"] + 1)
        run = self.jobs(self.job("aggtrades", first, first + 9))
        self.assertEqual([row[0] for row in run.aggs], list(range(first, first + 10)), run.log)
        self.assertEqual([float(row[2]) for row in run.aggs[:2]], [0, 0])
        self.assertEqual([row[4:6] for row in run.aggs[:2]], [(-1, -1), (-1, -1)])
        # Trades are found by the aggregates behind them.
        run = self.jobs(self.job("trades", start=self.FROM, end=self.TO))
        alive, behind = self.truth("aggtrades", first + 2, first + 2)[0], self.truth("aggtrades", last["aggtrades"] + 2, last["aggtrades"] + 2)[0]
        self.assert_ids(run, "trades", alive[4], behind[4] - 1)

    def test_troubles_of_rest_cost_time_and_no_row(self):
        self.start_exchange()
        ids = self.ids_at(self.FROM)
        for kind in self.KINDS:
            for fault in ({"fault": "short-page", "value": 10}, {"fault": "empty-page"}, {"fault": "truncated-body"},
                          {"fault": "not-json"}, {"fault": "empty-body"}, {"fault": "wrong-content"}, {"fault": "deep-json"},
                          {"fault": "gzip-bomb"}, {"fault": "oversized-body"}, {"fault": "rest-reset"},
                          {"fault": "http-status", "status": 500, "count": 2},
                          {"fault": "http-status", "status": 429, "retry_after": 2},
                          {"fault": "http-status", "status": 418, "retry_after": 2}):
                with self.subTest(kind=kind, **fault):
                    name = fault.pop("fault")
                    self.exchange.fault(name, endpoint=self.ENDPOINTS[kind], **fault)
                    self.assert_ids(self.jobs(self.job(kind, ids[kind], ids[kind] + 2499)), kind, ids[kind], ids[kind] + 2499)
        self.assertLessEqual(self.exchange.requests()["violations"], 4)

    def test_a_search_outlives_troubles_too(self):
        self.start_exchange()
        before, last = self.ids_at(self.FROM), self.ids_at(self.TO)
        for fault in ("empty-page", "not-json", "rest-reset"):
            with self.subTest(fault=fault):
                self.exchange.fault(fault, endpoint=self.ENDPOINTS["aggtrades"])
                run = self.jobs(self.job("trades", start=self.FROM, end=self.TO))
                self.assert_ids(run, "trades", before["trades"] + 1, last["trades"])

    def strike(self, ids, times):
        """Takes each of `ids` out of its next answers."""
        left = dict.fromkeys(ids, times)

        def change(path):
            if not path.startswith(tuple(self.ENDPOINTS.values())):
                return self.exchange.get(path)
            # As the exchange does: what is missing leaves room for rows behind it.
            path, limit = path.split("&limit=")
            kept = []
            asked = urllib.request.Request(self.exchange.rest_url + path + "&limit=1000",
                                           headers={"X-MBX-TIME-UNIT": "MICROSECOND"})
            with urllib.request.urlopen(asked, timeout=wait.PATIENCE_S) as answer:
                rows = json.load(answer)
            for row in rows:
                if len(kept) == int(limit):
                    break
                number = row.get("id", row.get("a"))
                if left.get(number, 0) > 0:
                    left[number] -= 1
                else:
                    kept.append(row)
            return json.dumps(kept).encode()

        return Between(change)

    def test_an_id_that_a_page_lacks_is_asked_for_once_more(self):
        self.start_exchange()
        for kind in self.KINDS:
            first = self.ids_at(self.FROM)[kind]
            lacking = (first, first + 70, first + 71, first + 150, first + 299)
            for times, lost in ((1, ()), (100, lacking)):
                with self.subTest(kind=kind, times=times), self.strike(lacking, times) as url:
                    run = self.jobs(self.job(kind, first, first + 299, rows=100), rest=url)
                    self.assert_ids(run, kind, first, first + 299, lost)

    def test_jobs_that_make_no_sense_are_refused(self):
        self.start_exchange()
        run = self.jobs(self.job("trades", 1, 5, rows=1001), self.job("trades", 1, 5, rows=0), self.job("trades", 5, 4),
                        self.job("trades", -2, 4), self.job("aggtrades", 5, -2), self.job("aggtrades"),
                        self.job("aggtrades", 1, 5, symbol="BTC-USDT"))
        self.assertEqual([number for number, _ in run.failed], [2] * 7, run.log)
        run = self.jobs(self.job("trades", 1, 5, symbol="NOPE"), self.job("aggtrades", start=self.FROM, end=self.TO, symbol="NOPE"))
        self.assertEqual([number for number, _ in run.failed], [3, 3], run.log)

    def test_a_host_without_historical_trades_says_so(self):
        self.start_exchange()
        data_api = f"http://data-api.localhost:{self.exchange.port}"
        for status, rest in ((404, None), (404, data_api), (403, data_api)):
            with self.subTest(status=status, rest=rest):
                self.exchange.fault("http-status", status=status, endpoint=self.ENDPOINTS["trades"])
                run = self.jobs(self.job("trades", 1, 5), self.job("aggtrades", 1, 5), rest=rest)
                self.assertEqual([number for number, _ in run.failed], [2], run.log)
                self.assertIn("this host has no historicalTrades", run.failed[0][1])
                self.assertEqual(len(run.aggs), 5, "and no ban for anything else")

    def test_a_writer_that_acknowledges_nothing_or_is_new_or_takes_the_job_away(self):
        self.start_exchange()
        for kind in self.KINDS:
            first = self.ids_at(self.FROM)[kind] - 30000
            job = self.job(kind, first, first + 29999)
            self.assert_ids(self.jobs(job), kind, first, first + 29999)  # more chunks than may be unacknowledged
            run = self.jobs(job, flags=("--stall",))
            self.assertEqual((run.code, run.failed[0][0]), (0, 4), run.log)
            run = self.jobs(job, flags=("--stall", "--revoke-after-ms", "300"))
            self.assertEqual(run.code, 0, run.log)
            self.assertIn("was revoked", run.log)
            run = self.jobs(job, flags=("--stall", "--renew-after-ms", "300"))
            self.assertEqual((run.code, len(run.ends), run.ends[0][0]), (0, 1, 30000), run.log)
            run = self.jobs(job, flags=("--stall", "--drain-after-ms", "300"))
            self.assertEqual((run.code, run.failed), (0, [(5, "stopped")]), run.log)

    def test_a_job_that_is_taken_away_leaves_nothing_to_the_next(self):
        self.start_exchange()
        for kind in self.KINDS:
            first = self.ids_at(self.FROM)[kind]
            self.exchange.fault("slow-answer", seconds=5, count=2, endpoint=self.ENDPOINTS[kind])
            run = self.jobs(self.job(kind, first - 5000, first - 1), self.job(kind, first, first + 9),
                            flags=("--revoke-after-ms", "1000"))
            self.assertIn("was revoked", run.log)
            self.assert_ids(run, kind, first, first + 9)
