# SPDX-License-Identifier: Apache-2.0
"""Ends or stops processes of a feeder at random, all of it from one seed: kill -9, stopped for a while, stopped until the
supervisor has replaced it; and kill -9 of the supervisor, which is then started again."""

import collections
import os
import random
import signal
import subprocess
import time

from tests.lib import wait

CLASSES = {"stream": 10, "backfill": 4, "writer": 3, "gateway": 2, "supervisor": 1}
DEEDS = {"kill": 14, "stop": 3, "hang": 2}
PAUSE_S = (1, 6)          # between two deeds
STOPPED_S = (1, 5)
AGAIN_S, AGAIN_MAX = 60, 3  # of one child: a fifth crash within a minute sets it aside for five minutes, as it should


def choose(random_source, weights):
    return random_source.choices(list(weights), list(weights.values()))[0]


class Chaos:
    def __init__(self, feeder, seed):
        self.feeder, self.random = feeder, random.Random(seed)
        self.done = collections.Counter()  # (class, deed): how often
        self.stopped = []                  # (monotonic time to go on, pidfd)
        self.times = collections.defaultdict(list)

    def run(self, seconds, every_step=lambda: None):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pause_until = min(end, time.monotonic() + self.random.uniform(*PAUSE_S))
            while time.monotonic() < pause_until:
                time.sleep(min(0.1, max(pause_until - time.monotonic(), 0)))
                self.let_go_on(time.monotonic())
            self.step()
            every_step()
        self.let_go_on(float("inf"))

    def step(self):
        kind, deed = choose(self.random, CLASSES), choose(self.random, DEEDS)
        place, seconds = self.random.random(), self.random.uniform(*STOPPED_S)
        if kind == "supervisor":
            self.restart_supervisor()
            return
        children = [child for child in self.children(kind) if self.may(child["name"])]
        if not children:
            return  # all of them are down at the moment, or had their share
        child = children[int(place * len(children))]
        try:
            pidfd = os.pidfd_open(child["pid"])
        except ProcessLookupError:
            return
        self.times[child["name"]].append(time.monotonic())
        self.done[kind, deed] += 1
        if deed == "kill":
            send(pidfd, signal.SIGKILL)
            os.close(pidfd)
        else:
            send(pidfd, signal.SIGSTOP)
            # A hung one is the supervisor's to find and end; should it not, this would go on after a minute.
            self.stopped.append((time.monotonic() + (60 if deed == "hang" else seconds), pidfd))

    def children(self, kind):
        try:
            return self.feeder.children(kind)
        except subprocess.TimeoutExpired:
            return []  # the whole machine stands still: nothing is ended by us meanwhile

    def may(self, name):
        newest = [one for one in self.times[name] if one > time.monotonic() - AGAIN_S]
        self.times[name] = newest
        return len(newest) < AGAIN_MAX

    def let_go_on(self, now):
        for at, pidfd in [one for one in self.stopped if one[0] <= now]:
            send(pidfd, signal.SIGCONT)
            os.close(pidfd)
        self.stopped = [one for one in self.stopped if one[0] > now]

    def restart_supervisor(self):
        self.let_go_on(float("inf"))  # a stopped child would not see its parent's end
        self.done["supervisor", "kill"] += 1
        self.feeder.process.kill()
        self.feeder.process.wait()
        time.sleep(self.random.uniform(0, 3))  # its children may or may not be gone
        self.feeder.start()
        wait.until(lambda: "the restarted supervisor to answer; " + self.feeder.tail(), self.answers)

    def answers(self):
        if self.feeder.process.poll() == 75:  # its old children hold the locks: asked to try later
            self.feeder.start()
        self.feeder.alive()
        return (self.feeder.data / "run" / "control.sock").exists() and self.children("writer")

    def close(self):
        self.let_go_on(float("inf"))

    def __str__(self):
        by_class = collections.defaultdict(list)
        for (kind, deed), count in sorted(self.done.items()):
            by_class[kind].append(f"{count} {deed}")
        return "; ".join(f"{kind}: {', '.join(deeds)}" for kind, deeds in by_class.items())


def send(pidfd, number):
    try:
        signal.pidfd_send_signal(pidfd, number)
    except ProcessLookupError:
        pass  # it has ended meanwhile
