# SPDX-License-Identifier: Apache-2.0
"""Waiting for a condition with a deadline, never for a length of time."""

import time


class DeadlineError(AssertionError):
    """What was waited for did not come true in time."""


def until(what, condition, seconds, every=0.05):
    """Calls `condition` until it returns something true, which is returned; after `seconds` raises DeadlineError.

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
