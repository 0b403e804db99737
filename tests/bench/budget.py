# SPDX-License-Identifier: Apache-2.0
"""REST backfill within the exchange's real limits."""

import time

from tests.bench import rig
from tests.lib import interval as grid
from tests.lib import wait

TITLE = "Backfill within the real limits"
NOTE = ("eight symbols, 4 backfill workers, 6,000 weight a minute of which 0.9 may be used; full minutes of the exchange, "
        "counted by the exchange")
CLOCK = "2026-06-01T00:00:00"
LIMIT, UTILIZATION, WEIGHT_OF_PAGE, ROWS_OF_PAGE = 6000, 0.9, 2, 1000
SYMBOLS = 8
SPARE_MINUTES = 2  # the ones that are not full


def history_start(minutes):
    """As much history as the budget can fetch in that time, and some more."""
    pages = (minutes + SPARE_MINUTES) * LIMIT * UTILIZATION / WEIGHT_OF_PAGE
    return grid.text(grid.us(CLOCK) - int(pages * ROWS_OF_PAGE / SYMBOLS) * grid.MINUTE)


def measure(bench):
    budget = LIMIT * UTILIZATION
    with bench.rig(rig.symbol_names(SYMBOLS), {"start": CLOCK + "Z"}, start=history_start(bench.minutes),
                   backfill={"parallelism": 4}, realtime={"enabled": False},
                   rate_limit={"utilization": UTILIZATION}) as (exchange, feeder):
        feeder.start().wait_ready()
        wait.until("the first page", lambda: exchange.requests()["klines_rows"] > 0, 30)
        first = int(time.time() // 60) + 1  # the first full minute
        time.sleep((first + bench.minutes) * 60 + 1 - time.time())
        seen, status = exchange.requests(), feeder.status()
    full = [one["weight"] / budget for one in seen["minutes"] if first <= one["minute"] < first + bench.minutes]
    if len(full) != bench.minutes:
        raise AssertionError(f"{len(full)} of {bench.minutes} minutes saw requests: {seen['minutes']}")
    yield f"budget used over all full minutes ({len(full)})", f"{100 * sum(full) / len(full):.2f} %"
    yield "budget used in the least and the most used minute", f"{100 * min(full):.2f} %, {100 * max(full):.2f} %"
    yield "answers 429, 418; requests in spite of them", f"{seen['sent_429']}, {seen['sent_418']}; {seen['violations']}"
    yield "rows in the synced store meanwhile", f"{rig.rows(status):,}"
    if status["complete"]:
        raise AssertionError("the history ended before the time did: the figures are too low")
