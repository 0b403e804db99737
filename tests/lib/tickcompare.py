# SPDX-License-Identifier: Apache-2.0
"""The oracle of ticks: what is stored of a symbol against the exchange's ledger, id for id and level for level; and what
the feeder's own ledger calls lost against what is missing, exactly."""

import collections
import sqlite3
import time

from tests.lib import ticks, wait

# The feeder's idea of the exchange's clock comes from a Date header at first, and is wrong by as long as the answer took.
EARLY_US = 10_000_000


def gaps(feeder, symbol, group):
    """The feeder's gaps of a bucket of ticks (TRADE, AGGTRADE, QUOTE, DEPTH, DEPTHDIFF): {(first id, last id):
    (state, start us, end us)}."""
    ledger = sqlite3.connect(f"file:{feeder.state}/ledger.db?mode=ro", uri=True, timeout=wait.PATIENCE_S)
    try:
        found = ledger.execute(
            "SELECT first_id, gap.last_id, state, start_us, end_us FROM tick_gaps gap JOIN tick_buckets ON id = bucket"
            " WHERE symbol = ? AND kind = ?", (symbol, group)).fetchall()
    finally:
        ledger.close()
    return {(first, last): rest for first, last, *rest in found}


class Oracle:
    """Compares one symbol of a feeder that has stopped; `complaints` has what is not as it must be, `rows` counts what was
    compared, `lost` has spans and seconds by kind."""

    ALIKE_MAX = 3  # complaints about one bucket that are kept

    def __init__(self, exchange, feeder, symbol):
        self.exchange, self.feeder, self.symbol = exchange, feeder, symbol
        self.complaints, self.rows, self.lost = [], collections.Counter(), {}
        self.alike = collections.Counter()

    def complain(self, text):
        self.alike[text.split(":")[0]] += 1
        if self.alike[text.split(":")[0]] <= self.ALIKE_MAX:
            self.complaints.append(f"{self.symbol}: {text}")

    def check(self, condition, text):
        if not condition:
            self.complain(text() if callable(text) else text)
        return condition

    def stored(self, group):
        return ticks.rows(self.feeder.root, self.symbol, group)

    def lost_gaps(self, group):
        """Spans that were lost; anything still open is a complaint."""
        found = gaps(self.feeder, self.symbol, group)
        open_ones = [ids for ids, (state, *_) in found.items() if state in ("open", "repairing")]
        self.check(not open_ones, f"{group}: still open at the end: {open_ones[:3]}")
        lost = {ids: (start, end) for ids, (state, start, end) in found.items() if state == "lost"}
        self.lost[group] = (len(lost), sum(end - start for start, end in lost.values()) / 1e6)
        return lost

    def check_received(self, row, group, live):
        known = 0 < row["RecvTime"] <= time.time_ns()
        self.check(known or (row["RecvTime"] == 0 and not live), lambda: f"{group}: receive time of {row}")

    # ---- trades and aggregate trades ----

    def check_ids(self, group, from_us, until_us):
        """Every id of [from_us, until_us] and what came later, once, with all its columns."""
        name, ledger = {"TRADE": ("TradeId", "trades"), "AGGTRADE": ("AggId", "aggtrades")}[group]
        rows = self.stored(group)
        stored = {row[name]: row for row in rows}
        self.check(len(rows) == len(stored), f"{group}: {len(rows) - len(stored)} ids are stored more than once")
        truth = {int(line[0]): line for line in
                 self.exchange.rows(ledger, self.symbol, startTime=from_us // 1000, toId=max(stored, default=0))}
        newest_us = int(truth[max(truth)][-2]) if truth else 0
        self.check(newest_us >= until_us - 3_000_000, f"{group}: nothing is stored after {newest_us}, wanted {until_us}")
        missing, extra = sorted(truth.keys() - stored.keys()), sorted(stored.keys() - truth.keys())
        self.check(not missing, lambda: f"{group}: {len(missing)} ids are missing, the first is {missing[0]}")
        self.check(not extra, lambda: f"{group}: {len(extra)} ids the exchange never had, the first is {extra[0]}")
        for one in truth.keys() & stored.keys():
            self.check_trade(group, stored[one], truth[one])
        self.check(not self.lost_gaps(group), f"{group}: ids are called lost")
        self.rows[group] += len(truth)

    def check_trade(self, group, row, line):
        _, price, size, *ids, time_us, maker = line
        same = (row["Price"], row["Size"], row["BuyerMaker"]) == (float(price), float(size), int(maker))
        # Streams tell milliseconds, REST is asked for microseconds.
        exact, rough = int(time_us) * 1000, int(time_us) // 1000 * 1_000_000
        same = same and (row["Time"] == exact or (row["Time"] == rough and row["RecvTime"] > 0))
        if group == "AGGTRADE":
            same = same and [row["FirstId"], row["LastId"]] == [int(one) for one in ids]
        else:
            row = dict(row, Exchange=ticks.text(row["Exchange"]), Tape=ticks.text(row["Tape"]))
            same = same and (row["Exchange"], row["Tape"]) == ("BINANCE", "SPOT")
        self.check(same, lambda: f"{group}: stored {row}, the exchange says {line}")
        self.check_received(row, group, live=False)

    # ---- best quotes ----

    def check_quotes(self, until_us):
        """Each row is one that the exchange sent, and those not stored are exactly within what is called lost."""
        rows = sorted(self.stored("QUOTE"), key=lambda row: row["UpdateId"])
        if not self.check(rows, "QUOTE: nothing is stored"):
            return
        stored = [row["UpdateId"] for row in rows]
        truth = {int(line[0]): line for line in
                 self.exchange.rows("quotes", self.symbol, fromId=stored[0], toId=stored[-1])}
        latest = (self.exchange.now_us() + EARLY_US) * 1000
        for row in rows:
            line = truth.get(row["UpdateId"])
            values = tuple(row[name] for name in ("BidPrice", "BidSize", "AskPrice", "AskSize"))
            self.check(line is not None and values == tuple(float(one) for one in line[1:5]) and
                       (int(line[5]) - EARLY_US) * 1000 <= row["Time"] <= latest,
                       lambda row=row, line=line: f"QUOTE: stored {row}, the exchange says {line}")
            self.check_received(row, "QUOTE", live=True)
        self.check(rows[-1]["Time"] >= (until_us - 3_000_000) * 1000, "QUOTE: it ends early")
        ids, place = sorted(truth), {one: i for i, one in enumerate(sorted(truth))}
        holes = {(a, b) for a, b in zip(stored, stored[1:]) if a == b or place.get(b, 0) - place.get(a, 0) != 1}
        times = {row["UpdateId"]: row["Time"] for row in rows}
        self.check_lost("QUOTE", holes, self.lost_gaps("QUOTE"), times, set(zip(stored, stored[1:])))
        self.rows["QUOTE"] += len(rows)
        self.rows["QUOTE lost"] += len(ids) - len(rows)

    def check_lost(self, group, holes, lost, times, neighbours):
        """`holes`: (last id before, first id behind) of what is missing. A boundary within which nothing happened is called
        lost, too, where that cannot be known; but then it lies between two stored rows that follow each other."""
        self.check(holes <= lost.keys(), lambda: f"{group}: missing, and not called lost: {sorted(holes - lost.keys())[:3]}")
        self.check(lost.keys() <= neighbours | holes,
                   lambda: f"{group}: called lost, and stored: {sorted(lost.keys() - neighbours - holes)[:3]}")
        for (first, last), (start_us, end_us) in lost.items():
            if first in times and last in times:
                span = (times[first] // 1000, times[last] // 1000)
                self.check((start_us, end_us) == span,
                           f"{group}: lost between {first} and {last}: [{start_us}, {end_us}] is said, {span} it was")

    # ---- the book ----

    def check_tops(self, levels, cadence_us, until_us):
        """Each snapshot is the exchange's book at its update, and one is there at each cadence unless it is lost."""
        rows = sorted(self.stored("DEPTH"), key=lambda row: row["UpdateId"])
        if not self.check(rows, "DEPTH: nothing is stored"):
            return
        for row in rows:
            truth = self.exchange.book(self.symbol, row["UpdateId"], levels)
            for side, name in zip(truth, ("Bid", "Ask")):
                padded = side + [(0.0, 0.0)] * (levels - len(side))
                found = [(row[f"{name}Price{i}"], row[f"{name}Size{i}"]) for i in range(1, levels + 1)]
                self.check(found == padded,
                           lambda row=row, name=name, found=found, padded=padded:
                           f"DEPTH: {name} levels at update {row['UpdateId']}: {first_difference(found, padded)}")
            self.check(row["Time"] % (cadence_us * 1000) == 0, lambda row=row: f"DEPTH: time of {row['UpdateId']}")
        self.check(rows[-1]["Time"] >= (until_us - 4_000_000) * 1000, "DEPTH: it ends early")
        pairs = [(a, b) for a, b in zip(rows, rows[1:])]
        holes = {(a["UpdateId"], b["UpdateId"]) for a, b in pairs if self.skipped(a, b, cadence_us)}
        times = {row["UpdateId"]: row["Time"] for row in rows}
        self.check_lost("DEPTH", holes, self.lost_gaps("DEPTH"), times,
                        {(a["UpdateId"], b["UpdateId"]) for a, b in pairs})
        self.rows["DEPTH"] += len(rows)

    def skipped(self, before, after, cadence_us):
        """Did the book change in time for a snapshot between these two? The event that brings a change comes within 100 ms."""
        if after["UpdateId"] == before["UpdateId"]:
            return True
        due_us = after["Time"] // 1000 - cadence_us
        if due_us <= before["Time"] // 1000:
            return False
        seen = self.exchange.json(f"/ledger/ids?symbol={self.symbol}&time={(due_us - 100_000) // 1000 - 1}")["update"]
        return seen > before["UpdateId"]

    def check_changes(self, until_us, levels=20):
        """The book is rebuilt from DEPTHDIFF alone and compared at every update, its changes one for one."""
        groups = ticks.changes_by_update(self.stored("DEPTHDIFF"))
        if not self.check(groups, "DEPTHDIFF: nothing is stored"):
            return
        first = min(group["first"] for group in groups.values())
        truth = self.exchange.changes(self.symbol, first, max(groups))
        book = known = None
        holes, times = set(), {}
        for update_id, group in groups.items():
            times[update_id] = group["time"]
            if group["changes"]:
                self.check_event(update_id, group, truth)
                if self.check(known is not None and group["first"] <= known + 1,
                              f"DEPTHDIFF: changes {group['first']} to {update_id} do not go on from {known}"):
                    known = update_id
                    if book is not None:
                        book.apply(group["changes"])
            if group["clear"]:
                book = None
            if group["snapshot"]:
                self.check_snapshot(update_id, group["snapshot"])
                if known is not None and update_id > known + 1:
                    holes.add((known, update_id))
                book, known = ticks.Book(group["snapshot"]), update_id
            if book is not None:
                self.check_book(update_id, book, levels)
        self.check(max(times.values()) >= (until_us - 3_000_000) * 1000, "DEPTHDIFF: it ends early")
        lost = {ids: span for ids, span in self.lost_gaps("DEPTHDIFF").items() if ids[1] > ids[0] + 1}
        self.check_lost("DEPTHDIFF", holes, lost, times, set())
        self.rows["DEPTHDIFF updates"] += len(groups)
        self.rows["DEPTHDIFF lost ids"] += sum(last - first - 1 for first, last in holes)

    def check_event(self, update_id, group, truth):
        wanted = {}
        for one in range(group["first"], update_id + 1):
            wanted.update(truth[one])
        self.check(group["changes"] == wanted,
                   lambda: f"DEPTHDIFF: changes {group['first']} to {update_id}: "
                           f"{len(group['changes'].items() - wanted.items())} that the exchange did not send, "
                           f"{len(wanted.items() - group['changes'].items())} missing")
        self.rows["DEPTHDIFF levels"] += len(wanted)

    def check_snapshot(self, update_id, snapshot, complete=500):
        """All levels are the exchange's, and the best of them are without a hole."""
        truth = self.exchange.book(self.symbol, update_id, 16384)
        for side in (0, 1):
            sizes = dict(truth[side])
            wrong = [price for (of, price), size in snapshot.items() if of == side and sizes.get(price) != size]
            self.check(not wrong, f"DEPTHDIFF: snapshot at {update_id}: {len(wrong)} wrong levels, the first at {wrong[:1]}")
            absent = [price for price, _ in truth[side][:complete] if (side, price) not in snapshot]
            self.check(not absent, f"DEPTHDIFF: snapshot at {update_id}: {len(absent)} levels missing, the first {absent[:1]}")
        self.rows["DEPTHDIFF snapshots"] += 1

    def check_book(self, update_id, book, levels):
        rebuilt, truth = book.top(levels), self.exchange.book(self.symbol, update_id, levels)
        for side, name in ((0, "bids"), (1, "asks")):
            self.check(rebuilt[side] == truth[side],
                       lambda side=side, name=name: f"DEPTHDIFF: rebuilt {name} at {update_id}: "
                                                    f"{first_difference(rebuilt[side], truth[side])}")
        (bid, _), (ask, _) = rebuilt[0][0], rebuilt[1][0]
        self.check(bid < ask, f"DEPTHDIFF: crossed at {update_id}")
        self.rows["DEPTHDIFF books"] += 1


def first_difference(found, wanted):
    for i, (a, b) in enumerate(zip(found, wanted)):
        if a != b:
            return f"level {i + 1} is {a}, must be {b}"
    return f"{len(found)} levels, must be {len(wanted)}"
