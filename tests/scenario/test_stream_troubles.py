# SPDX-License-Identifier: Apache-2.0
"""The WebSocket misbehaves: every closed bar is in the store all the same, once and with the right values."""

from tests.lib import interval as grid
from tests.lib import wait
from tests.lib.case import Scenario

START = "2024-03-05T10:00:00Z"
FROM = "2024-03-05T10:00:00"


class StreamTroubles(Scenario):
    def running(self, **options):
        self.start_exchange(**options)
        feeder = self.feeder(start=START).start().wait_ready()
        self.wait_equal(feeder, start=FROM)
        return feeder

    def let_pass(self, minutes):
        begun = self.exchange.now_us()
        wait.until(f"{minutes} minutes of the exchange", lambda: self.exchange.now_us() > begun + minutes * grid.MINUTE)

    def survives(self, *names, minutes=6, seconds=wait.PATIENCE_S, **parameters):
        feeder = self.running()
        for name in names:
            self.exchange.fault(name, **parameters)
            self.let_pass(minutes)
        self.wait_equal(feeder, start=FROM, seconds=seconds)
        wait.until("a worker for each symbol", lambda: len(feeder.children("stream")) == len(self.SYMBOLS))
        hits = self.exchange.json("/control/faults")["hits"]
        self.assertEqual(set(names) - hits.keys(), set(), "faults that never came to pass")
        return feeder

    def test_reconnect_storm(self):
        self.survives("ws-close", "ws-reset", "ws-close", "ws-reset", minutes=2, count=-1, for_ms=2000)
        opened = self.exchange.requests()["connections"]
        self.assertLess(opened, 100)

    def test_refused_handshakes(self):
        feeder = self.running()
        self.exchange.fault("ws-refuse", count=4)
        self.exchange.fault("ws-close", count=2)
        self.let_pass(8)
        self.wait_equal(feeder, start=FROM)

    def test_server_shutdown_loses_nothing(self):
        self.survives("ws-shutdown", "ws-shutdown")

    def test_malformed_frames(self):
        feeder = self.survives("ws-truncated", "ws-garbage", "ws-bad-utf8", "ws-deep-json", "ws-nan", "ws-huge-number",
                               "ws-wrong-types", "ws-duplicate-keys", "ws-binary", "ws-empty", "ws-oversized", minutes=1)
        wait.until("malformed frames to be counted", lambda: sum(
            child["malformed"] for child in feeder.status()["children"]) > 0)

    def test_fragments_and_single_bytes(self):
        self.survives("ws-fragment", "ws-drip", minutes=2)

    def test_a_missed_close_is_noticed_and_fetched(self):
        self.survives("bar-missed", "bar-missed", minutes=3)

    def test_repeated_reordered_and_delayed_closes(self):
        self.survives("bar-repeated", "bar-reordered", minutes=3)

    def test_a_wrong_bar_is_corrected_by_settling(self):
        feeder = self.running()
        self.exchange.fault("bar-wrong", symbol="BTCUSDT")
        self.let_pass(25)
        self.wait_equal(feeder, start=FROM)
        wait.until("the correction to be counted", lambda: any(
            bucket["symbol"] == "BTCUSDT" and bucket["corrected"] >= 1 for bucket in feeder.status()["buckets"]))

    def test_replay_of_the_spool_does_not_undo_settling(self):
        feeder = self.running()
        self.exchange.fault("bar-wrong", symbol="BTCUSDT")
        self.let_pass(20)
        for _ in range(3):
            feeder.kill("writer")
            self.let_pass(2)
        self.wait_equal(feeder, start=FROM)

    def test_a_silent_connection_is_replaced(self):
        feeder = self.running(ping_interval_ms=2000)
        self.exchange.fault("ws-half-open", symbol="BTCUSDT")
        self.let_pass(5)
        self.wait_equal(feeder, start=FROM)

    def test_pings_are_answered_long_before_the_exchange_gives_up(self):
        feeder = self.running(ping_interval_ms=500)
        self.let_pass(6)
        requests = self.exchange.requests()
        self.assertGreater(requests["pongs"], 5)
        self.assertLess(requests["pong_delay_max_ms"], 30_000)  # of a minute; usually at once
        self.wait_equal(feeder, start=FROM)


class Silence(Scenario):
    """A connection that lives but shows no event; of trades, for a halted symbol still has bars. The other symbol's
    events keep the exchange's clock known."""

    def after_silence(self, fault, said):
        """Lets `fault` make one stream silent until the worker has said so; returns how many connections it made."""
        self.start_exchange()
        feeder = self.feeder(realtime={"stream_type": "agg_trade"}, backfill={"enabled": False}).start().wait_ready()
        wait.until(lambda: f"events of each symbol; {feeder.tail()}",  # since when it is silent is the last one's time
                   lambda: all(child["messages"] > 0 for child in feeder.children("stream")))
        opened = self.exchange.requests()["connections"]
        self.exchange.fault(fault, symbol="BTCUSDT")
        wait.until(lambda: f'"{said}"; {feeder.tail()}', lambda: said in feeder.log_path.read_text())
        return opened

    def test_a_connection_that_misses_trades_is_renewed(self):
        opened = self.after_silence("ws-mute", "REST has newer trades: renewing the connection")
        wait.until("the renewal", lambda: self.exchange.requests()["connections"] > opened)

    def test_a_halted_symbol_s_connection_is_left_alone(self):
        opened = self.after_silence("halt", "REST has no newer trades either")
        self.assertEqual(self.exchange.requests()["connections"], opened)
