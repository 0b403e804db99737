# SPDX-License-Identifier: Apache-2.0
"""Clients that never read their answer, and clients whose request never ends: sent away in bounded time, while all others
are served. Raw sockets, for no ordinary client does such things."""

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
from tests.lib import servers, wait

BUILD = pathlib.Path(os.environ.get("BF_BUILD", "build")).resolve()
BARS = 300_000  # as text, far more than the kernel keeps for a socket
REQUEST_S, ANSWER_S = 30, 30  # GATEWAY_REQUEST_S, GATEWAY_ANSWER_S_MIN
SLACK_S = 10


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

    def connect(self):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", self.gateway.port))
        self.addCleanup(client.close)
        return client

    def get(self, path):
        with urllib.request.urlopen(self.gateway.url + path, timeout=10) as answer:
            return answer.read().decode()

    def answer_bytes(self):
        return int(float(next(line for line in self.get("/metrics").splitlines()
                              if line.startswith("binancefeeder_gateway_answer_bytes ")).split()[1]))

    def sockets(self):
        return sum("socket:" in os.readlink(f"/proc/{self.gateway.pid}/fd/{fd}")
                   for fd in os.listdir(f"/proc/{self.gateway.pid}/fd"))

    def assert_others_are_served(self, until):
        """Small queries all the while; returns the slowest."""
        slowest = 0
        while not until():
            begun = time.monotonic()
            self.assertEqual(len(self.get("/query?bucket=BTCUSDT/1m&last=5").splitlines()), 6)
            slowest = max(slowest, time.monotonic() - begun)
            time.sleep(0.2)
        self.assertLess(slowest, 1)

    def test_those_that_never_read_are_closed(self):
        idle = self.sockets()
        for number in range(12):
            client = self.connect()
            if number % 2:
                client.sendall(b"GET /query?bucket=BTCUSDT/1m HTTP/1.1\r\nHost: x\r\n\r\n")
            else:  # several small requests after the large one: they wait with it, and go with it
                client.sendall(b"GET /query?bucket=BTCUSDT/1m HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
        wait.until("their answers to be under way", lambda: self.answer_bytes() > 1_000_000, 10)
        begun = time.monotonic()
        self.assert_others_are_served(lambda: self.sockets() <= idle or time.monotonic() - begun > ANSWER_S + 2 * SLACK_S)
        seconds = time.monotonic() - begun
        self.assertLessEqual(self.sockets(), idle)
        self.assertGreater(seconds, ANSWER_S - SLACK_S)
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
                while time.monotonic() - begun < REQUEST_S + 2 * SLACK_S:
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
                self.assertLess(seconds, REQUEST_S + SLACK_S)

    def test_a_connection_that_is_used_again_and_again_stays(self):
        client = self.connect()
        client.settimeout(5)
        begun = time.monotonic()
        while time.monotonic() - begun < REQUEST_S + 5:
            client.sendall(b"GET /healthz HTTP/1.1\r\n")
            time.sleep(0.7)
            client.sendall(b"Host: x\r\n\r\n")
            self.assertTrue(client.recv(4096).startswith(b"HTTP/1.1 200"))


if __name__ == "__main__":
    unittest.main()
