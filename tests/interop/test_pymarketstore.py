# SPDX-License-Identifier: Apache-2.0
"""Unmodified pymarketstore, pandas and numpy against the real gateway; our Python module; clients that misbehave."""

import concurrent.futures
import http.client
import io
import json
import pathlib
import shutil
import socket
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python"))

try:
    import msgpack
    import numpy as np
    import pandas as pd
    import pymarketstore
    from pymarketstore import Params

    import binancefeeder
    from tests.interop import matrix as grid_matrix
except ImportError as missing:
    raise unittest.SkipTest(f"packaging/venv.sh has not installed the Python clients: {missing}") from missing

from tests.lib import interval as grid
from tests.lib import servers

SECOND = 1_000_000


def seconds(us):
    return None if us is None else us // SECOND


STORE = {}


def setUpModule():
    """One store for all; making it takes as long as all its tests."""
    STORE["directory"] = pathlib.Path(tempfile.mkdtemp(prefix="bf-interop-"))
    unittest.addModuleCleanup(shutil.rmtree, STORE["directory"])
    STORE["matrix"] = grid_matrix.Matrix(STORE["directory"])


class Store(unittest.TestCase):
    """One gateway for all tests of a class."""

    @classmethod
    def setUpClass(cls):
        cls.directory, cls.matrix = STORE["directory"], STORE["matrix"]
        cls.gateway = servers.Gateway(grid_matrix.BUILD, cls.directory / "gateway", cls.matrix.root)
        cls.addClassCleanup(cls.stop_gateway)
        cls.client = pymarketstore.Client(cls.gateway.rpc)

    @classmethod
    def stop_gateway(cls):
        code = cls.gateway.stop()
        if code != 0:
            raise AssertionError(f"the gateway ended with {code}: {cls.gateway.log_path.read_text()}")

    def floor(self, interval):
        times = self.matrix.times("BTCUSDT", interval)

        def to_bar(us):
            before = times[times <= us]
            return int(before[-1]) if len(before) and us < times[-1] + 40 * grid.DAY else us
        return to_bar


