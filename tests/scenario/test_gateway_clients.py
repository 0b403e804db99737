# SPDX-License-Identifier: Apache-2.0
"""Clients that never read their answer, clients whose request never ends, that leave before their answer is made, or that
send nonsense: answered or sent away in bounded time, while all others are served. Raw sockets, for no ordinary client does
such things."""

import contextlib
import http.client
import os
import pathlib
import shutil
import socket
import tempfile
import threading
import time
import unittest
import urllib.request

from tests.lib import interval as grid
from tests.lib import msgpack, servers, wait

BUILD = pathlib.Path(os.environ.get("BF_BUILD", "build")).resolve()
BARS = 300_000  # as text, far more than the kernel keeps for a socket
LISTEN = "0A"  # of /proc/net/tcp
REQUEST_S, ANSWER_S = 30, 30  # GATEWAY_REQUEST_S, GATEWAY_ANSWER_S_MIN
SOON_S = 10  # far less than a client that is stuck may take


def bars():
    begin = grid.us("2024-01-01")
    for number in range(BARS):
        price = 40000 + number % 1000
        yield f"BTCUSDT 1m {begin + number * grid.MINUTE} {price} {price + 1} {price - 1} {price}.5 12.25 500000 77 6.125 250000"


class Clients(unittest.TestCase):
    def setUp(self):
        directory = pathlib.Path(tempfile.mkdtemp(prefix="bf-clients-"))
        self.addCleanup(shutil.rmtree, directory)
        servers.make_store(BUILD, directory / "store", bars())
        self.gateway = servers.Gateway(BUILD, directory / "gateway", directory / "store")
        self.addCleanup(lambda: self.assertEqual(self.gateway.stop(), 0))

    def connect(self, window=4096):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        client.connect(("127.0.0.1", self.gateway.port))
        self.addCleanup(client.close)
        return client

    def get(self, path):
        with urllib.request.urlopen(self.gateway.url + path, timeout=wait.PATIENCE_S) as answer:
            return answer.read().decode()

    def answer_bytes(self):
        return int(float(next(line for line in self.get("/metrics").splitlines()
                              if line.startswith("binancefeeder_gateway_answer_bytes ")).split()[1]))

    def connections(self):
        """How many the gateway has accepted and not closed, whatever the other side has done meanwhile."""
        inodes = set()
        for fd in os.listdir(f"/proc/{self.gateway.pid}/fd"):
            with contextlib.suppress(FileNotFoundError):  # closed since it was listed
                name = os.readlink(f"/proc/{self.gateway.pid}/fd/{fd}")
                inodes.add(name.removeprefix("socket:[").removesuffix("]"))
        with open("/proc/net/tcp", encoding="ascii") as file:
            sockets = [line.split() for line in file][1:]
        return sum(int(one[1].split(":")[1], 16) == self.gateway.port and one[3] != LISTEN and one[9] in inodes
                   for one in sockets)

    def is_idle(self):
        return self.answer_bytes() < 1_000_000 and self.connections() == 0

    def assert_others_are_served(self, until):
        """Small queries all the while; one that waited for a client that is stuck would take far longer."""
        slowest = 0
        while not until():
            begun = time.monotonic()
            self.assertEqual(len(self.get("/query?bucket=BTCUSDT/1m&last=5").splitlines()), 6)
            slowest = max(slowest, time.monotonic() - begun)
            time.sleep(0.2)
        self.assertLess(slowest, SOON_S)

    def test_those_that_never_read_are_closed(self):
        begun = time.monotonic()
        for number in range(12):
            client = self.connect()
            if number % 2:
                client.sendall(b"GET /query?bucket=BTCUSDT/1m HTTP/1.1\r\nHost: x\r\n\r\n")
            else:  # several small requests after the large one: they wait with it, and go with it
                client.sendall(b"GET /query?bucket=BTCUSDT/1m HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
        wait.until("their answers to be under way", lambda: self.answer_bytes() > 1_000_000)
        self.assert_others_are_served(lambda: self.connections() == 0 or time.monotonic() - begun > wait.PATIENCE_S)
        self.assertEqual(self.connections(), 0)
        self.assertGreater(time.monotonic() - begun, ANSWER_S - 1)
        self.assertLess(self.answer_bytes(), 1_000_000)

    def test_requests_that_never_end_are_closed(self):
        head = b"POST /rpc HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-msgpack\r\nContent-Length: 1000000\r\n"
        slow = {"first line": b"G", "headers": b"GET /healthz HTTP/1.1\r\nX-Slow: ", "body": head + b"\r\n\x84",
                "chunked": head.replace(b"Content-Length: 1000000", b"Transfer-Encoding: chunked") + b"\r\n5\r\naa"}
        clients, ends = {}, {}
        begun = time.monotonic()
        for name, text in slow.items():
            clients[name] = self.connect()
            clients[name].sendall(text)

        def trickle(name):
            try:
                while time.monotonic() - begun < wait.PATIENCE_S:
                    clients[name].sendall(b"a")
                    clients[name].settimeout(0.5)
                    try:
                        if clients[name].recv(4096) == b"":
                            break
                    except TimeoutError:
                        pass
            except OSError:
                pass
            ends[name] = time.monotonic() - begun

        threads = [threading.Thread(target=trickle, args=(name,)) for name in clients]
        for thread in threads:
            thread.start()
        self.assert_others_are_served(lambda: not any(thread.is_alive() for thread in threads))
        for name, seconds in ends.items():
            with self.subTest(name):
                self.assertGreater(seconds, REQUEST_S - 1)
                self.assertLess(seconds, wait.PATIENCE_S)

    def post(self, body, content_type="application/x-msgpack", length=None, window=4096):
        """Sends a request with this body; the socket."""
        client = self.connect(window)
        client.settimeout(wait.PATIENCE_S)
        with contextlib.suppress(ConnectionError):  # refused before all of it was read
            client.sendall(b"POST /rpc HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: %s\r\n"
                           b"Content-Length: %d\r\n\r\n"
                           % (content_type.encode(), len(body) if length is None else length) + body)
        return client

    @staticmethod
    def everything(client):
        """What the server says until it closes, a reset included."""
        data = bytearray()
        try:
            while some := client.recv(1024 * 1024):
                data += some
        except ConnectionError:
            pass
        return bytes(data)

    def refusal(self, **params):
        """The error's message that a query with these parameters gets."""
        answer = self.everything(self.post(self.query(**params)))
        self.assertTrue(answer.startswith(b"HTTP/1.1 200"), answer[:200])
        return msgpack.unpack(answer.partition(b"\r\n\r\n")[2])["error"]["message"]

    @staticmethod
    def query(destination="BTCUSDT/1m/OHLCV", **params):
        return msgpack.pack({"method": "DataService.Query", "id": "1", "jsonrpc": "2.0",
                             "params": {"requests": [{"destination": destination, **params}]}})

    def test_nonsense_is_answered_or_closed(self):
        whole = self.query()
        for length in range(len(whole)):  # a request that is cut off, and says so
            answer = self.everything(self.post(whole[:length]))
            self.assertTrue(answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 400")), (length, answer[:100]))
        self.assertIn(b"error", self.everything(self.post(whole, "application/json")))  # msgpack is no JSON
        for content_type in ("text/plain", "application/x-msgpackx", ""):
            self.assertTrue(self.everything(self.post(whole, content_type)).startswith(b"HTTP/1.1 415"), content_type)
        huge = (b"\xdf\xff\xff\xff\xff", b"\xdd\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xffabc", b"\xc6\xff\xff\xff\xff",
                b"\x81\xa6params\xdd\x7f\xff\xff\xff", b"\x91" * 100_000, b"\xc1", b"\xc9\xff\xff\xff\xff\x01")
        for body in huge:
            answer = self.everything(self.post(body))
            self.assertIn(b"error", answer, body[:20])
        lengths = (2 ** 62, 2 ** 64 - 1, 10 ** 30, 5 * 1024 * 1024)
        for length, client in [(length, self.post(b"", length=length)) for length in lengths]:
            self.assertNotIn(b" 200 ", self.everything(client)[:20], length)
        self.assert_others_are_served(lambda: True)
        self.assertEqual(len(self.get("/query?bucket=BTCUSDT/1m&last=5").splitlines()), 6)

    def test_what_cannot_be_asked_is_refused_with_words(self):
        self.assertIn("limit_record_count is -1", self.refusal(limit_record_count=-1))
        self.assertIn("limit_record_count", self.refusal(limit_record_count=-2 ** 63))
        huge = self.query(limit_record_count=7).replace(b"\xd3" + bytes(7) + b"\x07", b"\xcf" + b"\xff" * 8)
        self.assertIn(b"too large", self.everything(self.post(huge)))
        self.assertIn("too many names", self.refusal(destination=",".join("%X" % i for i in range(600_000)) + "/1m/OHLCV"))
        self.assertIn("epoch_start is not an integer", self.refusal(epoch_start="soon"))
        self.assertIn("columns", self.refusal(columns="Open"))
        answer = self.everything(self.post(b"\0" * (4 * 1024 * 1024 + 1)))
        self.assertTrue(answer == b"" or answer.startswith(b"HTTP/1.1 413"), answer[:100])

    def test_a_head_is_told_what_a_get_would_be(self):
        def told(method, path):
            connection = http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=wait.PATIENCE_S)
            self.addCleanup(connection.close)
            connection.request(method, path)
            answer = connection.getresponse()
            self.assertEqual(answer.read() == b"", method == "HEAD", path)
            connection.request("GET", "/healthz")  # no body of the first is taken for the second's answer
            self.assertEqual(connection.getresponse().status, 200)
            return answer.status, answer.headers["Content-Type"]
        self.assertEqual(told("HEAD", "/readyz")[0], 503, "there is no writer here")
        for path in ("/healthz", "/readyz", "/status", "/metrics", "/query?bucket=BTCUSDT/1m", "/query?bucket=NOPE/1m",
                     "/query", "/nothing"):
            self.assertEqual(told("HEAD", path), told("GET", path), path)
        self.assertEqual(told("HEAD", "/rpc")[0], 200)

    def test_clients_that_leave_before_their_answer_is_made(self):
        for _ in range(100):  # at every moment: while it is read, in threads, and while it is sent
            for _ in range(3):
                self.post(self.query()).close()
            self.assertEqual(len(self.get("/query?bucket=BTCUSDT/1m&last=5").splitlines()), 6)
        wait.until("their connections and answers to be gone", self.is_idle)
        # Read with a large window: whoever is too slow for an answer is sent away, on a busy machine even this client.
        answer = self.everything(self.post(self.query(), window=4 * 1024 * 1024))
        self.assertGreater(len(answer), BARS * 80)

    def test_a_connection_that_is_used_again_and_again_stays(self):
        client = self.connect()
        client.settimeout(wait.PATIENCE_S)
        begun = time.monotonic()
        while time.monotonic() - begun < REQUEST_S + 5:
            client.sendall(b"GET /healthz HTTP/1.1\r\n")
            time.sleep(0.7)
            client.sendall(b"Host: x\r\n\r\n")
            answer = http.client.HTTPResponse(client)
            answer.begin()
            answer.read()
            self.assertEqual(answer.status, 200)


if __name__ == "__main__":
    unittest.main()
