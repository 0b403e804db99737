# SPDX-License-Identifier: Apache-2.0
"""How much room ticks take on disk."""

import time

from tests.bench import rig
from tests.lib import wait

TITLE = "Room on disk"
NOTE = ("one symbol with all kinds of ticks at 60 times real time for 20 s, when all of it is stored; blocks that the files "
        "take, index and header included. Depth: 20 levels a side once a second in DEPTH, each change in DEPTHDIFF")
CLOCK = "2024-03-05T12:00:00Z"
SYMBOL = "BTCUSDT"
SPEED, SECONDS, STORED_S_MAX = 60, 20, 90
MARKETS = {"busy": 3000, "quiet": 30}  # symbol: trades a minute
KINDS = ("trade", "agg_trade", "book_ticker", "depth")
PER_ROW, PER_HOUR = ("TRADE", "AGGTRADE", "QUOTE"), ("DEPTH", "DEPTHDIFF")


def bytes_of(feeder, group):
    files = feeder.root.joinpath(SYMBOL, "1Sec", group).rglob("*.bin")
    return sum(512 * path.stat().st_blocks for path in files)


def rows_of(feeder, group):
    text = feeder.run("query", f"{SYMBOL}/{group}", "--csv", "--data", str(feeder.data))[1]
    return text.count("\n") - 1


def stored(bench, trades_per_minute):
    """({attribute group: (bytes, rows)}, hours of the exchange's time that were followed)"""
    market = {"start": CLOCK, "speed": SPEED, "trades_per_minute": trades_per_minute, "limit_weight": 0}
    with bench.rig((SYMBOL,), market, timeframe="1m", backfill={"enabled": False}, depth={"diffs": True, "levels": 20},
                   realtime={"enabled": True, "stream_type": KINDS, "update_freq": "1s"}) as (exchange, feeder):
        feeder.start().wait_ready()
        begun_us = exchange.now_us()
        time.sleep(SECONDS)
        hours = (exchange.now_us() - begun_us) / 3.6e9
        exchange.control("clock", speed=0)
        wait.until("all of it to be stored", lambda: feeder.status()["spool"]["batches"] == 0, STORED_S_MAX, every=0.5)
        return {group: (bytes_of(feeder, group), rows_of(feeder, group)) for group in PER_ROW + PER_HOUR}, hours


def measure(bench):
    for name, trades_per_minute in MARKETS.items():
        groups, hours = stored(bench, trades_per_minute)
        for group in PER_ROW:
            size, rows = groups[group]
            yield (f"{group}, {name} symbol ({trades_per_minute:,} trades a minute): MB per million rows",
                   f"{size / max(rows, 1):.1f} ({rows:,} rows)")
        for group in PER_HOUR:
            size, rows = groups[group]
            yield f"{group}, {name} symbol: MB per hour", f"{size / 1e6 / hours:.1f} ({rows / hours:,.0f} rows)"