class Clients(Store):
    def test_all_sixteen_intervals_by_all_their_names(self):
        for interval, (timeframe, group) in grid.HOME.items():
            for asked in ((interval, "OHLCV"), (grid_matrix.MARKETSTORE[interval], "OHLCV"), (timeframe, group)):
                floor = self.floor(interval) if asked[1] == "OHLCV" else None
                for start, end, limit, from_start in grid_matrix.ranges(self.matrix, "BTCUSDT", interval):
                    with self.subTest(asked=asked, start=start, end=end, limit=limit, from_start=from_start):
                        reply = self.client.query(Params("BTCUSDT", *asked, start=seconds(start), end=seconds(end),
                                                         limit=limit, limit_from_start=from_start))
                        dataset = reply.first()
                        self.assertEqual(dataset.key, "/".join(("BTCUSDT", *asked)))
                        if floor is None and start is not None and start % grid.TIMEFRAME_US[timeframe]:
                            start -= start % grid.TIMEFRAME_US[timeframe]
                        self.matrix.check(self, "BTCUSDT", interval, dataset.array, self.matrix.expected(
                            "BTCUSDT", interval, start, end, limit, from_start, floor))

    def test_data_frames(self):
        frame = self.client.query(Params("BTCUSDT", "1m", "OHLCV", start="2024-12-31", end="2025-01-01")).first().df()
        self.assertEqual(len(frame), 1441)
        self.assertEqual(frame.index[0], pd.Timestamp("2024-12-31", tz="UTC"))
        self.assertEqual(str(frame.dtypes["Trades"]), "int64")
        empty = self.client.query(Params("BTCUSDT", "1m", "OHLCV", start="2026-01-01")).first().df()
        self.assertEqual((len(empty), list(empty.columns)), (0, list(grid_matrix.COLUMNS)))

    def test_several_symbols_columns_and_queries(self):
        reply = self.client.query(Params(["ETHUSDT", "NONE", "BTCUSDT"], "1Min", "OHLCV", limit=3, columns=["Close"]))
        self.assertEqual(sorted(reply.by_symbols()), ["BTCUSDT", "ETHUSDT"])
        for symbol, dataset in reply.by_symbols().items():
            self.matrix.check(self, symbol, "1m", dataset.array, self.matrix.expected(symbol, "1m", limit=3), ("Close",))
        reply = self.client.query(Params("*", "1D", "OHLCV", limit=1))
        self.assertEqual(sorted(reply.keys()), ["BTCUSDT/1D/OHLCV", "ETHUSDT/1D/OHLCV"])
        reply = self.client.query([Params("BTCUSDT", "4h", "OHLCV", limit=2), Params("ETHUSDT", "1M", "OHLCV", limit=1)])
        self.assertEqual(reply.keys(), ["BTCUSDT/4h/OHLCV", "ETHUSDT/1M/OHLCV"])
        with self.assertRaisesRegex(Exception, "no files returned from query parse"):
            self.client.query(Params("NONE", "1Min", "OHLCV"))

    def test_lists_version_and_refusals(self):
        self.assertEqual(self.client.list_symbols(), sorted(grid_matrix.SYMBOLS))
        buckets = self.client.list_symbols(pymarketstore.params.ListSymbolsFormat.TBK)
        self.assertEqual(buckets, sorted(f"{symbol}/{timeframe}/{group}" for symbol in grid_matrix.SYMBOLS
                                         for timeframe, group in grid.HOME.values()))
        self.assertTrue(self.client.server_version().startswith("binancefeeder/"))
        row = np.array([(0, 1.0)], dtype=[("Epoch", "i8"), ("Ask", "f4")])
        for call in (lambda: self.client.write(row, "TEST/1Min/Tick"), lambda: self.client.destroy("BTCUSDT/1Min/OHLCV"),
                     lambda: self.client.create("TEST/1Min/Tick", [("Epoch", "i8"), ("Ask", "f4")])):
            with self.assertRaisesRegex(Exception, "single writer"):
                call()

    def test_a_five_column_tree(self):
        gateway = servers.Gateway(grid_matrix.BUILD, self.directory / "seed-gateway", self.matrix.seed_root)
        try:
            dataset = pymarketstore.Client(gateway.rpc).query(Params("BTCUSDT", "1m", "OHLCV")).first()
            self.matrix.check(self, "BTCUSDT", "1m", dataset.array, self.matrix.times("BTCUSDT", "1m"),
                              grid_matrix.COLUMNS[:5])
        finally:
            self.assertEqual(gateway.stop(), 0)


class OurModule(Store):
    def test_the_seeds_line_runs_as_written(self):
        frame = binancefeeder.Client(self.gateway.rpc).query("BTCUSDT/1m/OHLCV", start="2024-12-31", end="2025-01-02")
        self.assertIsInstance(frame, pd.DataFrame)
        self.assertEqual(len(frame), 2 * 1440 + 1)
        reply = binancefeeder.Client(self.gateway.rpc).query(Params("BTCUSDT", "1m", "OHLCV", limit=1))
        self.assertEqual(len(reply.first().array), 1)

    def test_load_equals_query(self):
        client = binancefeeder.Client(self.gateway.rpc)
        for interval in grid.HOME:
            for start, end, _, _ in grid_matrix.ranges(self.matrix, "ETHUSDT", interval)[:7]:
                with self.subTest(interval=interval, start=start, end=end):
                    bucket = f"ETHUSDT/{interval}"
                    asked = client.query(bucket, start=seconds(start), end=seconds(end))
                    loaded = binancefeeder.load(bucket, start=seconds(start), end=seconds(end), root=self.matrix.root)
                    self.assertEqual(len(asked), len(loaded))
                    pd.testing.assert_frame_equal(asked, loaded, check_index_type=False, check_freq=False,
                                                  check_names=False)

    def test_what_cannot_be_loaded_is_said_with_what_can(self):
        for bucket, error, words in (("NONE/1m", FileNotFoundError, "there is no NONE/1m in .*; there is .*BTCUSDT"),
                                     ("BTCUSDT/7m", FileNotFoundError, "there is .*BTCUSDT/1m, .*BTCUSDT/4h"),
                                     ("BTCUSDT/TRADES", FileNotFoundError, "there is .*BTCUSDT/1m"),
                                     ("BTCUSDT/TRADE", ValueError, r"Client\(\)\.query\('BTCUSDT/TRADE'\)"),
                                     ("BTCUSDT/1Sec/QUOTE", ValueError, "binancefeeder query BTCUSDT/QUOTE --csv"),
                                     ("BTCUSDT", ValueError, "BTCUSDT/1m/OHLCV, or SYMBOL/TRADE")):
            with self.subTest(bucket=bucket), self.assertRaisesRegex(error, words):
                binancefeeder.load(bucket, root=self.matrix.root)
        with self.assertRaisesRegex(FileNotFoundError, "nor such a directory: give root="):
            binancefeeder.load("BTCUSDT/1m", root=self.directory / "absent")

    def test_new_years_day(self):
        frame = binancefeeder.load("BTCUSDT/1d", start="2024-01-01", end="2024-01-01", root=self.matrix.root)
        self.assertEqual(list(frame.index), [pd.Timestamp("2024-01-01", tz="UTC")])


