# SPDX-License-Identifier: Apache-2.0
"""Reads what binancefeeder keeps in a MarketStore tree.

    import binancefeeder as pymkts

    client = pymkts.Client()                       # http://localhost:5993/rpc
    df = client.query('BTCUSDT/1m/OHLCV', start='2024-01-01', end='2024-01-31')

    df = pymkts.load('BTCUSDT/1m', start='2024-01-01', root='binance-data/marketstore')   # no server

Client is pymarketstore's, and does all that one does; only its `query` also takes a bucket's name. Times without a zone
are UTC, an end is inclusive, a bucket that has no rows in the range gives an empty DataFrame.
"""

import os
import pathlib

import numpy as np
import pandas as pd
import pymarketstore
from pymarketstore import Params

__all__ = ["Client", "Params", "load"]

HEADER_BYTES = 37024
NAME_BYTES = 32
AT_TIMEFRAME, AT_RECORD_TYPE, AT_COLUMNS, AT_RECORD_BYTES, AT_NAMES, AT_TYPES = 272, 280, 288, 296, 312, 33080

DAY_NS = 86_400_000_000_000

# MarketStore's element types, as numpy writes them.
TYPES = {0: "<f4", 1: "<i4", 2: "<f8", 3: "<i8", 5: "i1", 6: "?", 9: "<i2", 10: "u1", 11: "<u2", 12: "<u4", 13: "<u8",
         14: "<U16"}

# Where the bars of each interval lie: a stock MarketStore server cannot address the others.
HOMES = {
    "1s": ("1Sec", "OHLCV"), "1m": ("1Min", "OHLCV"), "3m": ("1Min", "OHLCV_3Min"), "5m": ("5Min", "OHLCV"),
    "15m": ("15Min", "OHLCV"), "30m": ("30Min", "OHLCV"), "1h": ("1H", "OHLCV"), "2h": ("2H", "OHLCV"),
    "4h": ("2H", "OHLCV_4H"), "6h": ("2H", "OHLCV_6H"), "8h": ("2H", "OHLCV_8H"), "12h": ("2H", "OHLCV_12H"),
    "1d": ("1D", "OHLCV"), "3d": ("1D", "OHLCV_3D"), "1w": ("1D", "OHLCV_1W"), "1M": ("1D", "OHLCV_1M"),
}

TICKS = ("TRADE", "AGGTRADE", "QUOTE", "DEPTH", "DEPTHDIFF")

# MarketStore's spellings, and the archive's for the month.
SPELLINGS = {"1Sec": "1s", "1Min": "1m", "3Min": "3m", "5Min": "5m", "15Min": "15m", "30Min": "30m", "1H": "1h",
             "2H": "2h", "4H": "4h", "6H": "6h", "8H": "8h", "12H": "12h", "1D": "1d", "3D": "3d", "1W": "1w",
             "1mo": "1M"}


class Client(pymarketstore.Client):
    """pymarketstore's client; `query` also takes the name of a bucket and then returns a DataFrame."""

    def query(self, params, start=None, end=None, limit=None, limit_from_start=None, columns=None):
        """`client.query('BTCUSDT/1m/OHLCV', start=..., end=...)` -> DataFrame, indexed by time (UTC).

        'BTCUSDT,ETHUSDT/1m' -> {symbol: DataFrame}. Params or a list of them go to pymarketstore's own query, whose
        QueryReply is returned.
        """
        if not isinstance(params, str):
            return super().query(params)
        symbols, timeframe, group = _parts(params)
        reply = super().query(Params(symbols, timeframe, group, start=start, end=end, limit=limit,
                                     limit_from_start=limit_from_start, columns=columns))
        frames = {name: _at_full_time(dataset.df()) for name, dataset in reply.by_symbols().items()}
        if "," in symbols or symbols == "*":
            return frames
        return next(iter(frames.values()))


def load(bucket, start=None, end=None, root=None):
    """Rows of a bucket of bars as a DataFrame, straight from the year files: no server, no copy of what is not asked for.

    `root` is the store's root_directory; default: $BINANCEFEEDER_ROOT, or ./binance-data/marketstore. `start` is floored
    to its bar and `end` is inclusive, as in a query. Safe beside a running feeder. FileNotFoundError: no such bucket, and
    what there is instead; ValueError: no name of one, or ticks, which the gateway and `binancefeeder query` read.
    """
    symbol, timeframe, group = _parts(bucket)
    if group in TICKS:
        raise ValueError(f"{bucket}: ticks are compressed, load() reads bars. Ask a running feeder: binancefeeder.Client()"
                         f".query('{symbol}/{group}'), or read what `binancefeeder query {symbol}/{group} --csv` prints")
    interval = _interval(timeframe)
    if interval is not None and group == "OHLCV":
        timeframe, group = HOMES[interval]
    root = pathlib.Path(root or os.environ.get("BINANCEFEEDER_ROOT", "binance-data/marketstore"))
    years = sorted(path for path in (root / symbol / timeframe / group).glob("*.bin") if path.stem.isdigit())
    if not years:
        raise FileNotFoundError(f"there is no {bucket} in {root}; " + _what_there_is(root, symbol))
    low = None if start is None else _floor(_nanoseconds(start), interval)
    high = None if end is None else _nanoseconds(end)
    frames = [_load_year(path, low, high) for path in years]
    frames = [frame for frame in frames if len(frame)] or frames[-1:]
    return frames[0] if len(frames) == 1 else pd.concat(frames)


