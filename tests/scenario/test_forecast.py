# SPDX-License-Identifier: Apache-2.0
"""How long the disk lasts: measured, not guessed."""

from tests.lib import wait
from tests.scenario.test_ticks import TickScenario


class Disk(TickScenario):
    def allocated(self, feeder):
        return sum(path.stat().st_blocks * 512 for path in feeder.root.glob("*/1Sec/*/*.bin"))

    def test_ticks_of_every_kind_count_with_the_room_that_they_take(self):
        self.start_exchange(trades_per_minute=600)
        feeder = self.feeder(realtime={"stream_type": ["trade", "agg_trade", "book_ticker", "depth"]},
                             backfill={"enabled": False}, depth={"levels": 20, "diffs": True}).start().wait_ready()
        self.assertIsNone(feeder.status()["disk_bytes_per_day"])  # a moment shows nothing
        begun_us = self.exchange.now_us()
        wait.until("a forecast", lambda: feeder.status()["disk_bytes_per_day"])
        self.let_pass(15)
        daily = feeder.status()["disk_bytes_per_day"]
        measured = self.allocated(feeder) / (self.exchange.now_us() - begun_us) * 1e6 * 86400
        # What is written every ten seconds is a step, and the first seconds begin files.
        self.assertTrue(measured / 2 < daily < measured * 2, (measured, daily))
        self.assertRegex(feeder.run("status", "--data", str(feeder.data))[1], r"disk .* free, lasts .* a day\n")
        self.assertEqual(feeder.stop(), 0)
        # Nobody measures any more.
        self.assertNotIn("a day\n", feeder.run("status", "--data", str(feeder.data))[1])