class Text(Store):
    def get(self, path):
        with urllib.request.urlopen(self.gateway.url + path, timeout=30) as answer:
            return answer.read().decode()

    def test_csv_and_json(self):
        frame = pd.read_csv(io.StringIO(self.get("/query?bucket=BTCUSDT/1m&start=2024-12-31&end=2025-01-01")),
                            parse_dates=["Time"])
        times = self.matrix.expected("BTCUSDT", "1m", grid.us("2024-12-31"), grid.us("2025-01-01"))
        np.testing.assert_array_equal(frame["Time"].dt.as_unit("us").astype("int64"), times)
        for number, name in enumerate(grid_matrix.COLUMNS):
            wanted = [float(self.matrix.truth["BTCUSDT", "1m"][time][number]) for time in times.tolist()]
            np.testing.assert_array_equal(frame[name].astype(float), wanted)
        rows = json.loads(self.get("/query?bucket=BTCUSDT/4h&last=3&format=json&columns=Time,Close"))
        self.assertEqual([row["Epoch"] * SECOND for row in rows],
                         self.matrix.expected("BTCUSDT", "4h", limit=3).tolist())
        self.assertEqual(set(rows[0]), {"Epoch", "Time", "Close"})
        self.assertEqual(json.loads(self.get("/query?bucket=BTCUSDT/4h&start=2030-01-01&format=json")), [])

    def test_refusals_say_what_is_accepted(self):
        for path, status, text in (("/query", 400, "bucket"), ("/query?bucket=BTCUSDT/7m", 400, "accepted"),
                                   ("/query?bucket=NONE/1m", 404, "no such bucket"), ("/nothing", 404, "/query"),
                                   ("/query?bucket=BTCUSDT/1m&start=soon", 400, "accepted"),
                                   ("/query?bucket=BTCUSDT/1m&last=0", 400, "accepted"),
                                   ("/query?bucket=BTCUSDT/1m&limit=1", 400, "first"),
                                   ("/query?bucket=BTCUSDT/1m&format=xml", 400, "csv"), ("/rpc", 405, "POST"),
                                   ("/query?bucket=BTCUSDT/1m&columns=Close,Clsoe", 400, "TakerBuyQuote"),
                                   ("/query?bucket=BTCUSDT/1m&last=1&bucket=ETHUSDT/1m", 400, "given twice"),
                                   ("/query?bucket=BTCUSDT/1m&start=2025-01-01&end=2024-01-01", 400, "behind end")):
            with self.subTest(path=path), self.assertRaises(urllib.error.HTTPError) as caught:
                self.get(path)
            self.assertEqual(caught.exception.code, status)
            self.assertIn(text, caught.exception.read().decode())

    def test_metrics_are_prometheus_text(self):
        names, described = set(), set()
        for line in self.get("/metrics").splitlines():
            if line.startswith("# TYPE "):
                described.add(line.split()[2])
            elif not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                float(value)
                names.add(name.split("{")[0])
        histogram = "binancefeeder_receive_to_durable_seconds"
        names = {histogram if name.startswith(histogram) else name for name in names}
        self.assertLessEqual(names, described)
        self.assertIn("binancefeeder_request_weight_used", names)
        self.assertEqual(self.get("/healthz"), "ok\n")
        with self.assertRaises(urllib.error.HTTPError) as caught:
            self.get("/readyz")  # there is no writer beside it
        self.assertEqual(caught.exception.code, 503)


