# SPDX-License-Identifier: Apache-2.0
"""MarketStore's RPC in JSON at the gateway: the same answers as in msgpack, under the server's Go names."""

import base64
import json
import pathlib
import shutil
import struct
import tempfile
import unittest

from tests.lib import jsonqueries, remote, servers
from tests.lib.case import BUILD


class Json(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="bf-json-"))
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        servers.make_store(BUILD, cls.directory / "tree", jsonqueries.lines(20_000))
        cls.gateway = servers.Gateway(BUILD, cls.directory, cls.directory / "tree")
        cls.addClassCleanup(cls.gateway.stop)

    def rows(self, **request):
        result = jsonqueries.ask(self.gateway.url, jsonqueries.query(**request))["result"]["Responses"][0]["Result"]
        return result, [base64.b64decode(data, validate=True) for data in result["ColumnData"]]

    def test_rows_are_those_of_msgpack(self):
        for limit in (1, 2, 3, 7000, 0):  # base64 with and without padding
            for bucket in ("BTCUSDT/1Min/OHLCV", "BTCUSDT/4h/OHLCV", "BTCUSDT,ETHUSDT/1m/OHLCV"):
                result, data = self.rows(Destination=bucket, LimitRecordCount=limit)
                packed = remote.call(self.gateway.url, "Query", requests=[
                    {"destination": bucket, "limit_record_count": limit}])["responses"][0]["result"]
                self.assertEqual(data, packed["data"])
                self.assertEqual([result[name] for name in ("ColumnTypes", "ColumnNames", "Length", "StartIndex", "Lengths")],
                                 [packed[name] for name in ("types", "names", "length", "startindex", "lengths")])

    def test_a_row_by_hand(self):
        result, data = self.rows(destination="BTCUSDT/1Min/OHLCV", limit_record_count=1, limit_from_start=True,
                                 columns=["Close"])
        self.assertEqual(result["ColumnNames"], ["Epoch", "Close"])
        self.assertEqual((struct.unpack("<q", data[0]), struct.unpack("<d", data[1])), ((1_704_067_200,), (1.0,)))

    def test_the_id_is_told_again_and_refusals_have_words(self):
        for number in (1, -7, 1.5, "with \"quotes\" and \u00e9\u4e16", [1, {"data": None}], True, 2 ** 40):
            reply = jsonqueries.ask(self.gateway.url, jsonqueries.call("Write", {}, number))
            self.assertEqual(reply["id"], number)
            self.assertEqual(reply["error"]["code"], -32000)
            self.assertIn("single writer", reply["error"]["message"])
            self.assertIsNone(reply["error"]["data"])
        reply = jsonqueries.ask(self.gateway.url, jsonqueries.query(Destination="BTC\u0001\"/x"))
        self.assertIn("message", reply["error"])

    def test_what_is_no_request(self):
        deep = "[" * 500 + "]" * 500
        for text in ("", "not json", "{", "{}{}", "[]", "7", "null", '{"jsonrpc":"2.0"}', deep, '{"id":1,"params":' + deep + "}",
                     b"\xff\xfe", b'{"id":"\xff"}', '{"id":1,"jsonrpc":"1.0","method":"DataService.Query"}',
                     "[" + "1," * 50_000 + "1]", json.dumps({"id": "x" * 300_000}), jsonqueries.call("Nope", {}),
                     jsonqueries.call("Query", 5), jsonqueries.call("Query", {"Requests": {"Destination": 1}}),
                     jsonqueries.query(Destination="BTCUSDT/1Min/OHLCV", LimitRecordCount=-1),
                     jsonqueries.query(Destination="BTCUSDT/1Min/OHLCV", LimitRecordCount=1e300)):
            with self.subTest(text=text[:60]):
                status, kind, answer = jsonqueries.post(self.gateway.url, text)
                self.assertEqual((status, kind), (200, "application/json"))
                self.assertIn(json.loads(answer)["error"]["code"], (-32700, -32600, -32000))


if __name__ == "__main__":
    unittest.main()
