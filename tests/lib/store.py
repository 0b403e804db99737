# SPDX-License-Identifier: Apache-2.0
"""Reads bars out of MarketStore year files, independently of the C sources: only the format's own rules, no shortcuts."""

import errno
import os
import pathlib
import struct

from tests.lib import interval as grid

HEADER_BYTES = 37024
FULL = ("Open", "High", "Low", "Close", "Volume", "QuoteVolume", "Trades", "TakerBuyBase", "TakerBuyQuote")
TYPES = {0: "f", 1: "i", 2: "d", 3: "q"}


class StoreError(AssertionError):
    """The store breaks a rule of the format."""


def written_records(fd, slots, record_bytes):
    """Ranges [first, last) of a year file's records that may hold rows: the holes of the sparse file are skipped."""
    offset, end = HEADER_BYTES, HEADER_BYTES + slots * record_bytes
    while offset < end:
        try:
            start = max(os.lseek(fd, offset, os.SEEK_DATA), HEADER_BYTES)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return
            raise
        if start >= end:
            return  # what a tick file has behind its records
        hole = min(os.lseek(fd, start, os.SEEK_HOLE), end)
        first, last = (start - HEADER_BYTES) // record_bytes, -(-(hole - HEADER_BYTES) // record_bytes)
        yield first, last
        offset = HEADER_BYTES + last * record_bytes


class YearFile:
    """One year file; `rows()` yields (open time in us, values in the file's column order)."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.year = int(self.path.stem)
        with open(path, "rb") as file:
            header = file.read(HEADER_BYTES)
            self.size = os.fstat(file.fileno()).st_size
        if len(header) != HEADER_BYTES:
            raise StoreError(f"{path}: {len(header)} bytes are no header")
        version, = struct.unpack_from("<q", header, 0)
        year, self.timeframe_ns, record_type, count, self.record_bytes = struct.unpack_from("<5q", header, 264)
        if (version, year, record_type) != (2, self.year, 0):
            raise StoreError(f"{path}: version {version}, year {year}, record type {record_type}")
        self.columns = tuple(
            header[312 + 32 * i:312 + 32 * (i + 1)].rstrip(b"\0").decode() for i in range(count))
        types = "".join(TYPES[header[33080 + i]] for i in range(count))
        self.row = struct.Struct("<q" + types)
        year_us = grid.year_start_us(self.year + 1) - grid.year_start_us(self.year)
        self.slots = year_us * 1000 // self.timeframe_ns
        if self.record_bytes != 8 + (self.row.size - 8 + 7) // 8 * 8:
            raise StoreError(f"{path}: record length {self.record_bytes}")
        if self.size != HEADER_BYTES + self.slots * self.record_bytes:
            raise StoreError(f"{path}: {self.size} bytes, not {HEADER_BYTES + self.slots * self.record_bytes}")

    def rows(self):
        timeframe_us = self.timeframe_ns // 1000
        daily = timeframe_us == grid.DAY
        start_us = grid.year_start_us(self.year)
        with open(self.path, "rb") as file:
            for first, last in written_records(file.fileno(), self.slots, self.record_bytes):
                block = os.pread(file.fileno(), (last - first) * self.record_bytes,
                                 HEADER_BYTES + first * self.record_bytes)
                for position in range(first, last):
                    index, *values = self.row.unpack_from(block, (position - first) * self.record_bytes)
                    if index == 0:
                        continue
                    if index != position + 1:
                        raise StoreError(f"{self.path}: slot {position} says index {index}")
                    # Daily records count days from 0 on 1 January, which therefore lies in the old year's last slot.
                    yield start_us + (index if daily else index - 1) * timeframe_us, tuple(values)


def check_categories(root, symbol, timeframe, group):
    """The category files of a bucket, exact to the byte."""
    here = pathlib.Path(root)
    for directory, name in zip(("", symbol, timeframe, group), ("Symbol", "Timeframe", "AttributeGroup", "Year")):
        here = here / directory
        content = (here / "category_name").read_bytes()
        if content != name.encode():
            raise StoreError(f"{here}/category_name says {content!r}, not {name!r}")


def year_files(root, symbol, interval):
    timeframe, group = grid.HOME[interval]
    directory = pathlib.Path(root, symbol, timeframe, group)
    return [YearFile(path) for path in sorted(directory.glob("*.bin"))]


def bars(root, symbol, interval):
    """All bars of a bucket as {open time in us: values}; empty where the bucket does not exist."""
    found = {}
    files = year_files(root, symbol, interval)
    if files:
        check_categories(root, symbol, *grid.HOME[interval])
    for file in files:
        for open_us, values in file.rows():
            if open_us in found:
                raise StoreError(f"{file.path}: {grid.text(open_us)} is stored twice")
            found[open_us] = values
    return found
