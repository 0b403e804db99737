# SPDX-License-Identifier: Apache-2.0
"""The commands a newcomer types, without a configuration file."""

import csv
import errno
import io
import json
import os
import pathlib
import signal
import subprocess

from tests.lib import compare, wait
from tests.lib import interval as grid
from tests.lib.case import BUILD, Scenario


class OneShot(Scenario):
    SPEED = 1

    def command(self, *arguments):
        program = BUILD / "bin" / "binancefeeder"
        environment = {"PATH": "/usr/bin:/bin", "BINANCEFEEDER_ENDPOINTS_REST": self.exchange.rest_url,
                       "BINANCEFEEDER_ENDPOINTS_STREAM": self.exchange.stream_url}
        return subprocess.Popen([str(program), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                cwd=self.directory, env=environment)

    def finish(self, process, seconds=2 * wait.PATIENCE_S):
        out, err = process.communicate(timeout=seconds)
        return process.returncode, out, err

    def backfill(self, *more):
        return self.command("backfill", "BTCUSDT", "ETHUSDT", "--interval", "1m", "--data", "./binance-data", *more)

    def assert_equal_to_ledger(self, start):
        for symbol in ("BTCUSDT", "ETHUSDT"):
            now_us = self.exchange.now_us()
            result = compare.against_ledger(self.exchange, self.directory / "binance-data" / "marketstore", symbol, "1m",
                                            grid.us(start), now_us - 10 * grid.MINUTE)
            self.assertTrue(result.equal, str(result))

    def test_backfill_is_complete_and_says_so(self):
        self.start_exchange()
        code, out, err = self.finish(self.backfill("--since", "2024-03-01"))
        self.assertEqual(code, 0, err + out)
        self.assertRegex(out.splitlines()[-1], r"wanted.*stored.*explained.*missing")
        self.assert_equal_to_ledger("2024-03-01T00:00:00")

    def test_interrupted_it_stops_cleanly_and_goes_on(self):
        self.start_exchange()
        # What is asked for later waits, so that there is something to interrupt, however late that comes.
        self.exchange.fault("slow-answer", endpoint="/api/v3/klines", after=60, count=-1, seconds=20)
        process = self.backfill("--since", "2023-10-01")
        wait.until("rows", lambda: self.exchange.requests()["klines_requests"] > 60)
        process.send_signal(signal.SIGINT)
        code, out, err = self.finish(process)
        self.exchange.clear_faults()
        self.assertNotEqual(code, 0, out + err)
        code, out, err = self.finish(self.backfill("--since", "2023-10-01"))
        self.assertEqual(code, 0, err + out)
        self.assert_equal_to_ledger("2023-10-01T00:00:00")
        repeated = {}
        for window in self.exchange.windows():
            key = window["symbol"], window["start"], window["end"]
            repeated[key] = repeated.get(key, 0) + 1
        # A job that was cut off is fetched again; what was complete is not.
        self.assertLess(sum(count - 1 for count in repeated.values()), 200)

    def test_an_unknown_symbol_is_an_error_with_its_name(self):
        self.start_exchange()
        code, out, err = self.finish(self.command("backfill", "NOSUCHUSDT", "--interval", "1m", "--since", "2024-03-01"))
        self.assertEqual(code, 1)
        self.assertIn("NOSUCHUSDT", err + out)

    def test_a_span_counts_back_from_the_exchange_s_clock(self):
        self.start_exchange()
        began_us = self.exchange.now_us()
        code, out, err = self.finish(self.command("backfill", "BTCUSDT", "--since", "2h", "--data", "a place"))
        self.assertEqual(code, 0, err + out)
        self.assertRegex(err, r"by the exchange's clock, 20.* by this host's: --since 2h is counted from the exchange's")
        self.assertIn("query BTCUSDT/1m --last 5 --data '", err)
        result = compare.against_ledger(self.exchange, self.directory / "a place" / "marketstore", "BTCUSDT", "1m",
                                        began_us - 118 * grid.MINUTE, began_us - 2 * grid.MINUTE)
        self.assertTrue(result.equal, str(result))
        self.assertRegex(out, r"^wanted 1[12]\d, ")
        # A date is one by any clock.
        code, out, err = self.finish(self.command("backfill", "BTCUSDT", "--since", "2024-03-05", "--data", "a place"))
        self.assertNotIn("this host's", err)

    def test_query_prints_what_was_stored(self):
        self.start_exchange()
        self.finish(self.backfill("--since", "2024-03-04"))
        code, out, err = self.finish(self.command("query", "BTCUSDT/1m", "--start", "2024-03-04T10:00", "--end",
                                                  "2024-03-04T10:09", "--csv", "--data", "./binance-data"))
        self.assertEqual(code, 0, err)
        rows = list(csv.DictReader(io.StringIO(out)))
        truth = self.exchange.bars("BTCUSDT", "1m", grid.us("2024-03-04T10:00:00"), grid.us("2024-03-04T10:09:00"))
        self.assertEqual([float(row["Close"]) for row in rows], [float(values[3]) for values in truth.values()])
        code, out, err = self.finish(self.command("query", "BTCUSDT/1Min/OHLCV", "--last", "3", "--json", "--data",
                                                  "./binance-data"))
        self.assertEqual(len(json.loads(out)), 3)

    def test_what_a_newcomer_gets_wrong_is_explained(self):
        self.start_exchange()
        for arguments, words in (
                (("backfill",), "SYMBOL"),
                (("backfill", "../x", "--interval", "1m"), "../x"),
                (("backfill", "BTCUSDT", "--interval", "7m"), "1s 1m 3m"),
                (("backfill", "BTCUSDT", "--since", "yesterday"), "yesterday"),
                (("backfill", "all"), "symbols: all"),
                (("backfill", "BTCUSDT", "--data", "/dev/null/x"), "/dev/null/x/binancefeeder.log cannot be written: Not a "),
                (("query", "BTCUSDT"), "BTCUSDT/1m"),
                (("nonsense",), "nonsense"),
                (("run", "--config", "absent.yml"), "absent.yml")):
            code, out, err = self.finish(self.command(*arguments))
            self.assertIn(code, (2, 78, 1), arguments)
            self.assertIn(words, err + out, arguments)
            self.assertLess(len(err.splitlines()), 20, arguments)


class EarlyStop(Scenario):
    """A stop that comes while the configuration is read. That is held up by a pipe in its place: whoever opens it for
    writing knows that the command has begun to read it."""

    def stopped_while_reading(self, *more):
        self.start_exchange()
        feeder = self.feeder()
        text = feeder.config_path.read_text()
        feeder.config_path.unlink()
        os.mkfifo(feeder.config_path)
        process = subprocess.Popen([str(feeder.program), "run", *more, "--config", str(feeder.config_path)],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=self.directory)
        self.addCleanup(lambda: process.poll() is None and process.kill())
        for which in range(2):
            with open(self.reader_of(process, feeder.config_path), "w") as pipe:
                if which == 0:
                    wait.until("the pipe to be open", lambda: self.has_open(process, feeder.config_path))
                    process.send_signal(signal.SIGTERM)
                pipe.write(text)
            # A second writer must not feed the first reader.
            wait.until("the pipe to be closed", lambda: not self.has_open(process, feeder.config_path))
        errors = process.communicate(timeout=wait.PATIENCE_S)[1]
        self.assertEqual(process.returncode, 0, errors)

    def reader_of(self, process, path):
        """The pipe, opened for writing once somebody has opened it for reading."""
        def try_open():
            if process.poll() is not None:
                raise AssertionError(f"it ended with {process.returncode}")
            try:
                return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            except OSError as error:
                self.assertEqual(error.errno, errno.ENXIO)
                return None
        return wait.until("the configuration to be opened", try_open)

    @staticmethod
    def has_open(process, path):
        for fd in pathlib.Path(f"/proc/{process.pid}/fd").glob("*"):
            try:
                if fd.readlink() == path:
                    return True
            except OSError:
                pass  # closed meanwhile
        return False

    # The command reads it, then the supervisor.
    def test_without_a_screen(self):
        self.stopped_while_reading("--plain")

    def test_with_a_screen(self):
        self.stopped_while_reading("--screen")
