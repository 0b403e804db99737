# SPDX-License-Identifier: Apache-2.0
"""A MarketStore's mkts.yml with our block, beside the stock server that it configures."""

import unittest

from tests.lib import servers
from tests.lib.case import Scenario
from tests.lib.mktscase import MktsCase


@unittest.skipIf(servers.stock_program() is None, "no stock server: marketstore is not on PATH and MARKETSTORE is not set")
class StockMkts(MktsCase, Scenario):
    def new_server(self):
        return servers.Stock(self.directory / "server", self.root())

    def test_a_server_at_work_is_noticed_whatever_its_port(self):
        feeder = self.mkts_feeder()
        text = feeder.config_path.read_text().replace(f"listen_port: {self.server.port}", f"listen_port: {servers.free_port()}")
        feeder.config_path.write_text(text)
        feeder.start()
        self.assert_noticed(feeder, f"(pid {self.server.process.pid}) is at work on")
        feeder.stop()
