# SPDX-License-Identifier: Apache-2.0
"""`query` with `store.type: server` against the stock server: where it differs from our small one, this fails. And
against a stock server on a tree that the feeder wrote, where 1 January of daily bars is."""

import unittest

from tests.lib import servers
from tests.lib.querycase import BUILD, QueryCase


@unittest.skipIf(servers.stock_program() is None, "no stock server: marketstore is not on PATH and MARKETSTORE is not set")
class StockQuery(QueryCase, unittest.TestCase):
    @classmethod
    def new_server(cls, directory):
        root = cls.directory / "root"
        root.mkdir()
        return servers.Stock(directory, root)

    def test_the_first_of_january_in_a_tree_of_ours(self):
        tree = self.directory / "new-year"
        day = 86_400_000_000
        servers.make_store(BUILD, tree, [f"BTCUSDT 1d {1_703_980_800_000_000 + i * day} 1 2 0.5 {1 + i} 9 9 9 9 9"
                                         for i in range(-3, 4)])
        stock = servers.Stock(self.directory / "on-tree", tree)
        self.addCleanup(stock.stop)
        for name, store in (("files-tree", f"root_directory: {tree}"), ("server-tree", f"type: server\n  url: {stock.url}")):
            (self.directory / f"{name}.yml").write_text(
                f"symbols: [BTCUSDT]\ndata_directory: {self.directory}/{name}\nstore:\n  {store}\n")
        for arguments in ((), ("--start", "2024-01-01"), ("--start", "2024-01-01", "--first", "2"),
                          ("--start", "2024-01-01", "--last", "9"), ("--start", "2024-01-01", "--end", "2024-01-01"),
                          ("--start", "2023-12-31", "--last", "3"), ("--start", "2024-01-01T12:00")):
            with self.subTest(arguments=arguments):
                wanted = self.query("files-tree", "BTCUSDT/1d", "--csv", *arguments)
                self.assertEqual(self.query("server-tree", "BTCUSDT/1d", "--csv", *arguments), wanted)
                self.assertIn("\n2024-01-01T00:00:00Z", wanted[1])


if __name__ == "__main__":
    unittest.main()
