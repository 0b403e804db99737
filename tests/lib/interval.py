# SPDX-License-Identifier: Apache-2.0
"""Grids of the sixteen intervals and where MarketStore keeps them, written independently of the C sources."""

import calendar
import datetime

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

LENGTH_US = {
    "1s": 1_000_000, "1m": MINUTE, "3m": 3 * MINUTE, "5m": 5 * MINUTE, "15m": 15 * MINUTE, "30m": 30 * MINUTE,
    "1h": HOUR, "2h": 2 * HOUR, "4h": 4 * HOUR, "6h": 6 * HOUR, "8h": 8 * HOUR, "12h": 12 * HOUR,
    "1d": DAY, "3d": 3 * DAY, "1w": 7 * DAY, "1M": None,
}

# interval -> (timeframe directory, attribute group)
HOME = {
    "1s": ("1Sec", "OHLCV"), "1m": ("1Min", "OHLCV"), "3m": ("1Min", "OHLCV_3Min"), "5m": ("5Min", "OHLCV"),
    "15m": ("15Min", "OHLCV"), "30m": ("30Min", "OHLCV"), "1h": ("1H", "OHLCV"), "2h": ("2H", "OHLCV"),
    "4h": ("2H", "OHLCV_4H"), "6h": ("2H", "OHLCV_6H"), "8h": ("2H", "OHLCV_8H"), "12h": ("2H", "OHLCV_12H"),
    "1d": ("1D", "OHLCV"), "3d": ("1D", "OHLCV_3D"), "1w": ("1D", "OHLCV_1W"), "1M": ("1D", "OHLCV_1M"),
}

TIMEFRAME_US = {
    "1Sec": 1_000_000, "1Min": MINUTE, "5Min": 5 * MINUTE, "15Min": 15 * MINUTE, "30Min": 30 * MINUTE,
    "1H": HOUR, "2H": 2 * HOUR, "1D": DAY,
}


def year_start_us(year):
    return calendar.timegm((year, 1, 1, 0, 0, 0)) * 1_000_000


def us(text):
    """'2024-02-29T00:00:00' (UTC) in microseconds since 1970."""
    when = datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.timezone.utc)
    return int(when.timestamp()) * 1_000_000


def text(time_us):
    """Microseconds since 1970 as 2024-02-29T00:00:00Z."""
    when = datetime.datetime.fromtimestamp(time_us / 1e6, tz=datetime.timezone.utc)
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")
