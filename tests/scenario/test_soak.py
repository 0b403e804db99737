# SPDX-License-Identifier: Apache-2.0
"""A minute of everything: all streams of some symbols, processes ending at random; `make soak` does it for longer."""

from tests.lib import soak
from tests.lib.case import Scenario


class Soak(Scenario):
    SYMBOLS = soak.NAMES[:3]
    SECONDS = 60
    SEED = 20  # within a minute it ends or stops every kind of process, the supervisor too

    def test_processes_end_at_random_and_the_store_equals_the_ledger(self):
        self.start_exchange(**soak.exchange_options(self.SYMBOLS, self.SEED))
        run = soak.Soak(self.exchange, self.feeder(**soak.feeder_keys()), self.SYMBOLS, self.SEED, print)
        complaints = run.run(self.SECONDS)
        print(run)
        self.assertEqual(complaints, [])
