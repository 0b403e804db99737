# SPDX-License-Identifier: Apache-2.0
"""One backfill worker alone, against the exchange's REST: what it hands to the writer, whatever REST does."""

import datetime
import subprocess

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


class BackfillWorker(Scenario):
    START = "2024-02-01T00:00:30Z"
    SPEED = 1
    FROM, TO = ms("2024-01-30"), ms("2024-01-31T16:00")  # 2,400 minutes: two and a half pages

    def jobs(self, *jobs, rest=None, flags=()):
        command = [str(BUILD / "tests/support/jobs"), "--worker", str(BUILD / "libexec/binancefeeder/backfill"), "--rest",
                   rest or self.exchange.rest_url, *flags, *jobs]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        return Run(done.returncode, done.stdout, done.stderr)

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
        run = self.jobs(self.klines(), flags=("--stall", "--renew-after-ms", "500"))
        self.assertEqual((run.code, len(run.ends), run.ends[0][0]), (0, 1, 2400), run.log)
        self.assertIn("the writer is gone", run.log)

    def test_a_worker_that_is_to_end_gives_its_job_back_at_once(self):
        self.start_exchange()
        run = self.jobs(self.klines(), flags=("--stall", "--drain-after-ms", "300"))
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
