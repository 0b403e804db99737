# SPDX-License-Identifier: Apache-2.0
"""The simulated exchange as a process, its control endpoint and its ledger."""

import http.client
import json
import os
import pathlib
import subprocess
import urllib.request

from tests.lib import wait


class Exchange:
    """Starts build/tests/exchange on a free loopback port. `options` are its command line options, e.g. speed=60."""

    def __init__(self, build, directory, *flags, port=0, **options):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        ready = self.directory / "exchange.ready"
        ready.unlink(missing_ok=True)
        command = [str(pathlib.Path(build, "tests", "exchange")), "--port", str(port), "--ready-file", str(ready),
                   "--with-parent", *flags]
        for name, value in options.items():
            for one in value if isinstance(value, (list, tuple)) else [value]:
                command += ["--" + name.replace("_", "-"), str(one)]
        self.log_path = self.directory / "exchange.log"
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        wait.until(lambda: f"the exchange to listen; it said:\n{self.log_path.read_text()}",
                   lambda: ready.exists() or self.process.poll() is not None)
        if self.process.poll() is not None:
            raise AssertionError(f"the exchange ended with {self.process.returncode}:\n{self.log_path.read_text()}")
        ports = json.loads(ready.read_text())
        self.port, self.tls_port = ports["port"], ports.get("tls_port", 0)
        self.kept = None  # a connection for many questions

    @property
    def rest_url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def stream_url(self):
        return f"ws://127.0.0.1:{self.port}"

    def get(self, path):
        with urllib.request.urlopen(self.rest_url + path, timeout=wait.PATIENCE_S) as answer:
            return answer.read()

    def json(self, path):
        return json.loads(self.get(path))

    def control(self, path, **body):
        request = urllib.request.Request(self.rest_url + "/control/" + path, json.dumps(body).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=wait.PATIENCE_S) as answer:
            return json.loads(answer.read() or b"{}")

    def fault(self, name, **parameters):
        return self.control("fault", fault=name, **parameters)

    def clear_faults(self):
        self.control("fault", clear="all")

    def now_us(self):
        return self.json("/control/state")["now"] * 1000

    def requests(self):
        return self.json("/ledger/requests")

    def windows(self, **since):
        query = "&".join(f"{name}={value}" for name, value in since.items())
        return self.json("/ledger/windows" + ("?" + query if query else ""))

    def bars(self, symbol, interval, start_us=None, end_us=None):
        """The final truth: {open time in us: the nine values as text}."""
        path = f"/ledger/klines?symbol={symbol}&interval={interval}&format=csv"
        if start_us is not None:
            path += f"&startTime={start_us // 1000}"
        if end_us is not None:
            path += f"&endTime={end_us // 1000}"
        truth = {}
        for line in self.get(path).decode().splitlines():
            if line[:1].isdigit():
                open_time, *values = line.split(",")
                truth[int(open_time) * 1000] = tuple(values)
        return truth

    def rows(self, kind, symbol, **where):
        """The ledger of ticks, a list of the fields' texts per row; `kind`: trades, aggtrades, quotes."""
        query = "".join(f"&{name}={value}" for name, value in where.items())
        lines = self.get(f"/ledger/{kind}?symbol={symbol}{query}").decode().splitlines()
        return [line.split(",") for line in lines if line[:1].isdigit()]

    def changes(self, symbol, first_id, last_id):
        """{update id: the levels it changed, as {(side, price): size}}."""
        found = {}
        for line in self.get(f"/ledger/diffs?symbol={symbol}&fromId={first_id}&toId={last_id}").splitlines():
            event = json.loads(line)
            found[event["u"]] = {(side, float(price)): float(size)
                                 for side, key in enumerate("ba") for price, size in event[key]}
        return found

    def book(self, symbol, update_id, levels):
        """The best levels of both sides after an update, as [(price, size)], best first."""
        path = f"/ledger/depth?symbol={symbol}&at={update_id}&limit={levels}"
        if self.kept is None:
            self.kept = http.client.HTTPConnection("127.0.0.1", self.port, timeout=wait.PATIENCE_S)
        try:
            self.kept.request("GET", path)
            answer = json.loads(self.kept.getresponse().read())
        except (http.client.HTTPException, ConnectionError):
            self.kept = None
            answer = self.json(path)
        if answer["lastUpdateId"] != update_id:
            raise AssertionError(f"{symbol}: the exchange has no update {update_id}, its last is {answer['lastUpdateId']}")
        return tuple([(float(price), float(size)) for price, size in answer[side]] for side in ("bids", "asks"))

    def stop(self):
        if self.kept is not None:
            self.kept.close()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.kill(self.process.pid, 9)
                self.process.wait()
