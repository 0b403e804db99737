# SPDX-License-Identifier: Apache-2.0
"""A store with ticks of all five kinds and the rows that every server that reads it must give. The rows are made here, in
the units of the exchange; tests/support/maketicks writes them. A busy symbol across a new year, a quiet one over months, a
burst of a few seconds, and rows that are much alike, which compress so well that a stock server can have no room for them."""

import os
import pathlib
import random
from decimal import Decimal

import numpy as np

from tests.lib import interval as grid
from tests.lib import servers

BUILD = pathlib.Path(os.environ.get("BF_BUILD", "build")).resolve()

LEVELS = 20
BOOK = [(f"{side}{part}{level}", "<f8") for side in ("Bid", "Ask") for level in range(1, LEVELS + 1)
        for part in ("Price", "Size")]
COLUMNS = {
    "TRADE": [("Price", "<f8"), ("Size", "<f8"), ("Exchange", "<U16"), ("Tape", "<U16"), ("TradeId", "<i8"),
              ("BuyerMaker", "u1"), ("RecvTime", "<i8")],
    "AGGTRADE": [("Price", "<f8"), ("Size", "<f8"), ("AggId", "<i8"), ("FirstId", "<i8"), ("LastId", "<i8"),
                 ("BuyerMaker", "u1"), ("RecvTime", "<i8")],
    "QUOTE": [("BidPrice", "<f8"), ("BidSize", "<f8"), ("AskPrice", "<f8"), ("AskSize", "<f8"), ("UpdateId", "<i8"),
              ("RecvTime", "<i8")],
    "DEPTH": [*BOOK, ("UpdateId", "<i8"), ("RecvTime", "<i8")],
    "DEPTHDIFF": [("FirstId", "<i8"), ("UpdateId", "<i8"), ("Side", "u1"), ("Price", "<f8"), ("Size", "<f8"),
                  ("RecvTime", "<i8")],
}
KEYS = {"TRADE": ["TradeId"], "AGGTRADE": ["AggId"], "QUOTE": ["UpdateId"], "DEPTH": ["UpdateId"],
        "DEPTHDIFF": ["UpdateId", "Side", "Price"]}
KINDS = tuple(COLUMNS)

# symbol: events, from when, over how many seconds
SYMBOLS = {"BUSYUSDT": (20_000, "2023-12-31T23:59:30", 60), "QUIETUSDT": (1_500, "2023-11-01T00:00:00", 120 * 86400),
           "BURSTUSDT": (2_000, "2024-02-29T12:00:00", 3), "ALIKEUSDT": (2_000, "2024-02-29T13:00:00", 4)}
ALIKE = "ALIKEUSDT"
SNAPSHOT_SIDES, CLEAR_SIDE = 2, 4


def price(hundredths):
    return float(Decimal(hundredths) / 100)


def size(parts):
    return float(Decimal(parts) / 10 ** 8)


def row_type(kind):
    return np.dtype([("Epoch", "<i8"), *COLUMNS[kind], ("Nanoseconds", "<i4")])


