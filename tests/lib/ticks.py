# SPDX-License-Identifier: Apache-2.0
"""Reads tick buckets (MarketStore's variable-length year files), independently of the C sources."""

import bisect
import math
import os
import pathlib
import struct

from tests.lib import interval as grid
from tests.lib.store import HEADER_BYTES, StoreError, check_categories, written_records

TYPES = {2: "d", 3: "q", 10: "B", 14: "64s"}
TICKS_PER_DAY_INTERVAL = 49710.269629629629629629629629629  # 2^32 / 86400: MarketStore's own constant
INTERVALS_PER_DAY = 86400
TRIPLE_BYTES = 24  # of a second: its index, where its block lies and how long that is


def snappy(block):
    """A raw snappy block, decompressed."""
    length = shift = at = 0
    while True:
        byte = block[at]
        at += 1
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    out = bytearray()
    while at < len(block):
        tag = block[at]
        at += 1
        if tag & 3 == 0:
            size = tag >> 2
            if size >= 60:
                extra = size - 59
                size = int.from_bytes(block[at:at + extra], "little")
                at += extra
            out += block[at:at + size + 1]
            at += size + 1
            continue
        if tag & 3 == 1:
            size, offset = (tag >> 2 & 7) + 4, (tag >> 5) << 8 | block[at]
            at += 1
        else:
            width = 2 if tag & 3 == 2 else 4
            size, offset = (tag >> 2) + 1, int.from_bytes(block[at:at + width], "little")
            at += width
        while size > 0:  # a copy may run into what it writes
            part = bytes(out[len(out) - offset:len(out) - offset + size])
            out += part
            size -= len(part)
    if len(out) != length:
        raise StoreError(f"a block of {len(out)} bytes says that it has {length}")
    return bytes(out)


def decode_ns(second, ticks):
    """MarketStore's own arithmetic (executor/rewritebuffer.go), in nanoseconds since 1970."""
    fraction = ticks / (INTERVALS_PER_DAY * TICKS_PER_DAY_INTERVAL)
    seconds = math.floor(round(fraction * 1e8) / 1e8)
    nanos = math.floor((fraction - math.floor(fraction)) * 1e9 + 0.5)
    return (second + seconds) * 1_000_000_000 + nanos


class TickFile:
    """One year of a tick bucket; `rows()` yields dicts with Time (ns) and the columns, in the order of the file."""

    def __init__(self, path):
        self.path, self.year = pathlib.Path(path), int(pathlib.Path(path).stem)
        with open(path, "rb") as file:
            header = file.read(HEADER_BYTES)
        year, timeframe_ns, record_type, count, record_bytes = struct.unpack_from("<5q", header, 264)
        if (year, timeframe_ns, record_type, record_bytes) != (self.year, 1_000_000_000, 1, TRIPLE_BYTES):
            raise StoreError(f"{path}: header of {year}, {timeframe_ns} ns, type {record_type}, {record_bytes} bytes")
        self.columns = [header[312 + 32 * i:312 + 32 * (i + 1)].rstrip(b"\0").decode() for i in range(count)]
        self.row = struct.Struct("<" + "".join(TYPES[header[33080 + i]] for i in range(count)) + "I")
        self.start_us = grid.year_start_us(self.year)
        self.slots = (grid.year_start_us(self.year + 1) - self.start_us) // 1_000_000

    def _triples(self, fd):
        for first, last in written_records(fd, self.slots, TRIPLE_BYTES):
            block = os.pread(fd, (last - first) * TRIPLE_BYTES, HEADER_BYTES + first * TRIPLE_BYTES)
            for position in range(first, last):
                index, where, length = struct.unpack_from("<3q", block, (position - first) * TRIPLE_BYTES)
                if index == 0:
                    continue
                if index != position + 1:
                    raise StoreError(f"{self.path}: slot {position} says index {index}")
                yield position, where, length

    def rows(self):
        with open(self.path, "rb") as file:
            for position, where, length in self._triples(file.fileno()):
                second = self.start_us // 1_000_000 + position
                block = snappy(os.pread(file.fileno(), length, where))
                if len(block) % self.row.size:
                    raise StoreError(f"{self.path}: the block of second {second} has {len(block)} bytes")
                for at in range(0, len(block), self.row.size):
                    *values, ticks = self.row.unpack_from(block, at)
                    row = dict(zip(self.columns, values), Time=decode_ns(second, ticks))
                    yield row


def rows(root, symbol, group):
    """All rows of a tick bucket, in the order of its files."""
    directory = pathlib.Path(root, symbol, "1Sec", group)
    paths = sorted(directory.glob("*.bin"))
    if paths:
        check_categories(root, symbol, "1Sec", group)
    return [row for path in paths for row in TickFile(path).rows()]


def text(value):
    """A U16 column as text."""
    return value.decode("utf-32-le").rstrip("\0")


def changes_by_update(diff_rows):
    """DEPTHDIFF rows as {update id: {"first", "changes", "clear", "snapshot", "time"}}, ascending: what the rows of an id say,
    in the order in which it happened: changes, the book given up, a snapshot. Levels are {(side, price): size}."""
    groups = {}
    for row in diff_rows:
        group = groups.setdefault(row["UpdateId"], {"first": row["UpdateId"], "changes": {}, "clear": False, "snapshot": {},
                                                    "time": row["Time"]})
        group["time"] = min(group["time"], row["Time"])
        if row["Side"] == 4:
            group["clear"] = True
            continue
        levels = group["changes"] if row["Side"] < 2 else group["snapshot"]
        key = (row["Side"] & 1, row["Price"])
        # Two snapshots at one update are the same book; a change comes once.
        if key in levels and (row["Side"] < 2 or levels[key] != row["Size"]):
            raise StoreError(f"update {row['UpdateId']}: side {row['Side']} at {row['Price']} is stored twice")
        levels[key] = row["Size"]
        if row["Side"] < 2:
            group["first"] = min(group["first"], row["FirstId"])
    return {update_id: groups[update_id] for update_id in sorted(groups)}


class Book:
    """An order book, rebuilt from levels {(side, price): size} alone."""

    def __init__(self, levels=()):
        self.sizes = ({}, {})
        self.prices = ([], [])  # ascending
        self.apply(levels)

    def apply(self, levels):
        for side, price in levels:
            size, sizes, prices = levels[side, price], self.sizes[side], self.prices[side]
            if size == 0:
                if sizes.pop(price, None) is not None:
                    del prices[bisect.bisect_left(prices, price)]
                continue
            if price not in sizes:
                bisect.insort(prices, price)
            sizes[price] = size

    def top(self, count):
        """The best levels of both sides as [(price, size)], best first."""
        bids, asks = self.prices
        return ([(price, self.sizes[0][price]) for price in reversed(bids[-count:])],
                [(price, self.sizes[1][price]) for price in asks[:count]])

    def best(self):
        (bid,), (ask,) = (side or [(None, None)] for side in self.top(1))
        return *bid, *ask


def books_by_update(diff_rows):
    """Replays DEPTHDIFF rows by update id; yields (update id, book) after each. While it is given up, the book is empty."""
    book = Book()
    for update_id, group in changes_by_update(diff_rows).items():
        book.apply(group["changes"])
        if group["clear"]:
            book = Book()
        if group["snapshot"]:
            book = Book(group["snapshot"])
        yield update_id, book
