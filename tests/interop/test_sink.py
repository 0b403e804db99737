# SPDX-License-Identifier: Apache-2.0
"""The sink's whole matrix against the stock server: where it differs from our small one, this fails."""

import unittest

from tests.lib import servers
from tests.lib.case import Scenario
from tests.lib.quirkcase import QuirkCase
from tests.lib.sinkcase import SinkCase
from tests.lib.ticksinkcase import TickSinkCase


@unittest.skipIf(servers.stock_program() is None, "no stock server: marketstore is not on PATH and MARKETSTORE is not set")
class StockSink(SinkCase, Scenario):
    def new_server(self):
        root = self.directory / "root"
        root.mkdir()
        return servers.Stock(self.directory / "server", root)


@unittest.skipIf(servers.stock_program() is None, "no stock server: marketstore is not on PATH and MARKETSTORE is not set")
class StockTicks(QuirkCase, TickSinkCase, Scenario):
    def new_server(self):
        root = self.directory / "root"
        root.mkdir()
        return servers.Stock(self.directory / "server", root)
