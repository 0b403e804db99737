#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`make soak`: all streams of many symbols for a while, processes killed, stopped and restarted at random from a seed; then
each trade, bar, quote and book that is stored against the simulated exchange's ledger. Stops by itself; exit 0: all equal."""

import argparse
import pathlib
import random
import shutil
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.lib import soak  # noqa: E402 (needs the path above)
from tests.lib.exchange import Exchange  # noqa: E402
from tests.lib.feeder import Feeder  # noqa: E402

MINUTES_MAX = 240


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build")
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--symbols", type=int, default=10)
    parser.add_argument("--seed", type=int, default=None, help="of the market and of all chance; printed")
    parser.add_argument("--trades-per-minute", type=int, default=600, help="of each symbol")
    options = parser.parse_args()
    if not 0 < options.minutes <= MINUTES_MAX or not 1 <= options.symbols <= len(soak.NAMES):
        parser.error(f"accepted: up to {MINUTES_MAX} minutes, 1 to {len(soak.NAMES)} symbols")
    return options


def main():
    options = parse()
    build = pathlib.Path(options.build).resolve()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 31)
    symbols = soak.NAMES[:options.symbols]
    directory = pathlib.Path(tempfile.mkdtemp(prefix="bf-soak-"))
    print(f"{options.minutes:g} minutes, {len(symbols)} symbols, seed {seed}, in {directory}", flush=True)
    exchange = Exchange(build, directory / "exchange", **soak.exchange_options(symbols, seed, options.trades_per_minute))
    feeder = Feeder(build, directory / "feeder", exchange, symbols, **soak.feeder_keys())
    run = soak.Soak(exchange, feeder, symbols, seed, lambda text: print(text, flush=True))
    complaints = ["it did not come to an end"]
    try:
        complaints = run.run(options.minutes * 60)
    finally:
        feeder.kill_everything()
        exchange.stop()
        print(run)
        for complaint in complaints:
            print(complaint)
        if complaints:
            print(f"FAILED (seed {seed}); everything is kept in {directory}")
        else:
            shutil.rmtree(directory)
            print("store equals ledger")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
