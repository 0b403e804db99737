# SPDX-License-Identifier: Apache-2.0
"""The RPC in JSON: the gateway and a stock server on the same tree answer the same."""

import pathlib
import shutil
import tempfile
import unittest

from tests.lib import jsonqueries, servers
from tests.lib.case import BUILD


@unittest.skipIf(servers.stock_program() is None, "no stock server: marketstore is not on PATH and MARKETSTORE is not set")
class JsonOfBoth(unittest.TestCase):
    def test_the_same_words(self):
        directory = pathlib.Path(tempfile.mkdtemp(prefix="bf-json-"))
        self.addCleanup(shutil.rmtree, directory)
        servers.make_store(BUILD, directory / "tree", jsonqueries.lines())
        stock = servers.Stock(directory / "stock", directory / "tree")
        self.addCleanup(stock.stop)
        gateway = servers.Gateway(BUILD, directory / "gateway", directory / "tree")
        self.addCleanup(gateway.stop)
        for what, text in jsonqueries.SAME.items():
            with self.subTest(what=what):
                self.assertEqual(jsonqueries.ask(gateway.url, text), jsonqueries.ask(stock.url, text))


if __name__ == "__main__":
    unittest.main()