class Troublemakers(Store):
    """Whatever one client does, the others are served."""

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.gateway.port), 5)
        self.addCleanup(connection.close)
        return connection

    def query_body(self, **fields):
        return msgpack.dumps({"method": "DataService.Query", "id": "1", "jsonrpc": "2.0",
                              "params": {"requests": [{"destination": "BTCUSDT/1s/OHLCV", **fields}]}})

    def assert_served(self, at_most_s=2.0):
        begun = time.monotonic()
        self.assertEqual(len(self.client.query(Params("BTCUSDT", "1m", "OHLCV", limit=1)).first().array), 1)
        self.assertLess(time.monotonic() - begun, at_most_s)

    def test_clients_that_never_read(self):
        for _ in range(20):
            body = self.query_body()
            self.connect().sendall(b"POST /rpc HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-msgpack\r\n"
                                   b"Content-Length: %d\r\n\r\n" % len(body) + body)
        for _ in range(20):
            self.connect().sendall(b"GET /query?bucket=BTCUSDT/1s HTTP/1.1\r\nHost: x\r\n\r\n")
        for _ in range(5):
            self.assert_served()

    def test_truncated_and_broken_requests(self):
        head = b"POST /rpc HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-msgpack\r\n"
        self.connect().sendall(head + b"Content-Length: 1000\r\n\r\n" + b"\x84")
        self.connect().sendall(head + b"Content-Length: -5\r\n\r\n")
        self.connect().sendall(head + b"Content-Length: 99999999999999999999\r\n\r\n")
        self.connect().sendall(head + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n")
        self.connect().sendall(b"\0" * 5000)
        self.connect().sendall(b"GET /" + b"a" * 8000)
        closed = self.connect()
        closed.sendall(head + b"Content-Length: 10\r\n\r\n")
        closed.close()
        self.assert_served()

    def test_too_large_requests(self):
        for path, size in (("/rpc", 5 * 1024 * 1024), ("/rpc", 64 * 1024 * 1024)):
            connection = http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=30)
            try:
                connection.request("POST", path, b"\xc0" * size, {"Content-Type": "application/x-msgpack"})
                self.assertEqual(connection.getresponse().status, 413)
            except ConnectionError:
                pass  # a closed connection is an answer, too
            finally:
                connection.close()
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=30)
        connection.putrequest("GET", "/query?bucket=" + "A" * 60000)
        connection.endheaders()
        try:
            self.assertIn(connection.getresponse().status, (400, 413, 414))
        except (ConnectionError, http.client.HTTPException):
            pass
        connection.close()
        self.assert_served()

    def test_a_million_symbols(self):
        body = msgpack.dumps({"method": "DataService.Query", "id": "1", "jsonrpc": "2.0", "params": {
            "requests": [{"destination": ",".join("%X" % i for i in range(600_000)) + "/1m/OHLCV"}]}})
        self.assertLess(len(body), 4 * 1024 * 1024)
        request = urllib.request.Request(self.gateway.rpc, body, {"Content-Type": "application/x-msgpack"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            self.assertIn("too many names", msgpack.loads(answer.read())["error"]["message"])
        self.assert_served()

    def test_more_connections_than_are_served_wait(self):
        connections = [self.connect() for _ in range(400)]
        for connection in connections:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        for connection in connections:
            connection.settimeout(20)
            self.assertTrue(connection.recv(4096).startswith(b"HTTP/1.1 200"))
            connection.close()
        self.assert_served()

    def test_large_answers_do_not_hold_up_small_ones(self):
        def large():
            return len(self.client.client.rpc._session.post(  # raw bytes: decoding would only measure this process
                self.gateway.rpc, data=self.query_body(), headers={"Content-Type": "application/x-msgpack"}).content)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            running = [pool.submit(large) for _ in range(8)]
            small = []
            while not all(one.done() for one in running):
                begun = time.monotonic()
                with urllib.request.urlopen(self.gateway.url + "/query?bucket=BTCUSDT/1m&last=1", timeout=10) as answer:
                    answer.read()
                small.append(time.monotonic() - begun)
            sizes = {one.result() for one in running}
        self.assertEqual(len(sizes), 1)
        self.assertLess(sorted(small)[len(small) // 2], 0.5)


if __name__ == "__main__":
    unittest.main()
