# SPDX-License-Identifier: Apache-2.0
"""What `query` says of names that are not there: each message shows what is, or the line to type next."""

import os
import pathlib
import shlex
import shutil
import subprocess
import tempfile
import unittest

from tests.lib import servers
from tests.lib.case import BUILD

BARS = ["BTCUSDT 1m 1704067200000000 1 2 0.5 1.5 10 15 3 5 7.5", "ETHUSDT 1h 1704067200000000 1 2 0.5 1.5 10 15 3 5 7.5"]
TICKS = ["a BTCUSDT 1704067200000000 1 1 1 1 100 100 0", "a BNBUSDT 1704067200000000 1 1 1 1 100 100 0"]


class NotThere(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="bf query "))
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        cls.root = cls.directory / "data" / "marketstore"
        servers.make_store(BUILD, cls.root, BARS)
        servers.make_ticks(BUILD, cls.root, TICKS)

    def query(self, bucket, *arguments):
        done = subprocess.run([str(BUILD / "bin" / "binancefeeder"), "query", bucket, *arguments], text=True, timeout=30,
                              capture_output=True, check=False, cwd=self.directory, env={"PATH": "/usr/bin:/bin"})
        self.assertEqual(done.stdout, "")
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        return done.returncode, done.stderr.removeprefix("binancefeeder query: ").rstrip("\n")

    def test_a_misspelt_group_names_all_that_there_are(self):
        for bucket, bars, near in (("BTCUSDT/TRADES", "1s 1m 3m 5m", "BTCUSDT/TRADE"),
                                   ("BTCUSDT/1Sec/AGGTRADES", "OHLCV_<timeframe>", "BTCUSDT/1Sec/AGGTRADE")):
            code, said = self.query(bucket, "--data", "data")
            self.assertEqual(code, 2)
            self.assertIn(bars, said)
            self.assertIn("TRADE AGGTRADE QUOTE DEPTH DEPTHDIFF", said)
            self.assertTrue(said.endswith(f"; did you mean {near}?"), said)

    def test_other_programs_spellings_lead_to_ours(self):
        for bucket, near in (("BTCUSDT/agg_trade", "BTCUSDT/AGGTRADE"), ("BTCUSDT/1min", "BTCUSDT/1Min"),
                             ("BTCUSDT/1hour", None), ("BTCUSDT/trades", "BTCUSDT/TRADE")):
            code, said = self.query(bucket, "--data", "data")
            self.assertEqual(code, 2)
            self.assertEqual(said.endswith(f"; did you mean {near}?"), near is not None, said)
        for bucket in ("BTCUSDT", "BTCUSDT:1m", "BTC/"):
            self.assertIn("BTCUSDT/1m", self.query(bucket, "--data", "data")[1])

    def test_a_symbol_may_be_parted_by_a_slash(self):
        for bucket in ("BTC/USDT/1m", "BTC/USDT/AGGTRADE", "btc/usdt/1Min/OHLCV", "BTC/USDT/1Sec/aggtrade"):
            done = subprocess.run([str(BUILD / "bin" / "binancefeeder"), "query", bucket, "--data", "data", "--csv"],
                                  text=True, timeout=30, capture_output=True, check=False, cwd=self.directory)
            self.assertEqual((done.returncode, done.stdout.count("\n")), (0, 2), done.stderr)

    def test_what_a_symbol_has_is_bars_and_ticks(self):
        for bucket in ("BTCUSDT/4h", "BTCUSDT/QUOTE"):
            self.assertEqual(self.query(bucket, "--data", "data"), (1, f"there is no {bucket} in {self.root}; there "
                                                                       "is BTCUSDT/1m, BTCUSDT/AGGTRADE"))
        self.assertEqual(self.query("BNBUSDT/1m", "--data", "data"),
                         (1, f"there is no BNBUSDT/1m in {self.root}; there is BNBUSDT/AGGTRADE"))

    def test_a_symbol_that_is_not_there_may_be_another_misspelt(self):
        code, said = self.query("BTCUSTD/1m", "--data", "data")
        self.assertEqual(code, 1)
        self.assertIn(f"there is nothing of BTCUSTD in {self.root}; there is ", said)
        for symbol in ("BTCUSDT", "ETHUSDT", "BNBUSDT"):
            self.assertIn(symbol, said)
        self.assertTrue(said.endswith("; did you mean BTCUSDT?"), said)
        self.assertNotIn("did you mean", self.query("ZRXBTC/TRADE", "--data", "data")[1])

    def test_the_line_to_type_means_the_same_instance(self):
        (self.directory / "my file.yml").write_text("symbols: [BTCUSDT]\ndata_directory: other data\n")
        for bucket, what in (("BTCUSDT/1m", "--interval 1m"), ("BTCUSDT/TRADE", "--what trade"),
                             ("BTCUSDT/AGGTRADE", "--what agg_trade")):
            for flags in (["--data", "no where"], ["--data", "nowhere"], ["--config", "my file.yml"]):
                code, said = self.query(bucket, *flags)
                self.assertEqual(code, 1)
                self.assertIn("there is no data in ", said)
                line = said.split("fetch some: ")[1]
                self.assertEqual(shlex.split(line)[1:3], ["backfill", "BTCUSDT"])
                self.assertIn(what, line)
                self.assertEqual(shlex.split(line)[-2:], flags)
        self.assertIn("realtime.stream_type", self.query("BTCUSDT/DEPTH", "--data", "nowhere")[1])

    def test_what_cannot_be_opened_is_named_with_its_whole_path(self):
        os.symlink("elsewhere", self.root / "LINKUSDT")
        self.addCleanup(os.unlink, self.root / "LINKUSDT")
        for bucket in ("LINKUSDT/1m", "LINKUSDT/TRADE"):
            code, said = self.query(bucket, "--data", "data")
            self.assertEqual(code, 1)
            self.assertIn("not a directory", said)
            self.assertTrue(said.endswith(f": {self.root}/LINKUSDT"), said)
        (self.directory / "a file").write_text("")
        code, said = self.query("BTCUSDT/1m", "--data", "a file")
        self.assertEqual(code, 1)
        self.assertTrue(said.endswith(f": {self.directory}/a file/marketstore"), said)


if __name__ == "__main__":
    unittest.main()
