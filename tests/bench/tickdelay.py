# SPDX-License-Identifier: Apache-2.0
"""Latency of trades, quotes and changes of books at a steady rate, alone and beside a backfill."""

import time

from tests.bench import rig
from tests.bench.live import of_streams
from tests.lib import wait

TITLE = "Receive to durable at about 20,000 frames/s"
NOTE = ("trades, aggregate trades, quotes and changes of the books of ten symbols at the speed of real time, from the "
        "worker's receipt to the commit of the spool; the whole run, its start included")
CLOCK = "2024-03-05T12:00:00Z"
OLD = "2024-01-01T00:00:00Z"  # 1s bars before CLOCK: the backfill beside does not end
SYMBOLS, TRADES_PER_MINUTE = 10, 26_000
SECONDS = 15


def one_run(bench, **backfill):
    """(frames/s, latency_us of the status, rows backfilled per second)"""
    market = {"start": CLOCK, "limit_weight": 0, "trades_per_minute": TRADES_PER_MINUTE, "tick_ms": 1}
    kinds = ["trade", "agg_trade", "book_ticker", "depth"]
    with bench.rig(rig.symbol_names(SYMBOLS), market, timeframe="1s", backfill=backfill, depth={"diffs": True},
                   realtime={"enabled": True, "stream_type": kinds, "update_freq": "1s"}) as (_, feeder):
        feeder.start().wait_ready()
        wait.until(lambda: "frames; " + feeder.tail(), lambda: of_streams(feeder.status(), "messages") > 1000, 30)
        begun, before = time.monotonic(), feeder.status()
        time.sleep(SECONDS)
        after, seconds = feeder.status(), time.monotonic() - begun
        frames = of_streams(after, "messages") - of_streams(before, "messages")
        fetched = sum(child["records"] for child in after["children"] if child["class"] == "backfill")
        fetched -= sum(child["records"] for child in before["children"] if child["class"] == "backfill")
        return frames / seconds, after["latency_us"], fetched / seconds


def measure(bench):
    for name, keys in (("alone", {"enabled": False}),
                       ("beside a backfill", {"start_time": OLD, "parallelism": 2, "data": "kline", "interval": "1s"})):
        rate, latency, fetched = one_run(bench, **keys)
        beside = f" and {fetched:,.0f} rows/s backfilled" if fetched >= 1000 else ""
        yield (f"{name}: p50, p99 and p99.9",
               ", ".join(f"{latency[key] / 1000:.2f} ms" for key in ("p50", "p99", "p999")) +
               f" at {rate:,.0f} frames/s{beside}")
