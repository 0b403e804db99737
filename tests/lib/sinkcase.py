# SPDX-License-Identifier: Apache-2.0
"""`store.type: server` as statements, for any server that speaks MarketStore's RPC: ours (tests/scenario) and the stock
one (tests/interop). The oracle is the exchange's ledger; the server is read over its RPC."""

import os
import time

from tests.lib import interval as grid
from tests.lib import remote, wait


class SinkCase:
    """Mixed into a Scenario; new_server() starts one."""

    START = "2024-03-05T12:00:00Z"
    HISTORY = "2024-03-05T09:00:00"

    def setUp(self):
        super().setUp()
        self.server = self.new_server()

    def tearDown(self):
        self.server.stop()  # before its directory goes: it writes there as it ends
        super().tearDown()

    def sink_feeder(self, **keys):
        keys.setdefault("start", self.HISTORY)
        return self.feeder(store={"type": "server", "url": self.server.url}, **keys)

    def wait_stored(self, feeder, interval="1m", symbols=None, start=None, end_us=None, seconds=wait.PATIENCE_S, single=False):
        start_us = grid.us(start or self.HISTORY)
        end_us = end_us or self.last_closed_us(interval, self.exchange.now_us() - 1)
        state = {}

        def equal():
            feeder.alive()
            for symbol in symbols or self.SYMBOLS:
                state[symbol] = remote.against_ledger(self.exchange, self.server.url, symbol, interval, start_us, end_us,
                                                      single)
                if not state[symbol].equal:
                    return False
            return True
        wait.until(lambda: "server and ledger to be equal: " +
                   "; ".join(f"{symbol}: {one}" for symbol, one in state.items()) + "; " + feeder.tail(), equal, seconds,
                   every=0.5)
        return sum(one.rows for one in state.values())

    # ---- statements ----

    def test_history_and_live_bars_of_mapped_timeframes_too(self):
        self.start_exchange()
        feeder = self.sink_feeder(timeframe=["1m", "3m", "4h", "1d"], start="2024-02-20").start()
        for interval in ("1m", "3m", "4h", "1d"):
            rows = self.wait_stored(feeder, interval, start="2024-02-20")
            self.assertGreater(rows, 10)
        bucket = {one["bucket"]: one for one in feeder.status()["buckets"]}["BTCUSDT/2H/OHLCV_4H"]
        self.assertEqual(bucket["missing"], 0)
        self.assertEqual(feeder.stop(), 0)

    def test_an_old_feeder_s_bucket_goes_on_in_its_own_columns(self):
        self.start_exchange()
        columns = [(name, "f4") for name in ("Open", "Close", "High", "Low", "Volume")]
        names = [remote.FULL.index(name) for name, _ in columns]
        old = self.exchange.bars("BTCUSDT", "1m", grid.us("2024-03-05T10:00:00"), grid.us("2024-03-05T10:59:00"))
        remote.write(self.server.url, "BTCUSDT/1Min/OHLCV", columns,
                     [(open_us // 1000000, [float(bar[i]) for i in names]) for open_us, bar in sorted(old.items())])
        feeder = self.sink_feeder(symbols=["BTCUSDT"]).start()
        self.wait_stored(feeder, symbols=["BTCUSDT"], single=True)
        self.assertIn("60 bars that the ledger did not know", feeder.log_path.read_text())
        self.assertEqual(remote.rows(self.server.url, "BTCUSDT/1Min/OHLCV")[0], tuple(name for name, _ in columns))
        self.assertEqual(feeder.stop(), 0)

    def test_a_bucket_of_other_columns_is_refused_with_both_schemas(self):
        self.start_exchange()
        remote.write(self.server.url, "BTCUSDT/1Min/OHLCV", [("Bid", "f8"), ("Ask", "f8")], [(1709600000, (1.0, 2.0))])
        feeder = self.sink_feeder().start()
        self.wait_stored(feeder, symbols=["ETHUSDT"])
        wait.until("the refusal; " + feeder.tail(), lambda: "the store has columns Bid" in feeder.log_path.read_text())
        text = feeder.log_path.read_text()
        self.assertIn("the store has columns Bid f8, Ask f8", text)
        self.assertIn("accepted are Open f8, High f8", text)
        self.assertEqual(len(remote.rows(self.server.url, "BTCUSDT/1Min/OHLCV")[1]), 1)
        self.assertEqual(feeder.stop(), 0)

    def test_a_bucket_made_anew_in_another_order_of_columns_is_filled_again(self):
        self.start_exchange()
        feeder = self.sink_feeder(symbols=["BTCUSDT"]).start()
        self.wait_stored(feeder, symbols=["BTCUSDT"])
        # The server would take our order for the bucket's, and put every value into a wrong column.
        columns = [(name, "i8" if name == "Trades" else "f8") for name in reversed(remote.FULL)]
        key = "BTCUSDT/1Min/OHLCV"
        remote.call(self.server.url, "Destroy", requests=[{"key": key}])
        remote.write(self.server.url, key, columns, [(1709600000 // 60 * 60, (1,) * len(columns))])
        wait.until("the change to be noticed; " + feeder.tail(),
                   lambda: "has other columns than before" in feeder.log_path.read_text())
        self.wait_stored(feeder, symbols=["BTCUSDT"])
        self.assertEqual(remote.rows(self.server.url, key)[0], tuple(name for name, _ in columns))
        self.assertEqual(feeder.stop(), 0)

    def test_a_server_killed_midway_loses_nothing(self):
        self.start_exchange()
        feeder = self.sink_feeder(start="2024-02-25").start()
        for _ in range(3):
            time.sleep(3)
            self.server.kill()
            time.sleep(0.5)
            self.server.start()
        self.wait_stored(feeder, start="2024-02-25")
        self.assertEqual(feeder.stop(), 0)

    def test_a_writer_killed_midway_loses_nothing(self):
        self.start_exchange()
        feeder = self.sink_feeder(start="2024-02-25").start()
        for _ in range(3):
            time.sleep(2)
            feeder.kill("writer")
        self.wait_stored(feeder, start="2024-02-25")
        self.assertEqual(feeder.stop(), 0)

    def test_a_server_that_is_away_is_waited_for(self):
        self.start_exchange()
        feeder = self.sink_feeder().start()
        self.wait_stored(feeder)
        self.server.stop()
        status = wait.until("the status to say so", lambda: self.away_status(feeder))
        self.assertIn("unreachable since", " ".join(one["what"] for one in status["findings"]))
        writer = feeder.children("writer")[0]["pid"]
        used = self.cpu_s(writer)
        time.sleep(5)  # five minutes of the exchange
        self.assertLess(self.cpu_s(writer) - used, 2, "what waits is not asked for again all the time")
        wait.until("bars to wait in the spool", lambda: feeder.status()["spool"]["batches"] > 2)
        self.server.start()
        self.wait_stored(feeder)
        wait.until("the status to be well again", lambda: feeder.status()["store"]["unreachable_since"] is None)
        wait.until("the spool to be empty", lambda: feeder.status()["spool"]["batches"] <= 4)
        self.assertEqual(feeder.stop(), 0)

    @staticmethod
    def cpu_s(pid):
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @staticmethod
    def away_status(feeder):
        status = feeder.status()
        return status if status["store"]["unreachable_since"] else None

    def test_a_feeder_that_starts_and_ends_without_its_server(self):
        self.start_exchange()
        self.server.stop()
        feeder = self.sink_feeder().start()
        wait.until("the status to say so", lambda: self.away_status(feeder))
        time.sleep(3)
        self.assertEqual(feeder.stop(), 0)
        self.server.start()
        feeder.start()
        self.wait_stored(feeder)
        self.assertEqual(feeder.stop(), 0)

    def test_first_of_january_is_said_to_be_unstorable(self):
        self.start_exchange()
        feeder = self.sink_feeder(timeframe="1d", start="2023-12-25", symbols=["BTCUSDT"]).start()
        new_year = grid.us("2024-01-01")
        wait.until(lambda: "history; " + feeder.tail(),
                   lambda: [one for one in feeder.status()["buckets"] if one["missing"] == 0 and one["rows"] > 60])
        bucket = feeder.status()["buckets"][0]
        self.assertEqual(bucket["explained"], {"unstorable": 1})
        found = remote.rows(self.server.url, "BTCUSDT/1D/OHLCV")[1]
        self.assertNotIn(new_year, found)
        truth = self.exchange.bars("BTCUSDT", "1d", grid.us("2023-12-25"), grid.us("2024-03-03"))
        del truth[new_year]
        self.assertEqual(sorted(truth), sorted(time_us for time_us in found if time_us <= grid.us("2024-03-03")))
        self.assertEqual(feeder.stop(), 0)


