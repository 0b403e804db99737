# SPDX-License-Identifier: Apache-2.0
"""binancefeeder as a process: its configuration, its children by kind, its status, its end."""

import collections
import json
import os
import pathlib
import select
import signal
import subprocess
import time

from tests.lib import wait

CRASHES_S, CRASHES_MAX = 65, 4  # a fifth within a minute sets a child aside


def yaml(value, indent=0):
    """Just enough YAML for our configurations: mappings, lists, scalars."""
    lines = []
    for key, item in value.items():
        if isinstance(item, dict):
            lines += [" " * indent + f"{key}:", yaml(item, indent + 2)]
        elif isinstance(item, (list, tuple)):
            lines.append(" " * indent + f"{key}: [{', '.join(str(one) for one in item)}]")
        else:
            text = str(item).lower() if isinstance(item, bool) else str(item)
            lines.append(" " * indent + f"{key}: {text}")
    return "\n".join(lines)


def send(pid, number):
    """False where there is no such process any more."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


class Feeder:
    """`binancefeeder run` in a directory of its own, against a simulated exchange."""

    def __init__(self, build, directory, exchange, symbols, timeframe="1m", start=None, **keys):
        self.program = pathlib.Path(build, "bin", "binancefeeder").resolve()
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.data = self.directory / "data"
        self.root = self.data / "marketstore"
        self.state = self.data / "state"
        self.config_path = self.directory / "binancefeeder.yml"
        self.log_path = self.directory / "feeder.log"
        self.config = {
            "symbols": symbols,
            "timeframe": timeframe,
            "data_directory": self.data,
            "backfill": {"enabled": True, "source": "rest", "parallelism": 2},
            "realtime": {"enabled": True, "stream_type": "kline", "retry_delay": "200ms"},
            "endpoints": {"rest": exchange.rest_url, "stream": exchange.stream_url},
            "rate_limit": {"utilization": 0.9},
            "gateway": {"listen": "off"},  # tests run at the same time
            "log_level": "debug",
        }
        if start is not None:
            self.config["backfill"]["start_time"] = start
        for key, value in keys.items():
            if isinstance(value, dict):
                self.config.setdefault(key, {}).update(value)
            else:
                self.config[key] = value
        self.process = None
        self.killed = collections.defaultdict(list)  # name of a child: (monotonic time, pid)
        self.write_config()

    def write_config(self):
        self.config_path.write_text(yaml(self.config) + "\n")

    # ---- life ----

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([str(self.program), "run", "--config", str(self.config_path)],
                                            stdout=log, stderr=log, cwd=self.directory)
        return self

    def wait_ready(self, seconds=wait.PATIENCE_S):
        wait.until(lambda: "the feeder to be ready; " + self.tail(),
                   lambda: self.alive() and self.children("writer") and
                   all(child["state"] == "ready" for child in self.status()["children"]), seconds)
        return self

    def alive(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the feeder ended with {self.process.returncode}; {self.tail()}")
        return True

    def stop(self, seconds=wait.PATIENCE_S):
        """SIGTERM; returns the exit code."""
        if self.process is None or self.process.poll() is not None:
            return self.process.returncode if self.process else None
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the feeder did not stop within {seconds} s; {self.tail()}") from None

    def kill_everything(self):
        """For tear-down. A pid is only ours while the process is: ended ones may have been given to others."""
        if self.process is None or self.process.poll() is not None:
            return
        try:
            children = [os.pidfd_open(child["pid"]) for child in self.status()["children"] if child["pid"] > 0]
        except (AssertionError, OSError, ValueError, KeyError):
            children = []  # no supervisor to ask, or a child that ended just now: they end with it
        self.process.kill()
        self.process.wait()
        for child in children:
            try:
                signal.pidfd_send_signal(child, signal.SIGKILL)  # a stopped one would not see its parent's end
            except ProcessLookupError:
                pass
            select.select([child], [], [], wait.PATIENCE_S)  # until it has ended, and writes no more
            os.close(child)

    def reload(self):
        self.write_config()
        self.process.send_signal(signal.SIGHUP)

    # ---- looking ----

    def run(self, *arguments, check=True, timeout=wait.PATIENCE_S):
        """Another command of the program on the same data; returns (exit code, stdout, stderr)."""
        done = subprocess.run([str(self.program), *arguments], capture_output=True, text=True, cwd=self.directory,
                              timeout=timeout)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(arguments)} ended with {done.returncode}: {done.stderr}{done.stdout}")
        return done.returncode, done.stdout, done.stderr

    def status(self):
        return json.loads(self.run("status", "--json", "--all", "--data", str(self.data))[1])

    def children(self, kind):
        return [child for child in self.status()["children"] if child["class"] == kind and child["pid"] > 0]

    def kill(self, kind, signal_number=signal.SIGKILL):
        """Sends a signal to a running child of this kind. One that was killed so often that the next crash would set it aside
        for five minutes is left alone until it may be killed again."""
        def killed():
            return next((child for child in self.children(kind)
                         if self.may_kill(child) and send(child["pid"], signal_number)), None)
        child = wait.until(f"a {kind} to kill", killed)
        self.killed[child["name"]].append((time.monotonic(), child["pid"]))
        return child

    def may_kill(self, child):
        before = self.killed[child["name"]]
        newest = [at for at, _ in before if at > time.monotonic() - CRASHES_S]
        # The status may show one that was killed a moment ago.
        return len(newest) < CRASHES_MAX and child["pid"] not in [pid for _, pid in before]

    def tail(self, lines=40):
        if not self.log_path.exists():
            return "it said nothing"
        return "its log ends:\n" + "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])
