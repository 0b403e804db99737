# SPDX-License-Identifier: Apache-2.0
"""Symbols come and go: by reload, by listing, by the end of their life. The others are not touched."""

from tests.lib import interval as grid
from tests.lib import wait
from tests.lib.case import Scenario

START = "2024-03-05T06:00:00Z"
FROM = "2024-03-05T06:00:00"


class Symbols(Scenario):
    SYMBOLS = ("BTCUSDT", "ETHUSDT", "BNBUSDT")

    def pids(self, feeder):
        return {child["name"]: child["pid"] for child in feeder.children("stream")}

    def test_reload_adds_and_removes_without_touching_the_others(self):
        self.start_exchange()
        feeder = self.feeder(symbols=["BTCUSDT", "ETHUSDT"], start=START).start().wait_ready()
        before = self.pids(feeder)
        feeder.config["symbols"] = ["BTCUSDT", "BNBUSDT"]
        feeder.reload()
        wait.until("the new symbol", lambda: set(self.pids(feeder)) == {"BTCUSDT", "BNBUSDT"})
        self.wait_equal(feeder, start=FROM, symbols=["BTCUSDT", "BNBUSDT"])
        self.assertEqual(self.pids(feeder)["BTCUSDT"], before["BTCUSDT"])

    def test_a_bad_configuration_keeps_the_old_one(self):
        self.start_exchange()
        feeder = self.feeder(symbols=["BTCUSDT"], start=START).start().wait_ready()
        before = self.pids(feeder)
        feeder.config["realtime"]["buffer_size"] = 1
        feeder.reload()
        wait.until("the complaint", lambda: "realtime.buffer_size" in feeder.log_path.read_text())
        self.wait_equal(feeder, start=FROM, symbols=["BTCUSDT"])
        self.assertEqual(self.pids(feeder), before)

    def test_an_unknown_symbol_does_not_hinder_the_others(self):
        self.start_exchange()
        feeder = self.feeder(symbols=["BTCUSDT", "NOSUCHUSDT"], start=START).start()
        self.wait_equal(feeder, start=FROM, symbols=["BTCUSDT"])
        wait.until("the reason to be told", lambda: any(
            bucket["symbol"] == "NOSUCHUSDT" and bucket["why"] for bucket in feeder.status()["buckets"]))

    def test_a_symbol_that_is_listed_while_running(self):
        self.start_exchange(symbols="BTCUSDT,ETHUSDT", listed="ETHUSDT=2024-03-05T12:04:00")
        feeder = self.feeder(symbols=["BTCUSDT", "ETHUSDT"], start=START).start()
        wait.until("the listing", lambda: self.exchange.now_us() > grid.us("2024-03-05T12:12:00"))
        self.wait_equal(feeder, start=FROM, symbols=["BTCUSDT", "ETHUSDT"])

    def test_a_symbol_that_ends_while_running(self):
        self.start_exchange(ends="ETHUSDT=2024-03-05T12:05:00")
        feeder = self.feeder(symbols=["BTCUSDT", "ETHUSDT"], start=START).start().wait_ready()
        wait.until("the end and a while", lambda: self.exchange.now_us() > grid.us("2024-03-05T12:20:00"))
        self.wait_equal(feeder, start=FROM, symbols=["BTCUSDT", "ETHUSDT"])

    def test_one_that_does_not_trade_is_said_so_once_and_has_its_history(self):
        self.start_exchange(symbols="BTCUSDT,OLDUSDT:BREAK", ends="OLDUSDT=2024-03-05T08:00:00")
        feeder = self.feeder(symbols=["BTCUSDT", "OLDUSDT"], start=START).start().wait_ready()
        self.wait_equal(feeder, start=FROM, symbols=["BTCUSDT", "OLDUSDT"])
        said = "OLDUSDT does not trade at present"
        wait.until("the reason to be told", lambda: said in feeder.log_path.read_text())
        feeder.reload()
        wait.until("the reload", lambda: "configuration read again" in feeder.log_path.read_text())
        self.assertEqual(feeder.stop(), 0)
        self.assertEqual(feeder.log_path.read_text().count(said), 1)

    def test_all_symbols_of_a_quote_asset(self):
        self.start_exchange(symbols="BTCUSDT,ETHUSDT,ETHBTC,OLDUSDT:BREAK")
        feeder = self.feeder(start=START, symbols=[], quote_assets=["USDT"])
        feeder.config["symbols"] = "all"
        feeder.write_config()
        feeder.start()
        wait.until("both to stream", lambda: feeder.alive() and set(self.pids_or_none(feeder)) == {"BTCUSDT", "ETHUSDT"})
        self.wait_equal(feeder, start=FROM, symbols=["BTCUSDT", "ETHUSDT"])

    def pids_or_none(self, feeder):
        try:
            return self.pids(feeder)
        except AssertionError:
            return {}


class Instances(Scenario):
    SYMBOLS = ("BTCUSDT",)

    def test_a_second_instance_is_refused_and_the_first_undisturbed(self):
        self.start_exchange()
        first = self.feeder(start=START).start().wait_ready()
        code, _, errors = first.run("run", "--config", str(first.config_path), check=False)
        self.assertEqual(code, 75, errors)
        self.assertIn(str(first.process.pid), errors)
        self.wait_equal(first, start=FROM)
