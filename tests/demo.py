#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`make demo`: the feeder against the simulated exchange on loopback, whose clock runs sixty times as fast, so that a
minute's bar closes every second. Ends with the proof that the store equals what the exchange sent. KEEP=1 goes on until
Ctrl-C."""

import argparse
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.lib import compare  # noqa: E402 (needs the path above)
from tests.lib import interval as grid  # noqa: E402
from tests.lib import store  # noqa: E402
from tests.lib.exchange import Exchange  # noqa: E402

SYMBOLS = ("BTCUSDT", "ETHUSDT", "BNBUSDT")
CLOCK = "2024-03-05T12:00:00Z"
HISTORY_FROM = "2023-09-01T00:00:00Z"
SPEED = 60
SECONDS = 45
ANSWER_S = 0.1  # until an answer of the exchange comes, as over the internet
RUN_DIRECTORY_BYTES_MAX = 83  # the control socket's name must fit into a socket address


def data_directory():
    """A fresh one each time; a short one where the checkout lies deep."""
    path = ROOT / "binance-data" / "demo"
    if len(str(path / "run")) > RUN_DIRECTORY_BYTES_MAX:
        path = pathlib.Path("/tmp") / f"binancefeeder-demo-{os.getuid()}"
    if path.exists():
        shutil.rmtree(path)
    path.mkdir(parents=True)
    return path


def run(program, exchange, data):
    environment = dict(os.environ,
                       BINANCEFEEDER_ENDPOINTS_REST=exchange.rest_url,
                       BINANCEFEEDER_ENDPOINTS_STREAM=exchange.stream_url,
                       BINANCEFEEDER_BACKFILL_START_TIME=HISTORY_FROM,
                       BINANCEFEEDER_DATA_DIRECTORY=str(data))
    command = [str(program), "run", "--config", str(ROOT / "config" / "demo.yml"), "--screen"]
    if not os.environ.get("KEEP"):
        command += ["--for", str(SECONDS)]
    process = subprocess.Popen(command, env=environment)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is the feeder's, which stops in order
    return process.wait()


def newest_stored(data, symbol):
    return max(store.bars(data / "marketstore", symbol, "1m"), default=None)


def prove(exchange, data):
    """Row by row and column by column, from the first bar of the history to the newest one stored."""
    rows = missing = extra = different = 0
    for symbol in SYMBOLS:
        newest = newest_stored(data, symbol)
        if newest is None:
            print(f"{symbol}: nothing is stored")
            return False
        # A bar that is stored twice is an error of the reader of the store already (tests/lib/store.py).
        one = compare.against_ledger(exchange, data / "marketstore", symbol, "1m", grid.us(HISTORY_FROM.rstrip("Z")), newest)
        if not one.equal:
            print(f"{symbol}: {one}")
        rows, missing = rows + one.rows, missing + len(one.missing)
        extra, different = extra + len(one.extra), different + len(one.different)
    print(f"store equals exchange: {rows:,} rows compared, {missing} missing, {extra} doubled, {different} different"
          if missing + extra + different == 0 else
          f"store DIFFERS from exchange: {rows:,} rows compared, {missing} missing, {extra} too many, {different} different")
    return missing + extra + different == 0


def say_what_next(program, data):
    program, data = (os.path.relpath(path) for path in (program, data))
    print(f"""
What to type next, on the data just stored:
  {program} query BTCUSDT/1m --last 5 --data {data}
  {program} query ETHUSDT/1m --start 2024-03-05T12:00 --end 2024-03-05T12:05 --csv --data {data}
  {program} status --data {data}
And against Binance itself:
  {program} backfill BTCUSDT --interval 1h --since 30d
  make run""")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build")
    build = pathlib.Path(parser.parse_args().build).resolve()
    program = build / "bin" / "binancefeeder"
    begun = time.monotonic()
    data = data_directory()
    # Inherited by the exchange: a Ctrl-C must not end it before the feeder has stopped and the proof is made.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    exchange = Exchange(build, data / "exchange", start=CLOCK, speed=SPEED, symbols=",".join(SYMBOLS), seed=2024)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    try:
        exchange.fault("slow-answer", endpoint="/api/v3/klines", seconds=ANSWER_S, count=-1)
        print(f"A simulated Binance listens on {exchange.rest_url}; its clock stands at {CLOCK} and runs {SPEED} times as "
              f"fast.\nHistory from {HISTORY_FROM} on is backfilled, then live bars are streamed.\n", flush=True)
        code = run(program, exchange, data)
        print(flush=True)
        if code != 0:
            print(f"the feeder ended with exit code {code}; its log: {data / 'binancefeeder.log'}")
            return 1
        proved = prove(exchange, data)
    finally:
        exchange.stop()
    if proved:
        say_what_next(program, data)
        print(f"\nAll of this took {time.monotonic() - begun:.0f} seconds.")
    return 0 if proved else 1


if __name__ == "__main__":
    sys.exit(main())