class TickMatrix:
    """`rows`: {(symbol, kind): structured array as pymarketstore gives it, in the order of the store}."""

    def __init__(self, directory, seed=11):
        self.root = pathlib.Path(directory) / "tick-store"
        self.random = random.Random(seed)
        self.lines, self.made, self.alike = {}, {}, False
        for symbol, (count, begin, seconds) in SYMBOLS.items():
            self.alike = symbol == ALIKE
            for number, time_us in enumerate(self.times(count, begin, seconds)):
                self.event(symbol, number, time_us)
        servers.make_ticks(BUILD, self.root, (line for lines in self.lines.values() for line in lines))
        self.rows = {bucket: np.sort(np.array(rows, dtype=row_type(bucket[1])),
                                     order=["Epoch", "Nanoseconds", *KEYS[bucket[1]]])
                     for bucket, rows in self.made.items()}
        del self.lines, self.made

    def times(self, count, begin, seconds):
        """Ascending microseconds; some are whole milliseconds, some the first or last of their second."""
        time_us = grid.us(begin)
        for number in range(count):
            time_us += self.random.randrange(1, max(2, 2 * seconds * 1_000_000 // count))
            if number % 501 == 0:
                yield time_us // 1_000_000 * 1_000_000 + 999_999
            elif number % 503 == 0:
                yield time_us // 1_000_000 * 1_000_000
            else:
                yield time_us // 1000 * 1000 if number % 7 == 0 else time_us

    def levels(self, count):
        if self.alike:
            return [(6_000_000 + number, 10 ** 8) for number in range(count)]
        return [(self.random.randrange(1, 10 ** 7), self.random.randrange(1, 10 ** 9)) for _ in range(count)]

    def add(self, symbol, kind, time_us, values, line):
        second, micro = divmod(time_us, 1_000_000)
        if line is not None:
            self.lines.setdefault((symbol, kind), []).append(line)
        self.made.setdefault((symbol, kind), []).append((second, *values, micro * 1000))

    def event(self, symbol, number, time_us):
        received, maker = (0, 1) if self.alike else (time_us * 1000 + number, number & 1)
        update = 40_000_000_000 + number
        (p, s), (q, r) = self.levels(2)
        self.add(symbol, "TRADE", time_us, (price(p), size(s), "BINANCE", "SPOT", 100_000 + number, maker, received),
                 f"t {symbol} {time_us} {received} {100_000 + number} {p} {s} {maker}")
        self.add(symbol, "AGGTRADE", time_us,
                 (price(p), size(s), 5000 + number, 2 * number, 2 * number + 1, 1 - maker, 0),
                 f"a {symbol} {time_us} 0 {5000 + number} {2 * number} {2 * number + 1} {p} {s} {1 - maker}")
        self.add(symbol, "QUOTE", time_us, (price(p), size(s), price(q), size(r), update, received),
                 f"q {symbol} {time_us} {received} {update} {p} {s} {q} {r}")
        if number % 5 == 0:
            self.top(symbol, number, time_us, update)
            self.changes(symbol, number, time_us, update)

    def top(self, symbol, number, time_us, update):
        sides = [self.levels(LEVELS if number % 3 else 7), self.levels(LEVELS)]
        values = [value for side in sides for p, s in side + [(0, 0)] * (LEVELS - len(side)) for value in (price(p), size(s))]
        text = " ".join(f"{p} {s}" for side in sides for p, s in side)
        self.add(symbol, "DEPTH", time_us, (*values, update, number),
                 f"top {symbol} {time_us} {number} 0 {update} {len(sides[0])} {len(sides[1])} {text}")

    def changes(self, symbol, number, time_us, update):
        head, first = f"{symbol} {time_us} {number}", update - 3
        if number % 55 == 0:
            self.add(symbol, "DEPTHDIFF", time_us, (first, update, CLEAR_SIDE, 0, 0, number), f"clear {head} {first} {update} 0 0")
            return
        word = "snapshot" if number % 50 == 0 else "changes"
        if word == "snapshot":
            first = 0
        levels = self.levels(5)
        line = f"{word} {head} {first} {update} 3 2 " + " ".join(f"{p} {s}" for p, s in levels)
        for at, (p, s) in enumerate(levels):
            side = int(at >= 3) + (SNAPSHOT_SIDES if word == "snapshot" else 0)
            self.add(symbol, "DEPTHDIFF", time_us, (first, update, side, price(p), size(s), number), line)
            line = None

    def times_ns(self, bucket):
        rows = self.rows[bucket]
        return rows["Epoch"] * 10 ** 9 + rows["Nanoseconds"]

    def expected(self, bucket, start=None, end=None, limit=None, from_start=False):
        """`start` and `end` in nanoseconds, both inclusive."""
        rows, times = self.rows[bucket], self.times_ns(bucket)
        chosen = np.ones(len(rows), dtype=bool)
        if start is not None:
            chosen &= times >= start
        if end is not None:
            chosen &= times <= end
        rows = rows[chosen]
        if limit:
            rows = rows[:limit] if from_start else rows[-limit:]
        return rows

    def ranges(self, bucket):
        """(start, end, limit, from_start): whole, inner to the nanosecond, one second, one instant, none, limits from either
        end."""
        times = self.times_ns(bucket)
        third, half, last = int(times[len(times) // 3]), int(times[len(times) // 2]), int(times[-1])
        many = 2 * len(times) // 3
        return [(None, None, None, None), (third, half, None, None), (third + 1, half - 1, None, None),
                (half - half % 10 ** 9, half - half % 10 ** 9 + 999_999_999, None, None),
                (half, half, None, None), (last + 1, None, None, None), (None, int(times[0]) - 1, None, None),
                (None, None, 1, None), (None, None, 17, None), (None, None, 17, True), (None, half, 17, None),
                (third, None, 17, True), (None, None, many, None), (third, half, 10 ** 7, None)]
