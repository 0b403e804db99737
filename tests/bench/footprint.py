# SPDX-License-Identifier: Apache-2.0
"""Memory and CPU at rest, by number of symbols."""

import time

from tests.bench import rig
from tests.lib import wait

TITLE = "Memory and CPU at rest"
NOTE = ("PSS, so shared pages count once; 1m bars at real time, history complete, 2 backfill workers, gateway off; CPU: "
        "user and system time of all processes, in percent of one core")
CLOCK = "2024-03-05T12:00:30Z"
SINCE = "2024-03-05T06:00:00Z"
COUNTS = (3, 100, 300)
READY_S = 120


def at_rest(feeder):
    status = rig.look(feeder)
    return (status and status["complete"] and all(child["state"] == "ready" for child in status["children"]) and
            all(child["connected"] for child in status["children"] if child["class"] == "stream") and status)


def one_size(bench, count):
    """(PSS by kind in KiB as lists, CPU by kind as text and in percent, seconds until at rest)"""
    with bench.rig(rig.symbol_names(count), {"start": CLOCK, "limit_weight": 0}, start=SINCE) as (exchange, feeder):
        begun = time.monotonic()
        feeder.start()
        status = wait.until(lambda: "the feeder to be at rest; " + feeder.tail(), lambda: at_rest(feeder), READY_S, every=0.2)
        until_rest = time.monotonic() - begun
        kinds = rig.pids(feeder, status)
        before, since = rig.cpu_by_kind(feeder, status, exchange), time.monotonic()
        time.sleep(bench.rest_seconds)
        used, seconds = rig.cpu_by_kind(feeder, status, exchange), time.monotonic() - since
        memory = {kind: [rig.pss_kib(pid) for pid in group] for kind, group in kinds.items()}
        for each in (before, used):
            del each["exchange"]
        return memory, 100 * (sum(used.values()) - sum(before.values())) / seconds, until_rest


def measure(bench):
    for count in COUNTS:
        memory, cpu, until_rest = one_size(bench, count)
        whole = sum(sum(group) for group in memory.values())
        processes = sum(len(group) for group in memory.values())
        yield f"{count} symbols: whole", f"{whole / 1024:.1f} MiB in {processes} processes"
        yield (f"{count} symbols: of each kind, on average",
               ", ".join(f"{kind} {sum(group) / len(group) / 1024:.2f} MiB" for kind, group in memory.items()))
        yield f"{count} symbols: CPU at rest", f"{cpu:.2f} % of a core over {bench.rest_seconds} s"
        yield f"{count} symbols: from start to at rest", rig.plain_s(until_rest)
