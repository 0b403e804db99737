# SPDX-License-Identifier: Apache-2.0
"""Live bars: throughput to durable, and latency from receipt to durable."""

import os
import tempfile
import time

from tests.bench import rig
from tests.lib import wait

TITLE = "Live bars"
NOTE = ("durable: committed to the spool and acknowledged. At full blast: closed 1s bars of two symbols, as fast as two "
        "stream workers read. Latency: closed 1s bars of 20 symbols at 50 times real time over two stream workers, "
        "1,000 a second in bursts of 20, from the worker's receipt to the commit")
CLOCK = "2024-03-05T12:00:00Z"
BLAST = 600_000  # bars of each symbol
SYMBOLS, SPEED = 20, 50
LATENCY_S = 12
OLD = "2024-01-01T00:00:00Z"  # 110 million 1s bars before CLOCK: the backfill beside does not end
SECONDS_MAX = 90
SYNCS, SYNC_BYTES = 300, 4096


def of_streams(status, field):
    return sum(child[field] for child in status["children"] if child["class"] == "stream") if status else 0


def all_durable(status):
    return of_streams(status, "messages") >= 2 * BLAST and of_streams(status, "window_bytes") == 0


def blast(bench):
    """(durable records, bars that were left to REST, seconds to durable, rows, seconds to stored, CPU until durable)"""
    with bench.rig(("BTCUSDT", "ETHUSDT"), {"start": CLOCK, "blast": BLAST}, timeframe="1s",
                   backfill={"enabled": False}) as (exchange, feeder):
        feeder.start()
        wait.until("the first bar", lambda: of_streams(rig.look(feeder), "messages"), 30, every=0.005)
        begun = time.monotonic()
        status = wait.until(lambda: "all bars to be durable; " + feeder.tail(),
                            lambda: all_durable(rig.look(feeder)) and feeder.status(), SECONDS_MAX, every=0.02)
        to_durable = time.monotonic() - begun
        cpu = rig.cpu_text(rig.cpu_by_kind(feeder, status, exchange), 2 * BLAST)
        wait.until(lambda: f"all bars to be stored: {rig.rows(feeder.status())}; {feeder.tail()}",
                   lambda: rig.rows(feeder.status()) >= 2 * BLAST, SECONDS_MAX, every=0.1)
        to_stored, records = time.monotonic() - begun, of_streams(status, "records")
        return records, 2 * BLAST - records, to_durable, 2 * BLAST, to_stored, cpu


def latency(bench, **backfill):
    """(records/s, p50 and p99 in microseconds, rows backfilled per second)"""
    with bench.rig(rig.symbol_names(SYMBOLS), {"start": CLOCK, "speed": SPEED, "limit_weight": 0}, timeframe="1s",
                   backfill=backfill, realtime={"enabled": True, "symbols_per_worker": SYMBOLS // 2}) as (_, feeder):
        feeder.start().wait_ready()
        wait.until("bars", lambda: of_streams(feeder.status(), "records") > 2 * SYMBOLS, 30)
        begun, before = time.monotonic(), feeder.status()
        time.sleep(LATENCY_S)
        after, seconds = feeder.status(), time.monotonic() - begun
        fetched = sum(child["records"] for child in after["children"] if child["class"] == "backfill")
        fetched -= sum(child["records"] for child in before["children"] if child["class"] == "backfill")
        live = of_streams(after, "records") - of_streams(before, "records")
        return live / seconds, after["latency_us"]["p50"], after["latency_us"]["p99"], fetched / seconds


def disk_sync_ms(directory):
    """p50 and p99 of appending a page and syncing it, with nothing of ours running: what no program can beat."""
    taken = []
    with tempfile.TemporaryFile(dir=directory) as file:
        for _ in range(SYNCS):
            begun = time.monotonic()
            os.write(file.fileno(), bytes(SYNC_BYTES))
            os.fdatasync(file.fileno())
            taken.append(1000 * (time.monotonic() - begun))
    taken.sort()
    return taken[SYNCS // 2], taken[SYNCS * 99 // 100]


def measure(bench):
    durable, left_out, to_durable, stored, to_stored, cpu = blast(bench)
    yield "records/s to durable, two stream workers at full blast", rig.per_second(durable, to_durable)
    yield "of all bars left to REST for want of room in the window", f"{100 * left_out / stored:.2f} %"
    yield "bars/s to the synced store and the ledger", rig.per_second(stored, to_stored)
    yield "CPU in µs a bar until durable", cpu
    yield "the disk alone: append and fdatasync, p50 and p99", "{:.2f} ms, {:.2f} ms".format(*disk_sync_ms(bench.directory))
    for name, keys in (("alone", {"enabled": False}), ("beside a backfill", {"start_time": OLD, "parallelism": 2})):
        live, p50, p99, fetched = latency(bench, **keys)
        beside = f" and {fetched:,.0f} rows/s backfilled" if fetched >= 1000 else ""
        yield (f"receive to durable {name}, p50 and p99",
               f"{p50 / 1000:.2f} ms, {p99 / 1000:.2f} ms at {live:,.0f} bars/s{beside}")
