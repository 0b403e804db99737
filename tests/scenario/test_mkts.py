# SPDX-License-Identifier: Apache-2.0
"""A MarketStore's mkts.yml with our block, beside our own small server."""

from tests.lib import servers
from tests.lib.case import Scenario
from tests.lib.mktscase import MktsCase


class SmallMkts(MktsCase, Scenario):
    def new_server(self):
        return servers.Small(self.directory / "server")
