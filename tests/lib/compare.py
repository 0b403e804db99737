# SPDX-License-Identifier: Apache-2.0
"""The oracle: the store against the exchange's own ledger, row by row and column by column."""

from tests.lib import interval as grid
from tests.lib import store, wait


class Comparison:
    """missing: in the ledger, not in the store; extra: the reverse; different: other values. Each a list of times."""

    def __init__(self, truth, stored):
        self.rows = len(truth)
        self.missing = sorted(truth.keys() - stored.keys())
        self.extra = sorted(stored.keys() - truth.keys())
        self.different = sorted(
            open_us for open_us in truth.keys() & stored.keys()
            if any(float(a) != float(b) for a, b in zip(truth[open_us], stored[open_us])))

    @property
    def equal(self):
        return not (self.missing or self.extra or self.different)

    def __str__(self):
        def first(times):
            return f"{len(times)}" + (f" (first {grid.text(times[0])})" if times else "")
        return (f"{self.rows} rows: {first(self.missing)} missing, {first(self.extra)} that the exchange never had, "
                f"{first(self.different)} different")


def against_ledger(exchange, root, symbol, interval, start_us=None, end_us=None):
    """Compares bars that open in [start_us, end_us]; open ends: all that the exchange has closed by now."""
    truth = exchange.bars(symbol, interval, start_us, end_us)
    stored = store.bars(root, symbol, interval)
    low = start_us if start_us is not None else min(truth, default=0)
    high = end_us if end_us is not None else max(truth, default=0)
    return Comparison(truth, {open_us: bar for open_us, bar in stored.items() if low <= open_us <= high})


def wait_equal(exchange, feeder, symbols, interval, start_us=None, end_us=None, seconds=wait.PATIENCE_S):
    """Waits until the store holds exactly what the ledger says for all symbols; returns the number of rows compared."""
    state = {}

    def equal():
        feeder.alive()
        for symbol in symbols:
            state[symbol] = against_ledger(exchange, feeder.root, symbol, interval, start_us, end_us)
            if not state[symbol].equal:
                return False
        return True

    wait.until(lambda: "store and ledger to be equal: " +
               "; ".join(f"{symbol}: {one}" for symbol, one in state.items()) + "; " + feeder.tail(),
               equal, seconds, every=0.3)
    return sum(one.rows for one in state.values())
