// SPDX-License-Identifier: Apache-2.0
// The ledger as the command line and the gateway see it: opened read-only, beside the running writer or after it ended.
// Each call is one short read transaction (a held one would let the writer's log grow without bound) and sees one
// commit. Owns its data base connection; writes nothing. A call that fails returns -1 and leaves a message in
// ledgerview_error().
//
// Figures are computed, not stored: missing = wanted before the horizon, less covered, less explained. `now_us` is
// exchange time now (governor_exchange_now_us()), or -1: as of the ledger's last commit.
#ifndef COMMON_LEDGERVIEW_H
#define COMMON_LEDGERVIEW_H

#include "common/control.h"
#include "common/interval.h"
#include "common/ledger.h"
#include "common/limits.h"
#include "common/ranges.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ledgerview;

// NULL with a message in `why` and errno: ENOENT, no ledger there yet; EINVAL, no ledger of ours or another version.
struct ledgerview *ledgerview_open(const char *state_directory, char why[REASON_SIZE]);
void ledgerview_close(struct ledgerview *view);
const char *ledgerview_error(const struct ledgerview *view);

struct ledger_meta {
        char market[16]; // "spot"
        bool testnet;
        char endpoint_class[16];       // "mainnet", "testnet", "custom"
        int64_t exchange_us;           // exchange time of the last commit, -1 if unknown
        int64_t committed_wall_ns;     // this host's clock at the last commit
        int64_t cursor;                // spool row up to which the store is synced
        int64_t horizon_us;            // one-shot runs: what is wanted ends here; INT64_MAX otherwise
        uint64_t catalogue_generation; // 0: no catalogue yet
        int64_t catalogue_us;          // exchange time of the newest catalogue, -1: none
        int64_t quarantined;           // batches kept aside because they ended their reader
};
int ledgerview_meta(struct ledgerview *view, struct ledger_meta *meta);

// ---- buckets ----

struct ledger_bucket {
        char symbol[SYMBOL_SIZE];
        char directory[64]; // the symbol's name in the tree (store.symbol); empty while unknown
        enum interval interval;
        bool followed;        // configured, or asked for and not yet complete
        bool live;            // a stream is to bring its bars
        int64_t first_bar_us; // the exchange's first bar; -1: it has none, -2: not yet known
        int64_t live_from_us; // first bar that came by stream, -1: none yet
        int64_t first_us;     // first and last covered open time, -1: none
        int64_t last_us;
        int64_t rows;                  // bars covered (stored and synced)
        int64_t settled;               // of these, confirmed by REST or the archive (derived ones count)
        int64_t corrected;             // bars that REST changed after the stream had brought them
        int64_t defective;             // bars refused because no exchange would send them
        int64_t wanted;                // bars wanted up to the horizon
        int64_t wanted_stored;         // of these, covered; wanted = wanted_stored + Σ explained + missing
        int64_t explained[GAP_STATES]; // of these, explained, by state
        int64_t missing;
        int64_t gaps_open;     // recorded gaps that are open or being repaired
        int64_t differences;   // bars made here that are not the exchange's own (aggregate.check)
        char made_of[16];      // "1m", "trade": its bars are made here of those; empty: they are not
        char why[REASON_SIZE]; // why it does not go on (unknown symbol, foreign files, refusal); else empty
};

// A non-zero return of a callback ends the walk and is returned.
typedef int ledgerview_bucket(void *context, const struct ledger_bucket *bucket);
// In order of symbol, then interval.
int ledgerview_each_bucket(struct ledgerview *view, int64_t now_us, ledgerview_bucket *callback, void *context);
// One bucket. Returns 1, 0 where the ledger has none, or -1.
int ledgerview_bucket_of(
    struct ledgerview *view, const char *symbol, enum interval interval, int64_t now_us, struct ledger_bucket *bucket);

// The same with the figures from `wanted` to `missing` counted for open times in [start_us, end_us) (from the first bar
// on), whether or not they are still wanted: what has become of a range that was asked for. INT64_MIN, INT64_MAX: open.
int ledgerview_range_of(struct ledgerview *view, const char *symbol, enum interval interval, int64_t start_us,
    int64_t end_us, int64_t now_us, struct ledger_bucket *bucket);

struct ledger_totals { // over followed buckets
        int64_t buckets, symbols;
        int64_t rows, settled, corrected, defective;
        int64_t wanted, wanted_stored, explained[GAP_STATES], missing;
        int64_t gaps_open;
        int64_t differences;
        int64_t hindered; // buckets with a `why`
        bool known;       // false while a first bar is still to be asked for: wanted may yet grow
};
int ledgerview_totals(struct ledgerview *view, int64_t now_us, struct ledger_totals *totals);

// Covered ranges of a bucket, tagged with enum bar_source; what is missing of it. Replaces the set's content.
// Return 1, 0 where the ledger has no such bucket, or -1.
int ledgerview_coverage(struct ledgerview *view, const char *symbol, enum interval interval, struct ranges *covered);
int ledgerview_missing(
    struct ledgerview *view, const char *symbol, enum interval interval, int64_t now_us, struct ranges *missing);

// ---- gaps ----

struct ledger_gap {
        char symbol[SYMBOL_SIZE];
        enum interval interval;
        int64_t start_us, end_us; // open times [start_us, end_us)
        int64_t bars;
        int state;        // enum gap_state
        int64_t found_us; // exchange time of the verdict or of the discovery, -1 unknown
        char evidence[REASON_SIZE];
};

typedef int ledgerview_gap(void *context, const struct ledger_gap *gap);
// `symbol` NULL: all. `states`: bit mask of 1u << enum gap_state. In order of symbol, interval, time.
int ledgerview_each_gap(
    struct ledgerview *view, const char *symbol, uint32_t states, ledgerview_gap *callback, void *context);

// ---- troubles: ranges that are not asked for at the moment, and why ----

struct ledger_trouble {
        char symbol[SYMBOL_SIZE];
        char of[16]; // "1m", "trade"
        bool is_ticks;
        int64_t start_us, end_us;  // of bars
        int64_t first_id, last_id; // of ticks; 0 and INT64_MAX: all, or the search for the ids
        char kind[16];             // "network", "refused", "symbol", "quarantined", "defective", "unconfirmed"
        int64_t attempts;
        int64_t retry_wall_ns;
        char text[REASON_SIZE];
};

// In order of symbol, then interval and range; those of ticks behind.
typedef int ledgerview_trouble(void *context, const struct ledger_trouble *trouble);
int ledgerview_each_trouble(struct ledgerview *view, ledgerview_trouble *callback, void *context);

// ---- differences: bars made here that are not the exchange's own, which is kept ----

struct ledger_difference {
        char symbol[SYMBOL_SIZE];
        enum interval interval;
        int64_t open_us;
        int64_t found_us;       // exchange time
        char text[REASON_SIZE]; // "Close 5 not 6": made here, the exchange's
};

typedef int ledgerview_difference(void *context, const struct ledger_difference *difference);
// `symbol` NULL: all. In order of symbol, interval, time.
int ledgerview_each_difference(
    struct ledgerview *view, const char *symbol, ledgerview_difference *callback, void *context);

// ---- catalogue ----

typedef int ledgerview_symbol(void *context, const struct catalogue_entry *entry);
// In order of symbol.
int ledgerview_each_symbol(struct ledgerview *view, ledgerview_symbol *callback, void *context);

#endif
