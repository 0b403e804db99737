# SPDX-License-Identifier: Apache-2.0
"""kill -9 of every kind of process, while bars flow and while backfill runs. What was acknowledged is there afterwards, and
what was not is fetched again."""

import os
import random
import signal

from tests.lib import wait
from tests.lib import interval as grid
from tests.lib.case import Scenario

FROM = "2023-11-01T00:00:00"


class Kill(Scenario):
    def running(self, start=FROM + "Z", **keys):
        self.start_exchange()
        return self.feeder(start=start, **keys).start().wait_ready()

    def let_pass(self, minutes):
        begun = self.exchange.now_us()
        wait.until(f"{minutes} minutes of the exchange", lambda: self.exchange.now_us() > begun + minutes * grid.MINUTE)

    def kill_again_and_again(self, feeder, kind, times):
        for _ in range(times):
            feeder.kill(kind)
            self.let_pass(3)
        self.wait_equal(feeder, start=FROM, seconds=wait.AFTER_CRASHES_S)
        self.assert_no_limit_broken()

    def test_stream_worker(self):
        self.kill_again_and_again(self.running(), "stream", 4)

    def test_backfill_worker_in_the_middle_of_jobs(self):
        feeder = self.running(backfill={"batch_size": 200})
        self.kill_again_and_again(feeder, "backfill", 4)

    def test_writer(self):
        self.kill_again_and_again(self.running(backfill={"batch_size": 200}), "writer", 4)

    def test_supervisor_takes_its_children_along_and_comes_back(self):
        feeder = self.running()
        children = [child["pid"] for child in feeder.status()["children"] if child["pid"] > 0]
        os.kill(feeder.process.pid, signal.SIGKILL)
        feeder.process.wait()
        wait.until("the children to be gone", lambda: not any(alive(pid) for pid in children))
        feeder.start().wait_ready()
        self.wait_equal(feeder, start=FROM)

    def test_any_process_at_random(self):
        chosen = random.Random(self.SEED)
        feeder = self.running(backfill={"batch_size": 300})
        for _ in range(12):
            feeder.kill(chosen.choice(("stream", "backfill", "writer")))
            self.let_pass(chosen.choice((1, 2, 4)))
        self.wait_equal(feeder, start=FROM, seconds=wait.AFTER_CRASHES_S)

    def test_a_stopped_process_is_found_and_replaced(self):
        feeder = self.running(start="2024-03-05T00:00:00Z")
        stopped = feeder.kill("stream", signal_number=signal.SIGSTOP)
        wait.until("the hang to be noticed",
                   lambda: all(child["pid"] != stopped["pid"] for child in feeder.children("stream")))
        self.wait_equal(feeder, start="2024-03-05T00:00:00")


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the latter where it goes between open and read
        return False
