# SPDX-License-Identifier: Apache-2.0
"""Real market data, served by the simulated exchange, arrives row for row and column for column."""

import csv
import io
import json
import zipfile

from tests.lib import interval as grid
from tests.lib import store, wait
from tests.lib.case import Scenario, shared_data


class RealData(Scenario):
    SYMBOLS = ("BTCUSDT",)
    SPEED = 1

    def backfilled(self, interval, start, end, now):
        self.data = shared_data()
        self.start_exchange(start=now, replay=self.data)
        feeder = self.feeder(timeframe=interval, realtime={"enabled": False}, start=start,
                             backfill={"end_time": end}).start()
        wait.until(lambda: "completeness; " + feeder.tail(), lambda: feeder.alive() and self.complete(feeder))
        return feeder

    @staticmethod
    def complete(feeder):
        try:
            return feeder.status()["complete"]
        except AssertionError:
            return False

    def assert_rows(self, feeder, interval, rows):
        """`rows`: twelve columns as Binance sends them; every value column must be the correctly rounded double."""
        stored = store.bars(feeder.root, "BTCUSDT", interval)
        truth = {int(row[0]) * 1000: (*row[1:6], *row[7:11]) for row in rows}
        self.assertEqual(len(truth), len(rows))
        for open_us, values in truth.items():
            self.assertEqual(tuple(float(value) for value in values), tuple(float(value) for value in stored[open_us]))
        return stored

    def test_two_days_of_the_archive(self):
        feeder = self.backfilled("1m", "2020-01-01T00:00:00Z", "2020-01-03T00:00:00Z", "2020-01-05T00:00:00Z")
        rows = []
        for day in ("01", "02"):
            name = f"BTCUSDT-1m-2020-01-{day}"
            path = self.data / f"archive/spot/daily/klines/BTCUSDT/1m/{name}.zip"
            with zipfile.ZipFile(path) as archive:
                rows += list(csv.reader(io.StringIO(archive.read(name + ".csv").decode())))
        self.assertEqual(len(rows), 2880)
        stored = self.assert_rows(feeder, "1m", rows)
        self.assertEqual(len(stored), 2880)

    def recorded(self, name):
        return json.loads((shared_data() / "rest" / name).read_text())

    def assert_page(self, interval, name, now):
        rows = self.recorded(name)
        start, end = (grid.text(int(row[0]) * 1000) for row in (rows[0], rows[-1]))
        feeder = self.backfilled(interval, start, grid.text(int(rows[-1][6]) * 1000 + 1000), now)
        self.assert_rows(feeder, interval, rows)
        return feeder

    def test_recorded_page_of_minutes(self):
        self.assert_page("1m", "klines-BTCUSDT-1m-1588740088000-1588743688000.json", "2020-05-20T00:00:00Z")

    def test_recorded_page_of_five_minutes(self):
        self.assert_page("5m", "klines-BTCUSDT-5m-1577836800000-limit24.json", "2020-05-20T00:00:00Z")

    def test_recorded_page_of_days(self):
        self.assert_page("1d", "klines-BTCUSDT-1d-1546041600000-1578096000000.json", "2020-05-20T00:00:00Z")

    def test_the_hole_of_2020_06_28_is_reported_as_absent(self):
        rows = self.recorded("klines-BTCUSDT-1h-1588280400000-1591880400000.json") + \
            self.recorded("klines-BTCUSDT-1h-1591880400000-1593572400000.json")
        unique = list({row[0]: row for row in rows}.values())
        feeder = self.backfilled("1h", grid.text(unique[0][0] * 1000), "2020-07-01T00:00:00Z", "2020-08-01T00:00:00Z")
        self.assert_rows(feeder, "1h", [row for row in unique if row[0] < 1593561600000])
        bucket, = feeder.status()["buckets"]
        hours = {grid.us("2020-06-28T00:00:00") + hour * grid.HOUR for hour in range(24)} - {row[0] * 1000 for row in unique}
        self.assertEqual(bucket["explained"]["absent"], len(hours))
