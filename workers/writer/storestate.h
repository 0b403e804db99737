// SPDX-License-Identifier: Apache-2.0
// The store's state in memory, shared by the files that make up the store (store, apply, bulk, plan, ledger, …) and by
// nobody else. One thread uses it. Everything here is either in the ledger or can be derived from it.
#ifndef WRITER_STORESTATE_H
#define WRITER_STORESTATE_H

#include "common/bucket.h"
#include "common/child.h"
#include "common/clock.h"
#include "common/job.h"
#include "common/ledger.h"
#include "common/ranges.h"
#include "common/record.h"
#include "common/yearfile.h"
#include "config/derivation.h"
#include "workers/writer/gaps.h"
#include "workers/writer/store.h"
#include "workers/writer/tickstate.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUCKET_NONE SIZE_MAX

// A range of a bucket that is not asked for at the moment, or that failed before.
enum trouble_kind {
        TROUBLE_NETWORK,     // backoff
        TROUBLE_REFUSED,     // the exchange refuses the request
        TROUBLE_SYMBOL,      // it does not know the symbol
        TROUBLE_CRASH,       // a worker ended by its own fault on it
        TROUBLE_DEFECTIVE,   // it sent bars that cannot be
        TROUBLE_UNCONFIRMED, // REST does not have a bar that the stream brought
        TROUBLE_UNKEPT,      // the store server acknowledged ticks and does not have them
        TROUBLE_KINDS
};

struct trouble {
        int64_t start_us, end_us;
        enum trouble_kind kind;
        uint32_t attempts;
        mono_time retry_at;
        int64_t retry_wall_ns; // the same for the ledger and its readers
        char text[REASON_SIZE];
};

// What a bucket has to do next, most urgent first.
enum plan_class { PLAN_LISTING, PLAN_GAP, PLAN_HISTORY, PLAN_SETTLE, PLAN_NOTHING };

struct bucket_plan {
        bool valid;
        enum plan_class class;
        struct range job;
        int64_t made_us, until_us; // exchange time in which it holds
        mono_time until_mono;
        int64_t missing_bars; // before the horizon, whether busy or not
        bool known;           // its first bar is known where that matters
};

struct bucket_state {
        int64_t id; // in the ledger, 0: not yet there
        char symbol[SYMBOL_SIZE];
        char directory[BUCKET_SYMBOL_SIZE];        // in the tree; empty: not yet resolved
        char directory_before[BUCKET_SYMBOL_SIZE]; // as the ledger knows it
        enum interval interval;
        int64_t timeframe_ns;

        // what is wanted
        bool followed; // configured, or asked for
        bool backfill;
        bool live;
        bool symbol_known; // to the catalogue, or there is no catalogue yet
        struct ranges wanted;
        bool live_wanted; // `wanted` goes on from the first streamed bar

        // what is known
        struct ranges covered; // tags: enum bar_source
        struct gaps explained;
        struct ranges explained_ranges; // the same
        struct gaps notes;              // boundaries of its stream
        int64_t first_bar_us;
        int64_t live_from_us, live_last_us; // first and last bar that came by stream, -1: none
        bool boundary_open;                 // the next live bar may not follow the last one
        char boundary_reason[REASON_SIZE];
        int64_t corrected, defective;
        char why[REASON_SIZE]; // why it does not go on

        // Holes too young for a verdict, asked again later.
        struct range deferred;     // start >= end: none
        int64_t deferred_until_us; // exchange time
        int64_t deferred_delay_us; // doubled while nothing comes

        mono_time listing_retry_at;
        uint32_t listing_failures, listing_crashes;

        struct trouble *troubles;
        size_t troubles_count, troubles_capacity;

        // files
        bool looked_at; // in the ledger: what the tree held before us is in `covered`
        bool prepared;  // by this process
        bool refused;   // its files are not ours to write; `why` says why
        struct yearfile_schema schema;
        bool schema_known;
        struct open_file *files;    // open ones of this bucket
        struct sink_target *target; // the same at a server

        // towards the ledger
        bool row_dirty, wanted_dirty, notes_dirty, troubles_dirty;
        int64_t covered_dirty_start_us, covered_dirty_end_us; // start > end: clean
        int64_t explained_dirty_start_us, explained_dirty_end_us;

        // bars made here (derive.h)
        struct derivation made;    // of what; AGGREGATE_UNSAID: they are not
        char made_before[16];      // the same as the ledger knows it; empty: not at all
        struct ranges made_wanted; // to be made, as far as the source is wanted
        struct ranges touched;     // to be made anew
        bool made_known;           // made_wanted is computed
        bool made_dirty, touched_dirty;
        bool difference_told;
        bool unreadable_told;               // likewise of trades that bars cannot be made of
        struct derivetick_partial *partial; // of a slot whose trades are read in several passes; NULL: none

