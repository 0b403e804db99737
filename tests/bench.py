#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`make bench`: measures the program against the simulated exchange on loopback and prints plain tables. All figures, or
those named. Takes about eight minutes and the --minutes of `budget`; ends only what it started."""

import argparse
import pathlib
import signal
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.bench import backfill, budget, footprint, gateway, live, machine, recovery  # noqa: E402 (needs the path above)
from tests.bench import sink, tickdelay, tickdisk, ticks  # noqa: E402
from tests.bench.rig import Bench  # noqa: E402

FIGURES = {"recovery": recovery, "backfill": backfill, "live": live, "ticks": ticks, "tickdelay": tickdelay,
           "tickdisk": tickdisk, "footprint": footprint, "gateway": gateway, "sink": sink,
           "budget": budget}
NAME_WIDTH = 76


def show(figure, bench):
    """Prints one table; returns whether it could be measured."""
    begun = time.monotonic()
    print(f"\n{figure.TITLE}\n  ({figure.NOTE})", flush=True)
    try:
        for name, value in figure.measure(bench):
            print(f"  {name:<{NAME_WIDTH}} {value}", flush=True)
    except (AssertionError, OSError) as error:
        print(f"  not measured: {error}", flush=True)
        return False
    print(f"  ({time.monotonic() - begun:.0f} s)", flush=True)
    return True


def stop(_signal, _frame):
    sys.exit(130)  # on the way out each rig ends what it started


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help=f"of {', '.join(FIGURES)}; all where none is named")
    parser.add_argument("--build", default="build")
    parser.add_argument("--minutes", type=int, default=10, help="full minutes of the budget figure")
    parser.add_argument("--rest-seconds", type=int, default=30, help="over which CPU at rest is measured")
    parser.add_argument("--directory", default=tempfile.gettempdir(), help="where data is stored and deleted afterwards")
    options = parser.parse_args()
    unknown = [name for name in options.figures if name not in FIGURES]
    if unknown or options.minutes < 1 or options.rest_seconds < 1:
        parser.error(f"no figure is called {', '.join(unknown)}; there are {', '.join(FIGURES)}" if unknown else
                     "--minutes and --rest-seconds: 1 or more")
    signal.signal(signal.SIGTERM, stop)
    begun = time.monotonic()
    for line in machine.lines(options.directory):
        print(line)
    bench = Bench(pathlib.Path(options.build).resolve(), options.directory, options.minutes, options.rest_seconds)
    measured = [show(FIGURES[name], bench) for name in options.figures or FIGURES]
    print(f"\nload after   {machine.load()}\nall of it    {time.monotonic() - begun:.0f} s")
    return 0 if all(measured) else 1


if __name__ == "__main__":
    sys.exit(main())
