# SPDX-License-Identifier: Apache-2.0
"""Trades, quotes and books: frames a second to durable beside an empty callback and the parser alone."""

import contextlib
import os
import subprocess
import time

from tests.bench import rig
from tests.bench.live import of_streams
from tests.lib import wait

TITLE = "Frames of one connection"
NOTE = ("one symbol, one stream, as fast as the stream worker reads; the exchange renders trades, quotes and depth before "
        "it sends. Durable: committed to the spool and acknowledged. In the same run: an empty libwebsockets callback on the "
        "same connection, and the parser over the same frames in memory. What is measured has a core of its own, exchange and "
        "writer share the others; per core: by the CPU time of that one process, which says what it could do where exchange "
        "and writer keep up")
CLOCK = "2024-03-05T12:00:00Z"
SYMBOL = "BTCUSDT"
BUSY = {"trades_per_minute": 60_000}  # a thousand a second, as of a busy symbol in a busy hour: blocks of a thousand rows
CALM = {"trades_per_minute": 600}
KINDS = {  # name: stream at the exchange, stream_type, frames, market
    "aggTrade": ("aggTrade", "agg_trade", 2_000_000, BUSY),
    "trade": ("trade", "trade", 2_000_000, BUSY),
    "bookTicker": ("bookTicker", "book_ticker", 2_000_000, BUSY),
    "kline 1s": ("kline_1s", "kline", 500_000, CALM),
    "depth": ("depth@100ms", "depth", 600_000, {**CALM, "updates_per_trade": 6, "blast_updates": 3}),  # 20 levels an event
}
BUFFER = 100_000  # realtime.buffer_size: a tenth of a second
RECORDED = 5_000
REST_S = 0.03  # a worker that has used no CPU for so long may be done
SECONDS_MAX = 120


def words(line):
    """`name value name value` as a dictionary."""
    parts = line.split()
    return {name: float(value) for name, value in zip(parts[::2], parts[1::2])}


@contextlib.contextmanager
def core_of_its_own():
    """Yields a core; whatever is started meanwhile goes to the others, where there are others."""
    allowed = os.sched_getaffinity(0)
    core = max(allowed)
    try:
        os.sched_setaffinity(0, allowed - {core} or allowed)
        yield core
    finally:
        os.sched_setaffinity(0, allowed)


def pin(pid, core):
    for thread in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(thread), {core})


def support(bench, core, name, *arguments):
    """Runs a support program on that core; the words it prints."""
    done = subprocess.run([str(bench.build / "tests/support" / name), *map(str, arguments)], capture_output=True,
                          text=True, timeout=SECONDS_MAX, preexec_fn=lambda: os.sched_setaffinity(0, {core}))
    if done.returncode != 0:
        raise AssertionError(f"{name} ended with {done.returncode}: {done.stderr}{done.stdout}")
    return words(done.stdout)


def without_us(bench, core, stream, kind, frames, market):
    """(what the empty callback, what the parser took)"""
    with bench.rig((SYMBOL,), {"start": CLOCK, "blast": frames, **market}) as (server, feeder):
        path = feeder.directory / "frames"
        empty = support(bench, core, "wsdrain", "--port", server.port, "--path",
                        f"/stream?streams={SYMBOL.lower()}@{stream}", "--frames", frames, "--record", path, "--lines",
                        RECORDED)
        return empty, support(bench, core, "parsebench", "--type", kind, "--symbol", SYMBOL, "--frames", path)


def stream_worker(feeder):
    """Its child in the status, or None while there is none."""
    status = rig.look(feeder)
    return next((child for child in status["children"] if child["class"] == "stream" and child["pid"] > 0),
                None) if status else None


def when_durable(feeder, pid, frames):
    """Waits until all frames are; when the last of them was. The worker looks every few milliseconds whether what it sent
    is durable, and rests once it is. The status is asked for only then: asking takes ten milliseconds of CPU each time,
    on the cores that exchange and writer share."""
    seen = {"cpu": -1, "at": 0}

    def over():
        now, cpu = time.monotonic(), rig.cpu_s(pid)
        if cpu != seen["cpu"]:
            seen.update(cpu=cpu, at=now)
        if now - seen["at"] < REST_S:
            return False
        child = stream_worker(feeder)
        return child["messages"] >= frames and child["window_bytes"] == 0

    wait.until(lambda: f"all frames to be durable: {stream_worker(feeder)}; {feeder.tail()}", over, SECONDS_MAX, every=0.005)
    return seen["at"]


def durable(bench, core, kind, frames, market):
    """(frames, seconds until they were durable, {kind of process: CPU seconds meanwhile}), from when the first had come"""
    with bench.rig((SYMBOL,), {"start": CLOCK, "blast": frames, **market}, timeframe="1s", backfill={"enabled": False},
                   depth={"diffs": True}, realtime={"enabled": True, "stream_type": kind, "update_freq": "1s",
                                                    "buffer_size": BUFFER}) as (exchange, feeder):
        feeder.start()
        pid = wait.until(lambda: "a stream worker; " + feeder.tail(), lambda: stream_worker(feeder), 30, every=0.02)["pid"]
        pin(pid, core)
        wait.until(lambda: "the first frame; " + feeder.tail(),
                   lambda: (stream_worker(feeder) or {"messages": 0})["messages"], 30, every=0.01)
        begun, status = time.monotonic(), feeder.status()
        before = rig.cpu_by_kind(feeder, status, exchange)
        count = frames - of_streams(status, "messages")
        seconds = when_durable(feeder, pid, frames) - begun
        after = rig.cpu_by_kind(feeder, feeder.status(), exchange)
        return count, seconds, {name: used - before[name] for name, used in after.items()}


def measure(bench):
    with core_of_its_own() as core:
        for name, (stream, kind, frames, market) in KINDS.items():
            empty, parser = without_us(bench, core, stream, kind, frames, market)
            count, seconds, used = durable(bench, core, kind, frames, market)
            rate, rate_empty = count / seconds, empty["frames"] / empty["seconds"]
            each, each_empty = used["stream"] / count, empty["cpu_seconds"] / empty["frames"]
            levels = f", {parser['levels'] / parser['frames']:.0f} levels" if parser["levels"] else ""
            yield f"{name} frames/s to durable ({empty['bytes'] / empty['frames']:.0f} bytes{levels})", f"{rate:,.0f}"
            yield f"{name} frames/s, empty callback; durable to that", f"{rate_empty:,.0f}; {100 * rate / rate_empty:.0f} %"
            yield (f"{name} frames/s per core, stream worker, empty callback, ratio",
                   f"{1 / each:,.0f}, {1 / each_empty:,.0f}, {100 * each_empty / each:.0f} %")
            yield f"{name} frames/s, parser alone", f"{parser['frames'] / parser['cpu_seconds']:,.0f}"
            yield f"{name} CPU in µs a frame until durable", rig.cpu_text(used, count)