# ---- names and times ----

def _parts(bucket):
    parts = bucket.split("/")
    if len(parts) == 2 and parts[1].upper() in TICKS:
        parts[1:] = ["1Sec", parts[1].upper()]
    elif len(parts) == 2:
        parts.append("OHLCV")
    if len(parts) != 3 or not all(parts):
        raise ValueError(f"{bucket!r} is no bucket; accepted: SYMBOL/TIMEFRAME or SYMBOL/TIMEFRAME/GROUP, as in "
                         "BTCUSDT/1m/OHLCV, or SYMBOL/TRADE for ticks")
    return parts


def _what_there_is(root, symbol):
    if not root.is_dir():
        return "nor such a directory: give root=, or set BINANCEFEEDER_ROOT, to the store's root_directory"
    short = {home: interval for interval, home in HOMES.items()}
    homes = sorted(path.parts[-2:] for path in root.glob(f"{symbol}/*/*") if path.is_dir())
    names = [f"{symbol}/{short.get(home, home[1] if home[1] in TICKS else '/'.join(home))}" for home in homes]
    if not names:
        names = sorted(path.name for path in root.iterdir() if path.is_dir())
        names[8:] = [f"{len(names) - 8} more"] if len(names) > 8 else []
    return "there is " + (", ".join(names) if names else "nothing yet")


def _interval(timeframe):
    interval = SPELLINGS.get(timeframe, timeframe)
    return interval if interval in HOMES else None


def _nanoseconds(time):
    """What pymarketstore's Params take: integers are seconds, text and datetimes without a zone are UTC."""
    stamp = pd.Timestamp(time, unit="s") if isinstance(time, (int, np.integer)) else pd.Timestamp(time)
    return stamp.as_unit("ns").value


def _floor(nanoseconds, interval):
    """Open time of the bar that contains it."""
    stamp = pd.Timestamp(nanoseconds, unit="ns")
    if interval == "1M":
        return stamp.normalize().replace(day=1).value
    if interval == "1w":  # weeks open on Monday
        return (stamp.normalize() - pd.Timedelta(days=stamp.weekday())).value
    if interval is None:
        return nanoseconds
    return nanoseconds // _length(interval) * _length(interval)


def _length(interval):
    unit = {"s": 1, "m": 60, "h": 3600, "d": 86400}[interval[-1]]
    return int(interval[:-1]) * unit * 1_000_000_000


# ---- year files ----

def _schema(header):
    """(timeframe in ns, record type of numpy, names of the columns)."""
    def integer(at):
        return int(header[at:at + 8].view("<i8")[0])

    timeframe, count, record_bytes = integer(AT_TIMEFRAME), integer(AT_COLUMNS), integer(AT_RECORD_BYTES)
    if integer(AT_RECORD_TYPE) != 0:
        raise ValueError("ticks: their rows are compressed; ask the gateway")
    names, types, offsets, at = ["index"], ["<i8"], [0], 8
    for i in range(count):
        raw = bytes(header[AT_NAMES + NAME_BYTES * i:AT_NAMES + NAME_BYTES * (i + 1)])
        names.append(raw.rstrip(b"\0").decode())
        types.append(TYPES[int(header[AT_TYPES + i])])
        offsets.append(at)
        at += np.dtype(types[-1]).itemsize
    record = np.dtype({"names": names, "formats": types, "offsets": offsets, "itemsize": record_bytes})
    return timeframe, record, names[1:]


def _load_year(path, low, high):
    year = int(path.stem)
    header = np.memmap(path, dtype=np.uint8, mode="r", shape=(HEADER_BYTES,))
    try:
        timeframe, record, columns = _schema(header)
    except (KeyError, ValueError) as error:
        raise ValueError(f"{path}: no year file of bars: {error}") from None
    first = np.datetime64(f"{year}-01-01", "ns").astype("int64")
    # Daily records count days from 0 on 1 January, for which 0 means "empty": so that day lies in the last slot of the
    # year before, and a daily file begins on 2 January.
    if timeframe == DAY_NS:
        first += DAY_NS
    slots = (path.stat().st_size - HEADER_BYTES) // record.itemsize
    begin = 0 if low is None else min(max(-((first - low) // timeframe) if low > first else 0, 0), slots)
    end = slots if high is None else max(min((high - first) // timeframe + 1, slots), begin)
    rows = np.memmap(path, dtype=record, mode="r", offset=HEADER_BYTES, shape=(slots,))[begin:end]
    position = np.flatnonzero(rows["index"] == np.arange(begin + 1, end + 1))
    index = pd.DatetimeIndex(first + (position + begin) * timeframe, name="Epoch", tz="UTC")
    return pd.DataFrame({name: rows[name][position] for name in columns}, index=index)


def _at_full_time(frame):
    """Rows of ticks: their nanoseconds go into the index."""
    if "Nanoseconds" in frame.columns:
        nanoseconds = frame.pop("Nanoseconds").to_numpy()
        frame.index = frame.index.as_unit("ns") + pd.to_timedelta(nanoseconds, unit="ns")
        frame.index.name = "Epoch"
    return frame
