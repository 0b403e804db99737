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

    def serve(self, tree):
        """A stock server on this tree, and configurations for `query` of both."""
        stock = servers.Stock(self.directory / "on-tree", tree)
        self.addCleanup(stock.stop)
        for name, store in (("files-tree", f"root_directory: {tree}"), ("server-tree", f"type: server\n  url: {stock.url}")):
            (self.directory / f"{name}.yml").write_text(
                f"symbols: [BTCUSDT]\ndata_directory: {self.directory}/{name}\nstore:\n  {store}\n")

    def test_ticks_of_all_kinds_in_a_tree_of_ours(self):
        tree, begin = self.directory / "ticks", 1_704_067_199_000_000
        levels = " ".join(f"{100 + i} {7 * i + 1}" for i in range(5))
        lines = [line for i in range(300) for us in (begin + 12_345 * i,) for line in (
            f"t BTCUSDT {us} {i} {900 + i} {100 + i} {5 + i} {i & 1}", f"q BTCUSDT {us} {i} {50 + i} 1 2 3 4",
            f"top BTCUSDT {us} {i} 0 {50 + i} 3 2 {levels}", f"changes BTCUSDT {us} {i} {50 + i} {50 + i} 3 2 {levels}")]
        servers.make_ticks(BUILD, tree, sorted(lines, key=lambda line: line.split()[0]))
        self.serve(tree)
        moment = "2024-01-01T00:00:00.345605000"
        for kind in ("TRADE", "QUOTE", "DEPTH", "DEPTHDIFF"):
            for arguments in (("--csv",), ("--json", "--last", "40"), ("--csv", "--last", "2000"), ("--csv", "--end", moment),
                              ("--csv", "--start", moment), ("--csv", "--start", moment, "--end", moment), ("--table",)):
                with self.subTest(kind=kind, arguments=arguments):
                    wanted = self.query("files-tree", f"BTCUSDT/{kind}", *arguments)
                    self.assertEqual(self.query("server-tree", f"BTCUSDT/{kind}", *arguments), wanted)
                    self.assertGreater(wanted[1].count("\n"), 1)

    def test_the_first_of_january_in_a_tree_of_ours(self):
        tree = self.directory / "new-year"
        day = 86_400_000_000
        servers.make_store(BUILD, tree, [f"BTCUSDT 1d {1_703_980_800_000_000 + i * day} 1 2 0.5 {1 + i} 9 9 9 9 9"
                                         for i in range(-3, 4)])
        self.serve(tree)
        for arguments in ((), ("--start", "2024-01-01"), ("--start", "2024-01-01", "--first", "2"),
                          ("--start", "2024-01-01", "--last", "9"), ("--start", "2024-01-01", "--end", "2024-01-01"),
                          ("--start", "2023-12-31", "--last", "3"), ("--start", "2024-01-01T12:00")):
            with self.subTest(arguments=arguments):
                wanted = self.query("files-tree", "BTCUSDT/1d", "--csv", *arguments)
                self.assertEqual(self.query("server-tree", "BTCUSDT/1d", "--csv", *arguments), wanted)
                self.assertIn("\n2024-01-01T00:00:00Z", wanted[1])


if __name__ == "__main__":
    unittest.main()
