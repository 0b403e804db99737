# SPDX-License-Identifier: Apache-2.0
"""`query` with `store.type: server` against our own small server, and against servers that answer nonsense."""

import socket
import struct
import threading
import unittest

from tests.lib import msgpack, servers
from tests.lib.querycase import QueryCase


class ServerQuery(QueryCase, unittest.TestCase):
    @classmethod
    def new_server(cls, directory):
        return servers.Small(directory)

    def test_a_panic_and_a_refusal_and_nonsense(self):
        for fault, code, said in (("drop", 1, "closed the connection without an answer"),
                                  ("garble", 1, "is no message of a MarketStore server")):
            with self.subTest(fault=fault):
                self.server.fault(fault, method="DataService.Query", count=1)
                answer = self.query("server", "BTCUSDT/1m", "--last", "3", "--csv")
                self.assertEqual(answer[:2], (code, ""))
                self.assertIn(said, answer[2])
                self.assertIn(self.server.url, answer[2])
        self.assert_same("BTCUSDT/1m", "--csv", "--last", "3")


def answer_of(result=None, error=None):
    return msgpack.pack({"jsonrpc": "2.0", **({"result": result} if error is None else {"error": error}), "id": 1})


INFO = answer_of({"responses": [{"LatestYear": 2024, "TimeFrame": 60 * 10 ** 9, "RecordType": 0, "DSV": [
    {"Name": "Epoch", "Type": 3}, {"Name": "Open", "Type": 2}], "ServerResp": {"error": "", "version": ""}}]})


def rows_of(epochs, opens=None, said=None, names=("Epoch", "Open")):
    data = [struct.pack(f"<{len(epochs)}q", *epochs), struct.pack(f"<{len(opens or epochs)}d", *(opens or epochs))]
    return answer_of({"responses": [{"result": {
        "types": ["i8", "f8"], "names": list(names), "data": data, "length": len(epochs) if said is None else said,
        "startindex": {"A/1Min/OHLCV": 0}, "lengths": {"A/1Min/OHLCV": len(epochs)}}}], "version": "", "timezone": "UTC"})


class Liar:
    """Answers GetInfo as it should, and every query with the same bytes, whatever they are."""

    def __init__(self, answer, length=None):
        self.answer, self.length = answer, length
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.queries = 0
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        try:
            while True:
                self.converse(self.socket.accept()[0])
        except OSError:
            pass  # closed

    def converse(self, connection):
        with connection, connection.makefile("rb") as reader:
            while True:
                length, line = 0, reader.readline()
                if not line:
                    return
                while line.strip():
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                    line = reader.readline()
                body = reader.read(length)
                query = b"DataService.Query" in body
                self.queries += query
                answer = self.answer if query else INFO
                said = self.length if query and self.length is not None else len(answer)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % said + answer)
                if said != len(answer):
                    return


class Liars(unittest.TestCase):
    query, directory = QueryCase.query, None

    def setUp(self):
        import pathlib
        import shutil
        import tempfile
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="bf-liar-"))
        self.addCleanup(shutil.rmtree, self.directory)

    def ask(self, answer, *arguments, length=None):
        liar = Liar(answer, length)
        self.addCleanup(liar.socket.close)
        (self.directory / "liar.yml").write_text(f"symbols: [A]\ndata_directory: {self.directory}/data\nstore:\n"
                                                 f"  type: server\n  url: {liar.url}\n")
        return (*self.query("liar", "A/1m", "--csv", *arguments), liar)

    def test_answers_that_are_none(self):
        minute = 1_704_067_200
        wrong = {
            "nothing": b"", "a torn message": rows_of([minute])[:-20], "no columns": answer_of({"responses": [{"result": {
                "types": [], "names": [], "data": [], "length": 1}}]}), "no responses": answer_of({"responses": None}),
            "more rows than it sends": rows_of([minute], said=2), "fewer values in one column": rows_of([minute, minute + 60], [1.0]),
            "a length beyond all bounds": rows_of([minute], said=2 ** 62), "a negative length": rows_of([minute], said=-1),
            "rows backwards": rows_of([minute + 60, minute]), "the same row twice": rows_of([minute, minute]),
            "another column": rows_of([minute], names=("Epoch", "Close")), "a list of a milliard": b"\xdd\x40\x00\x00\x00",
        }
        for what, answer in wrong.items():
            with self.subTest(what=what):
                code, printed, complaint, liar = self.ask(answer)
                self.assertEqual((code, printed), (1, ""), complaint)
                self.assertIn(liar.url if what not in ("rows backwards", "the same row twice") else "A/1Min/OHLCV", complaint)

    def test_an_answer_that_ends_too_early(self):
        code, printed, complaint, _ = self.ask(rows_of([1_704_067_200]), length=10_000)
        self.assertEqual((code, printed), (1, ""))
        self.assertIn("ends too early", complaint)

    def test_a_server_that_always_says_the_same_ends(self):
        epochs = [1_704_067_200 + 60 * i for i in range(50_000)]
        code, _, complaint, liar = self.ask(rows_of(epochs))
        self.assertEqual(code, 1)
        self.assertIn("outside the range", complaint)
        self.assertLessEqual(liar.queries, 2)

    def test_the_server_s_own_words(self):
        code, _, complaint, liar = self.ask(answer_of(error={"code": -32000, "message": "disk on\nfire", "data": None}))
        self.assertEqual(code, 1)
        self.assertIn(f"the store server {liar.url} says: disk on fire", complaint)


if __name__ == "__main__":
    unittest.main()
