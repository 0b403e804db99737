# SPDX-License-Identifier: Apache-2.0
"""REST backfill without limits: what the program itself can do."""

import time

from tests.bench import rig
from tests.lib import wait

TITLE = "Backfill without limits"
NOTE = ("1m bars of two symbols over loopback, pages of 1,000; from the start of the first request to the last row in the "
        "synced store and the ledger; the exchange makes its answers on the same cores")
SINCE, CLOCK = "2021-01-01T00:00:00Z", "2024-03-05T00:00:00Z"
SECONDS_MAX = 120


def one_run(bench, workers):
    with bench.rig(("BTCUSDT", "ETHUSDT"), {"start": CLOCK, "limit_weight": 0}, start=SINCE,
                   backfill={"parallelism": workers}, realtime={"enabled": False}) as (exchange, feeder):
        feeder.start()
        wait.until("the first page", lambda: exchange.requests()["klines_rows"] > 0, 30, every=0.005)
        begun, state = time.monotonic(), {}

        def complete():
            state["status"] = rig.look(feeder)
            return state["status"] and state["status"]["complete"]

        wait.until("the history to be complete", complete, SECONDS_MAX, every=0.1)
        seconds = time.monotonic() - begun
        count = rig.rows(state["status"])
        return count, seconds, rig.cpu_text(rig.cpu_by_kind(feeder, state["status"], exchange), count)


def measure(bench):
    rates = {}
    for workers in (1, 4):
        count, seconds, cpu = one_run(bench, workers)
        rates[workers] = count / seconds
        name = f"{workers} backfill worker" + ("s" if workers > 1 else "")
        yield f"bars/s, {name}", f"{rig.per_second(count, seconds)} ({count:,} in {seconds:.1f} s)"
        yield f"CPU in µs a bar, {name}", cpu
    yield "four workers to one", f"{rates[4] / rates[1]:.2f}"
