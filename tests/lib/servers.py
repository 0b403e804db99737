# SPDX-License-Identifier: Apache-2.0
"""Servers that answer MarketStore's RPC from a tree: our gateway without a feeder, and the stock MarketStore."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request

from tests.lib import wait


reserved = []  # sockets, as long as this process lives


def free_port():
    """A port for a server that is started later. It stays bound, so that the kernel gives it to no connection and no other
    test meanwhile; a server may listen on it all the same, for it sets SO_REUSEADDR as this does, and this never listens."""
    probe = socket.socket()
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    probe.bind(("127.0.0.1", 0))
    reserved.append(probe)
    return probe.getsockname()[1]


def run_support(build, name, arguments, lines):
    done = subprocess.run([str(pathlib.Path(build, "tests", "support", name)), *map(str, arguments)],
                          input="\n".join(lines) + "\n", text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{name}: {done.stderr}")


def make_store(build, root, lines, columns="full"):
    """Writes bars into a tree; `lines` are those of tests/support/makestore.c."""
    pathlib.Path(root).mkdir(parents=True, exist_ok=True)
    run_support(build, "makestore", (root, columns), lines)


def make_ticks(build, root, lines):
    """Writes ticks into a tree; `lines` are those of tests/support/maketicks.c."""
    pathlib.Path(root).mkdir(parents=True, exist_ok=True)
    run_support(build, "maketicks", (root,), lines)


class Server:
    """A process that listens on `port`."""

    def __init__(self, directory, name):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.log_path = self.directory / f"{name}.log"
        self.process = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def rpc(self):
        return self.url + "/rpc"

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"it ended with {self.process.returncode}:\n{self.log_path.read_text()}")
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def wait(self):
        wait.until(lambda: f"the server to listen; it said:\n{self.log_path.read_text()}", self.answers)
        return self


class Gateway(Server):
    """Our gateway, by tests/support/gateway."""

    def __init__(self, build, directory, root):
        super().__init__(directory, "gateway")
        state = self.directory / "state"
        state.mkdir(exist_ok=True)
        command = [str(pathlib.Path(build, "tests", "support", "gateway")), "--program",
                   str(pathlib.Path(build, "libexec", "binancefeeder", "gateway")), "--listen", f"127.0.0.1:{self.port}",
                   "--root", str(root), "--state", str(state)]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        self.wait()
        self.pid = int(self.process.stdout.readline().split()[1])

    def stop(self):
        """Ends it in order; returns its exit code."""
        self.process.stdin.close()
        try:
            code = self.process.wait(wait.PATIENCE_S)
        except subprocess.TimeoutExpired:
            os.kill(self.pid, signal.SIGKILL)
            code = self.process.wait()
        self.process.stdout.close()
        return code


def stock_program():
    """The stock server: MARKETSTORE=... or `marketstore` on PATH; None where there is none."""
    named = os.environ.get("MARKETSTORE")
    return named if named else shutil.which("marketstore")


class Restartable(Server):
    """A server whose process may go and come again on the same port and data: `command` says how it is started."""

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, env=dict(os.environ, TZ="UTC"),
                                            cwd=pathlib.Path(__file__).resolve().parents[2])
        return self.wait()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process.poll() is not None:
            return self.process.returncode
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(wait.PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


class Stock(Restartable):
    """A stock MarketStore server on a root directory, with a configuration made for it."""

    def __init__(self, directory, root):
        super().__init__(directory, "marketstore")
        config = self.directory / "mkts.yml"
        config.write_text(f"root_directory: {root}\nlisten_host: 127.0.0.1\nlisten_port: {self.port}\ntimezone: UTC\n"
                          "log_level: warning\n")
        self.command = [stock_program(), "start", "--config", str(config)]
        self.start()


class Small(Restartable):
    """Our own small server (tests/lib/rpcserver.py), which keeps its rows over a restart and does wrong on request."""

    def __init__(self, directory):
        super().__init__(directory, "rpcserver")
        self.command = [sys.executable, "-m", "tests.lib.rpcserver", "--port", str(self.port), "--state",
                        str(self.directory / "buckets")]
        self.start()

    def fault(self, name, **parameters):
        body = json.dumps({"fault": name, **parameters}).encode()
        urllib.request.urlopen(urllib.request.Request(self.url + "/fault", body, method="POST"),
                               timeout=wait.PATIENCE_S).close()

    def figures(self):
        with urllib.request.urlopen(self.url + "/figures", timeout=wait.PATIENCE_S) as answer:
            return json.loads(answer.read())
