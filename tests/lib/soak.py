# SPDX-License-Identifier: Apache-2.0
"""All streams of some busy symbols while processes end at random; then everything that is stored against the exchange's
ledger. Used by tests/scenario/test_soak.py for a minute and by tests/soak.py (`make soak`) for as long as one likes."""

import collections
import re
import time

from tests.lib import compare, servers, tickcompare, ticks, wait
from tests.lib import interval as grid
from tests.lib.chaos import Chaos

NAMES = ("BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT", "DOGEUSDT", "TRXUSDT", "LTCUSDT", "DOTUSDT",
         "LINKUSDT", "AVAXUSDT", "ATOMUSDT", "UNIUSDT", "NEARUSDT", "FILUSDT", "APTUSDT", "ARBUSDT", "OPUSDT", "SUIUSDT")
START = "2024-03-05T12:00:00Z"
HISTORY_FROM = "2024-03-05T11:50:00"
STREAMS = ["kline", "trade", "agg_trade", "book_ticker", "depth"]
LEVELS, CADENCE_US = 20, 1_000_000  # once a second where nothing else is said
SAID = {"QUOTE": "quote", "DEPTH": "depth", "DEPTHDIFF": "depth_diff"}  # what status calls them
MADE = ["1s", "3m"]  # of trades


def exchange_options(symbols, seed, trades_per_minute=600):
    return {"seed": seed, "start": START, "speed": 1, "symbols": ",".join(symbols), "trades_per_minute": trades_per_minute}


def feeder_keys():
    return {"start": HISTORY_FROM + "Z",
            "realtime": {"stream_type": STREAMS},
            "depth": {"levels": LEVELS, "diffs": True},
            "aggregate": {"from": "trade", "to": MADE, "check": True},
            "gateway": {"listen": f"'127.0.0.1:{servers.free_port()}'"}}


def last_bar_us(interval, until_us):
    """The open time of the last bar that has long been closed."""
    length = grid.LENGTH_US[interval]
    return until_us - until_us % length - 2 * length


class Soak:
    def __init__(self, exchange, feeder, symbols, seed, say=lambda text: None):
        self.exchange, self.feeder, self.symbols, self.say = exchange, feeder, symbols, say
        self.chaos = Chaos(feeder, seed)
        self.status = None
        self.rows, self.lost = collections.Counter(), collections.defaultdict(lambda: [0, 0.0])

    def run(self, seconds):
        """Returns what is not as it must be: nothing, if all is well."""
        self.feeder.start().wait_ready()
        begun = said = time.monotonic()

        def progress():
            nonlocal said
            if time.monotonic() - said >= 60:
                said = time.monotonic()
                self.say(f"{(said - begun) / 60:.0f} of {seconds / 60:.0f} minutes: {self.chaos}")

        try:
            self.chaos.run(seconds, progress)
        finally:
            self.chaos.close()
        until_us = self.settle()
        self.say("everything is repaired; comparing")
        complaints = self.bars(until_us)
        code = self.feeder.stop()
        if code != 0:
            complaints.append(f"the feeder ended with {code}")
        self.status = self.feeder.status()["buckets"]
        for symbol in self.symbols:
            complaints += self.ticks(symbol, until_us)
        complaints += self.comparisons()
        requests = self.exchange.requests()
        complaints += [f"the exchange counted {requests[name]} {name}" for name in ("sent_429", "sent_418", "violations")
                       if requests[name] > 0]
        return complaints

    def settle(self):
        """Waits until all children run and nothing is open; returns the exchange's time from which on all was quiet."""
        self.feeder.wait_ready(wait.AFTER_CRASHES_S)
        until_us = self.exchange.now_us()
        state = {}

        def repaired():
            self.feeder.alive()
            status = self.feeder.status()
            state["open"] = [one for one in status["buckets"] if self.is_open(one, until_us)]
            return not state["open"]

        wait.until(lambda: f"everything to be repaired: {self.describe(state['open'])}; {self.feeder.tail()}", repaired,
                   wait.AFTER_CRASHES_S, every=1)
        return until_us

    @staticmethod
    def is_open(bucket, until_us):
        if bucket["missing"] > 0 or not bucket["last"]:
            return True
        newest_us = until_us - 3_000_000 if bucket["kind"] != "bar" else last_bar_us(bucket["interval"], until_us)
        return grid.us(bucket["last"].rstrip("Z")) < newest_us

    @staticmethod
    def describe(buckets):
        return ", ".join(f"{one['symbol']} {one['interval'] or one['kind']} (missing {one['missing']}, last {one['last']})"
                         for one in buckets[:10])

    def comparisons(self):
        """Books that live for long enough are compared with a fresh snapshot, and say how it went."""
        said = re.findall(r"the kept book (?:equals|differs from) a fresh snapshot.*", self.feeder.log_path.read_text())
        self.rows["kept books with fresh snapshots"] += len(said)
        return [text for text in said if "differs" in text]

    def bars(self, until_us):
        complaints = []
        for interval in ["1m"] + MADE:
            # Nobody proves that the first trade of the history is the first of its second.
            first_us = grid.us(HISTORY_FROM) + (grid.LENGTH_US[interval] if interval in MADE else 0)
            try:
                self.rows[f"bars {interval}"] += compare.wait_equal(
                    self.exchange, self.feeder, self.symbols, interval, first_us, last_bar_us(interval, until_us))
            except wait.DeadlineError as late:
                complaints.append(f"{interval}: {str(late)[:2000]}")
        return complaints

    def ticks(self, symbol, until_us):
        oracle = tickcompare.Oracle(self.exchange, self.feeder, symbol)
        oracle.check_ids("TRADE", grid.us(HISTORY_FROM), until_us)
        oracle.check_ids("AGGTRADE", grid.us(HISTORY_FROM), until_us)
        oracle.check_quotes(until_us)
        oracle.check_tops(LEVELS, CADENCE_US, until_us)
        oracle.check_changes(until_us)
        for group, kind in SAID.items():
            spans, seconds = oracle.lost[group]
            bucket = [one for one in self.status if (one["symbol"], one["kind"]) == (symbol, kind)][0]
            oracle.check((bucket["lost_spans"], round(bucket["lost_seconds"], 3)) == (spans, round(seconds, 3)),
                         f"{group}: status says that {bucket['lost_spans']} spans are lost, {bucket['lost_seconds']} s in all; "
                         f"the ledger has {spans}, {seconds} s")
        self.rows.update(oracle.rows)
        for kind, (spans, seconds) in oracle.lost.items():
            self.lost[kind][0] += spans
            self.lost[kind][1] += seconds
        self.say(f"{symbol}: " + ("equal" if not oracle.complaints else f"{len(oracle.complaints)} complaints"))
        return oracle.complaints

    def __str__(self):
        lost = ", ".join(f"{kind} {spans} spans of {seconds:.1f} s in all" for kind, (spans, seconds) in self.lost.items()
                         if spans > 0)
        rows = ", ".join(f"{name} {count:,}" for name, count in self.rows.items())
        return f"ended or stopped: {self.chaos}\ncompared: {rows}\nlost, and said so: {lost or 'nothing'}"
