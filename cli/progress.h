// SPDX-License-Identifier: Apache-2.0
// Progress of backfilling, one item per symbol and interval or kind of ticks: how much of what is wanted is stored, how
// fast it goes, how long it will take. Reads the ledger; draws into a screen's panel.
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "cli/screen.h"
#include "cli/tally.h"
#include "common/clock.h"
#include "common/governor.h"

struct progress_item {
        char symbol[SYMBOL_SIZE];
        bool is_ticks;
        enum interval interval;   // of bars
        enum tick_kind kind;      // of ticks
        const char *name;         // "1m", "agg_trade"
        int64_t start_us, end_us; // what was asked for
        struct tally tally;
        int64_t done;       // stored
        int64_t done_first; // likewise, when it was first seen
        mono_time begun;    // when it first grew; 0: not yet
        mono_time grown;    // and last
        double rate;        // rows per second
        double left_s;      // at that rate, and not before the request budget allows it; -1: unknown
        bool completed;     // has been complete once; a few live bars under way do not change that
        bool announced;
};

struct progress {
        struct ledgerview *view; // opened when the ledger is there; owned
        const char *state_directory;
        struct progress_item *items;
        size_t count, capacity;
        bool fresh; // there was no ledger when it began: everything in it is of this run
        mono_time begun;
        uint64_t changes; // the ledger's, when it was last read
        int64_t read_us;
};

void progress_begin(struct progress *progress, const char *state_directory);
void progress_free(struct progress *progress);
// Items that are counted by their own range.
void progress_add(
    struct progress *progress, const char *symbol, enum interval interval, int64_t start_us, int64_t end_us);
void progress_add_ticks(
    struct progress *progress, const char *symbol, enum tick_kind kind, int64_t start_us, int64_t end_us);
// Reads the ledger again where it has changed (`page` may be NULL). progress_follow() takes all followed buckets as
// items, progress_count() counts those that were added. Both do nothing while there is no ledger.
void progress_follow(struct progress *progress, const struct governor_page *page);
void progress_count(struct progress *progress, const struct governor_page *page, bool now);

// The next item that has become complete and was not returned before; NULL: none.
const struct progress_item *progress_newly_complete(struct progress *progress);
// Of those that are complete.
size_t progress_completed(const struct progress *progress);
bool progress_is_complete(const struct progress *progress); // of no items: false
// Something is incomplete that nothing hinders.
bool progress_may_go_on(const struct progress *progress);
// "BTCUSDT/1m", "BTCUSDT/TRADE": as `query` takes it. Returns `text`.
#define PROGRESS_BUCKET_SIZE (SYMBOL_SIZE + 16)
const char *progress_format_bucket(const struct progress_item *item, char text[PROGRESS_BUCKET_SIZE]);
struct tally progress_total(const struct progress *progress);
// A line per item that is not complete (`all`: of those too), at most `lines_max`, the rest summed up.
void progress_draw(const struct progress *progress, struct screen *screen, bool all, size_t lines_max);

#endif
