# SPDX-License-Identifier: Apache-2.0
"""Waiting for a condition with a deadline, never for a length of time."""

import time

# For whatever a healthy machine does in seconds: one that is five times as slow, or stands still for a while, is no failure,
# and a test that passes never waits so long.
PATIENCE_S = 240
# Where processes are ended again and again: the fifth crash within a minute sets one aside for five minutes.
AFTER_CRASHES_S = 480


class DeadlineError(AssertionError):
    """What was waited for did not come true in time."""


def until(what, condition, seconds=PATIENCE_S, every=0.05):
    """Calls `condition` until it returns something true, which is returned; after `seconds` raises DeadlineError. Who gives
    a number wants to wait longer than usual.

    `what` completes the sentence "waited N s for ..."; a callable is asked for it at the deadline.
    """
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() >= deadline:
            raise DeadlineError(f"waited {seconds} s for {what() if callable(what) else what}")
        time.sleep(every)