        size_t leases; // open ones of this bucket
        struct bucket_plan plan;
        size_t hash_next;
};

struct lease {
        bool used;
        struct job job;
        size_t bucket; // BUCKET_NONE for CATALOG
        bool begun;
        uint32_t chunks, rows_crc32c;
        uint64_t rows;
        struct record_page *pages;
        size_t pages_count;
        uint32_t page_rows_left;
        struct ranges got;           // slots that a row came for; tags: enum bar_source
        struct ranges offgrid_slots; // of these, by a bar whose open time lies off the grid
        struct ranges refused;       // slots whose bar could not be taken
        uint64_t defective, corrected;
        char defect[REASON_SIZE];
        struct record_symbol *symbols;
        size_t symbols_count, symbols_capacity;
        struct record_listing listing;
        bool listing_seen;
        struct tick_lease ticks;
};

#define OFFGRID_TIME_KEPT (-1) // true_us: what the ledger has is right
struct offgrid {
        int64_t bucket_id;
        int64_t slot_us, true_us;
        bool displaced; // an on-grid bar took the slot
};

// A bar made here that is not the exchange's own.
struct difference {
        int64_t bucket_id, slot_us;
        int64_t found_us; // exchange time, -1: there is none any more
        char text[REASON_SIZE];
};

struct want {
        char symbol[SYMBOL_SIZE];
        enum interval interval;
        int64_t start_us, end_us;
};

struct catalogue {
        struct catalogue_entry *entries; // sorted by symbol
        int64_t *away_since_us; // exchange time from which each was absent or BREAK in every catalogue; -1: not
        size_t count, capacity;
        uint64_t generation; // 0: none yet
        int64_t taken_us;    // exchange time, -1: none
        mono_time next_at;
        uint32_t failures, crashes;
        bool dirty;
};

struct open_files {
        struct open_file *newest, *oldest;
        size_t count, limit;
};

struct store {
        struct child_setup setup; // a copy
        struct governor_page *governor;
        struct store_events events;
        struct ledger *ledger;
        int root_fd; // locked
        char root[PATH_SIZE];
        interval_set backfill_intervals, live_intervals; // effective

        struct bucket_state **buckets;
        size_t buckets_count, buckets_capacity;
        size_t *hash; // heads, by symbol and interval
        size_t hash_size;
        size_t turn; // round robin

        struct catalogue catalogue;
        struct want *wants;
        size_t wants_count, wants_capacity;
        bool wants_dirty;

        struct lease leases[LEASES_MAX];
        size_t leases_open;
        uint64_t lease_last;
        uint32_t network_failures; // in a row, all jobs
        mono_time network_retry_at;

        const struct bar_sink *sink;
        const struct tick_sink *tick_sink;
        struct open_files files;     // with files
        struct server_store *server; // with a server
        struct ticks ticks;
        struct offgrid *offgrid; // not yet in the ledger
        size_t offgrid_count, offgrid_capacity;

        struct derivation derivations[INTERVAL_COUNT]; // as configured
        bool derive_pending;                           // a bucket has been touched
        struct difference *differences;                // not yet in the ledger
        size_t differences_count, differences_capacity;

        int64_t exchange_us;      // newest exchange time we were told, -1: none
        int64_t fixed_horizon_us; // one-shot runs; INT64_MAX: none yet
        int64_t bucket_id_last;
        struct row_run *run; // rows on their way into a year file
        int64_t row_applied; // spool row, applied
        int64_t row_durable; // the ledger's cursor

        uint32_t history_granted; // since the last settling job
        bool sync_failed;         // what is in the cache is not believed any more
        bool rows_dirty;          // rows were applied, even if they were there already (perhaps only in the cache)
        bool work_dirty;          // of what is wanted, something is not yet in the ledger
        bool dirty;               // something awaits a sync
        bool urgent;              // of it, live rows or a finished job
        mono_time dirty_since, urgent_since;
        int64_t dirty_bytes;
        mono_time quarantine_next_at;
        bool catalogue_awaited; // one log line for bars that wait for it
};

// Something awaits the next sync: `bytes` written; `urgent`: live rows or a finished job, for which it comes within a
// second.
void store_mark_dirty(struct store *store, int64_t bytes, bool urgent);
// Tells the governor page how much room is left.
void store_report_disk(const struct store *store);
// Ends the process with EXIT_TRY_LATER where `result` is -1: no memory. Its successor replays.
void store_require_memory(int result);

#endif
