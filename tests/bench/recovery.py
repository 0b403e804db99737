# SPDX-License-Identifier: Apache-2.0
"""How soon there is something, and how soon again after kill -9."""

import os
import pathlib
import signal
import time

from tests.bench import rig
from tests.lib import wait

TITLE = "Start, and kill -9"
NOTE = ("1m bars of three symbols at 600 times real time (a bar of each every 0.1 s) beside a backfill within the real limits. "
        "Ready: the new process says so, a stream worker also that it is connected. Bar: a live one newer than all before, "
        "seen in the year file. The supervisor is started again by hand as soon as its children are gone")
SINCE, CLOCK = "2018-01-01T00:00:00Z", "2024-03-05T12:00:00Z"
SYMBOLS = ("BTCUSDT", "ETHUSDT", "BNBUSDT")
SECONDS_MAX = 60
EVERY_S = 0.01


class Watch:
    """Seconds since it was made at which conditions came true."""

    def __init__(self):
        self.begun = time.monotonic()

    def until(self, what, condition):
        wait.until(what, condition, SECONDS_MAX, every=EVERY_S)
        return time.monotonic() - self.begun


def child_of(feeder, kind, name=None):
    status = rig.look(feeder)
    for child in status["children"] if status else []:
        if child["class"] == kind and name in (None, child["name"]):
            return child
    return None


def is_ready(child, other_than):
    return (child and child["pid"] not in (0, other_than) and child["state"] == "ready" and
            (child["class"] != "stream" or child["connected"]))


def kill_child(exchange, feeder, kind):
    """(seconds until its successor is ready, seconds until it works) after kill -9."""
    victim = child_of(feeder, kind)
    symbol = victim["name"] if kind == "stream" else SYMBOLS[0]
    newest = rig.newest_row_us(feeder, exchange, symbol)
    watch = Watch()
    os.kill(victim["pid"], signal.SIGKILL)
    ready = watch.until(f"the next {kind}", lambda: is_ready(child_of(feeder, kind, victim["name"]), victim["pid"]))
    if kind == "backfill":
        works = watch.until("rows from it", lambda: child_of(feeder, kind, victim["name"])["records"] > 0)
    else:
        # What opened before the kill may still come by REST: one that opens afterwards is new.
        limit = max(newest, exchange.now_us())
        works = watch.until("a new bar", lambda: rig.newest_row_us(feeder, exchange, symbol) >= limit)
    return ready, works


def gone(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def kill_supervisor(exchange, feeder):
    status = feeder.status()
    children = [child["pid"] for child in status["children"] if child["pid"] > 0]
    watch = Watch()
    os.kill(status["supervisor_pid"], signal.SIGKILL)
    feeder.process.wait()
    alone = watch.until("the children to be gone", lambda: all(gone(pid) for pid in children))
    feeder.start()

    def all_ready():
        now = rig.look(feeder)
        kinds = [child["class"] for child in now["children"]] if now else []
        return kinds.count("stream") == len(SYMBOLS) and all(is_ready(child, 0) for child in now["children"])

    ready = watch.until("all to be ready", all_ready)
    limit = exchange.now_us()
    return alone, ready, watch.until("a new bar", lambda: rig.newest_row_us(feeder, exchange, SYMBOLS[0]) >= limit)


def start(exchange, feeder):
    watch = Watch()
    feeder.start()
    seen = watch.until("a bar in a year file", lambda: any(
        any_row(path) for path in feeder.root.glob("*/1Min/OHLCV/*.bin")))
    live = watch.until("a live bar", lambda: all(
        rig.newest_row_us(feeder, exchange, symbol) for symbol in SYMBOLS))
    synced = watch.until("rows in the ledger", lambda: rig.rows(rig.look(feeder)) > 0)
    return seen, live, synced


def any_row(path):
    """Whether a sparse file has data beyond its header's pages."""
    with open(path, "rb") as file:
        try:
            return os.lseek(file.fileno(), 10 * 4096, os.SEEK_DATA) > 0
        except OSError:
            return False


def measure(bench):
    with bench.rig(SYMBOLS, {"start": CLOCK, "speed": 600}, start=SINCE) as (exchange, feeder):
        seen, live, synced = start(exchange, feeder)
        yield "from `run` to the first bar in the store", rig.plain_s(seen)
        yield "from `run` to the first live bar of every symbol", rig.plain_s(live)
        yield "from `run` to the first synced row in the ledger", rig.plain_s(synced)
        feeder.wait_ready()
        works_by_kind = {"stream": "new live bar stored", "backfill": "it fetches rows", "writer": "new live bar stored"}
        for kind, works in works_by_kind.items():
            ready, again = kill_child(exchange, feeder, kind)
            yield f"kill -9 of a {kind} process: ready; {works}", f"{rig.plain_s(ready)}; {rig.plain_s(again)}"
        alone, ready, again = kill_supervisor(exchange, feeder)
        yield ("kill -9 of the supervisor: children gone; all ready; new live bar stored",
               f"{rig.plain_s(alone)}; {rig.plain_s(ready)}; {rig.plain_s(again)}")
