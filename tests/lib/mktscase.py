# SPDX-License-Identifier: Apache-2.0
"""The seed's block in the configuration of a MarketStore that is at work, as statements for any server that speaks its RPC:
ours (tests/scenario) and the stock one (tests/interop)."""

from tests.lib import interval as grid
from tests.lib import remote, wait
from tests.lib.feeder import yaml


class MktsCase:
    """Mixed into a Scenario; new_server() starts one on self.root()."""

    START, FROM = "2024-03-05T12:00:00Z", "2024-03-05T10:00:00"

    def setUp(self):
        super().setUp()
        self.root().mkdir()
        self.server = self.new_server()
        self.start_exchange()

    def tearDown(self):
        self.server.stop()  # before its directory goes: it writes there as it ends
        super().tearDown()

    def root(self):
        return self.directory / "root"

    def mkts_feeder(self, **keys):
        """Its configuration is the server's, with our block."""
        feeder = self.feeder(start=self.FROM, **keys)
        feeder.config_path.write_text(
            f"root_directory: {self.root()}\nlisten_host: 127.0.0.1\nlisten_port: {self.server.port}\ntimezone: UTC\n"
            "log_level: info\nstop_grace_period: 0\nwal_rotate_interval: 5\ntriggers:\n  - module: ondiskagg.so\n"
            "    on: '*/1Min/OHLCV'\n    config:\n      destinations: [5Min, 1H]\nbgworkers:\n"
            "  - module: binancefeeder_v2.so\n    name: BinanceFeederV2\n    config:\n" + yaml(feeder.config, 6) + "\n")
        return feeder

    @staticmethod
    def assert_noticed(feeder, words):
        wait.until(lambda: "it to be noticed; " + feeder.tail(), lambda: words in feeder.log_path.read_text())

    # ---- statements ----

    def test_a_server_at_work_is_noticed_and_the_sink_proposed(self):
        feeder = self.mkts_feeder().start()
        self.assert_noticed(feeder, "set store.type: server")
        self.assertEqual([path.name for path in self.root().glob("*/*/*/*.bin")], [])
        self.assertEqual(list(self.root().glob("BTCUSDT")), [])
        feeder.stop()

    def test_the_same_file_with_the_server_as_store(self):
        feeder = self.mkts_feeder(store={"type": "server"}).start()
        end_us = self.last_closed_us("1m", self.exchange.now_us() - 1)
        start_us = grid.us(self.FROM)
        wait.until(lambda: "the server's rows to be the exchange's; " + feeder.tail(), lambda: all(
            remote.against_ledger(self.exchange, self.server.url, symbol, "1m", start_us, end_us).equal
            for symbol in self.SYMBOLS), every=0.5)
        printed = feeder.run("query", "BTCUSDT/1m", "--csv", "--start", str(start_us // 1_000_000), "--end",
                             str(end_us // 1_000_000), "--config", str(feeder.config_path))[1].splitlines()[1:]
        truth = self.exchange.bars("BTCUSDT", "1m", start_us, end_us)
        self.assertEqual([line.split(",")[0] for line in printed], [grid.text(us) + "Z" * (grid.text(us)[-1] != "Z")
                                                                    for us in sorted(truth)])
        self.assertEqual([[float(cell) for cell in line.split(",")[1:]] for line in printed],
                         [[float(cell) for cell in truth[us]] for us in sorted(truth)])
        self.assertEqual(feeder.stop(), 0)
