# SPDX-License-Identifier: Apache-2.0
"""Latency of trades, quotes and changes of books at a steady rate, alone and beside a backfill."""

import time

from tests.bench import rig
from tests.bench.live import disk_sync_ms, of_streams
from tests.lib import wait

TITLE = "Receive to durable at 20,000 frames/s"
NOTE = ("trades, aggregate trades, quotes and changes of the books of ten symbols at the speed of real time, from the "
        "worker's receipt to the commit of the spool; the whole run, its start included. Three runs each: the middle one "
        "by p99, and the p99 of the others")
CLOCK = "2024-03-05T12:00:00Z"
OLD = "2024-01-01T00:00:00Z"  # 1s bars before CLOCK: the backfill beside does not end
SYMBOLS = 10
# As on the exchange most frames are quotes. A bar costs the exchange all its trades, and it shares the cores with us.
TRADES_PER_MINUTE, UPDATES, QUOTES = 17_500, 12, 8
SECONDS, RUNS = 15, 3


def one_run(bench, **backfill):
    """(frames/s, latency_us of the status, rows backfilled per second)"""
    market = {"start": CLOCK, "limit_weight": 0, "trades_per_minute": TRADES_PER_MINUTE, "tick_ms": 1,
              "updates_per_trade": UPDATES, "quotes_per_trade": QUOTES}
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
    yield "the disk alone: append and fdatasync, p50 and p99", "{:.2f} ms, {:.2f} ms".format(*disk_sync_ms(bench.directory))
    for name, keys in (("alone", {"enabled": False}),
                       ("beside a backfill", {"start_time": OLD, "parallelism": 2, "data": "kline", "interval": "1s"})):
        runs = sorted((one_run(bench, **keys) for _ in range(RUNS)), key=lambda run: run[1]["p99"])
        rate, latency, fetched = runs[RUNS // 2]
        beside = f" and {fetched:,.0f} rows/s backfilled" if fetched >= 1000 else ""
        yield (f"{name}: p50, p99 and p99.9",
               ", ".join(f"{latency[key] / 1000:.2f} ms" for key in ("p50", "p99", "p999")) +
               f" at {rate:,.0f} frames/s{beside}")
        yield f"{name}: p99 of the others", ", ".join(f"{runs[i][1]['p99'] / 1000:.2f} ms" for i in range(RUNS)
                                                     if i != RUNS // 2)
