// SPDX-License-Identifier: Apache-2.0
// The state of ticks in memory: buckets of trades, aggregate trades, best quotes and books. Part of the store
// (workers/writer/storestate.h); shared by the tick*.c files and by nobody else. Everything here is either in the
// ledger or can be derived from it and the spool.
//
// Rows wait in `waiting` until their second is over, then go into the year file in one block. What waits is still in
// the spool: the ledger's cursor never passes it. Every bucket knows the last record of the spool that it has looked at
// (`seen`), so that a replay begins exactly where its waiting rows began.
#ifndef WRITER_TICKSTATE_H
#define WRITER_TICKSTATE_H

#include "common/clock.h"
#include "common/ledger.h"
#include "common/record.h"
#include "common/tickfile.h"
#include "workers/writer/idset.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TICK_NONE SIZE_MAX

// A record's place in the spool.
struct tick_place {
        int64_t row;
        uint32_t index; // within its batch, from 1 on
};

// A row that waits for its second to end; its payload follows.
struct tick_waiting {
        struct tick_place place;
        uint32_t length; // of the payload
        int64_t second;
        int64_t id; // trade id or update id
        int64_t time_us;
        int64_t last_id_before; // the bucket's, before this row was taken
        int32_t epoch;
        uint32_t rows; // that it makes
};

struct tick_gap {
        int64_t number; // in the ledger, unique within the bucket
        int32_t epoch;
        int32_t state;             // enum gap_state
        int64_t first_id, last_id; // missing ids; of quotes and books: last before, first after
        int64_t start_us, end_us;  // exchange times between which it lies
        int64_t found_us;          // exchange time
        bool dirty, dropped;
        char evidence[REASON_SIZE];
};

// Ids that are not asked for at the moment. A search has no ids: 0 to INT64_MAX.
struct tick_trouble {
        int64_t first_id, last_id;
        int32_t kind; // enum trouble_kind
        uint32_t attempts;
        mono_time retry_at;
        int64_t retry_wall_ns;
        char text[REASON_SIZE];
};

enum tick_task {
        TICK_TASK_GAP,     // ids between streamed ones, or behind a boundary
        TICK_TASK_FIRST,   // finds the first id of the history
        TICK_TASK_LAST,    // finds its last
        TICK_TASK_HISTORY, // ids of it
        TICK_TASK_NOTHING
};

struct tick_plan {
        bool valid;
        enum tick_task task;
        int64_t first_id, last_id; // -1: searched by time
        int64_t start_us, end_us;
        int64_t made_us, until_us; // exchange time in which it holds
        mono_time until_mono;
        int64_t missing; // ids known to be missing, whether busy or not
        bool known;      // nothing else may turn out to be missing
};

struct tick_file;   // an open year file (tickfiles.c)
struct tick_remote; // the bucket at a server (tickserver.c)

struct tick_bucket {
        int64_t id; // in the ledger
        char symbol[SYMBOL_SIZE];
        enum tick_kind kind;
        char directory[BUCKET_SYMBOL_SIZE];        // in the tree; empty: not yet resolved
        char directory_before[BUCKET_SYMBOL_SIZE]; // as the ledger knows it
        unsigned levels;                           // of TICK_DEPTH, once prepared
        size_t hash_next;

        // what is wanted
        bool followed, live, backfill;
        bool symbol_known;

        // what is known
        int64_t *epoch_starts_us; // exchange time from which each numbering holds; the first: INT64_MIN
        int32_t epochs;           // 1 or more
        int32_t epochs_lost;      // of the older ones, those whose missing ids have been given up
        struct idset covered;     // trades and aggregate trades: ids that the files hold, or that do not exist
        int64_t last_id, last_us; // newest streamed row: id (of quotes and books the update id) and time; -1: none
        int64_t live_from_id;     // first streamed id of the newest epoch, -1: none
        int64_t first_us;         // time of the oldest row, -1: none
        int64_t rows, waiting_rows, tombstones, defective;
        bool boundary_open; // the next streamed row may not follow the last one
        char boundary_reason[REASON_SIZE];
        int64_t boundary_us; // exchange time at which it was told
        struct tick_place seen;
        char why[REASON_SIZE]; // why it does not go on

        // the history, in the newest epoch
        int64_t history_from_us, history_until_us; // as it was searched; another range is searched anew
        int64_t history_first_id;                  // -1: not yet known
        int64_t history_last_id;                   // -1: not yet known, or it has no end
        bool history_empty;                        // the exchange has nothing at or after its begin
        bool end_open;                             // nothing lies at or after its end: it ends with the newest id
        int64_t newest_id;                         // highest id that REST is known to have, -1: none
        int64_t ended_us;                          // exchange time of the last request that met the end of ids; -1

        struct tick_gap *gaps;
        size_t gaps_count, gaps_capacity;
        int64_t gap_last; // number

        struct tick_trouble *troubles;
        size_t troubles_count;

        // Ids too young for a verdict, asked again later.
        int64_t deferred_first_id, deferred_last_id; // first > last: none
        int64_t deferred_until_us, deferred_delay_us;

        // rows that wait
        unsigned char *waiting;
        size_t waiting_used, waiting_capacity;
        int64_t oldest_second; // INT64_MAX: nothing waits

        // files
        bool prepared, refused;
        bool adopting;         // the ledger did not know it: what the tree holds of it is being looked at
        int64_t adopt_from_us; // rows before have been looked at
        int64_t adopted;       // rows found
        struct tick_file *files;
        struct tick_remote *remote;

        // towards the ledger
        bool row_dirty, epochs_dirty, gaps_dirty, troubles_dirty, ids_rewritten;
        int64_t ids_dirty_first, ids_dirty_last; // of the newest epoch; first > last: clean

        size_t leases;
        struct tick_plan plan;
};

struct tick_lease {
        size_t bucket; // TICK_NONE: no job of ticks
        enum tick_task task;
        struct record_id_page *pages;
        size_t pages_count;
        uint32_t page_rows_left;
        int64_t row_id; // of the last row of the page at hand
        struct idset got;
        uint64_t tombstones;
};

struct ticks {
        struct tick_bucket **buckets;
        size_t count, capacity;
        size_t *hash;
        size_t hash_size;
        size_t turn;
        bool turn_taken; // the last of two equally urgent jobs was one of ticks
        int64_t bucket_id_last;

        struct tick_rows *rows[TICK_KINDS]; // on their way into a file
        struct tick_bucket **by_stream;     // of the batch at hand; entries are found when first needed
        bool aside;                         // a batch kept aside is applied: it has no place in the spool
        int64_t clock_us;                   // newest event time, -1: none
        int64_t closed_second;              // seconds before this one are over
        size_t waiting_bytes;

        struct tick_file *newest, *oldest; // open files
        size_t files_count, files_limit;
        int64_t appended_bytes;     // to all of them
        struct tick_damage *damage; // found while rows were staged
        size_t damage_count, damage_capacity;
        bool triples_kept; // the ledger holds triples
        bool pointed;      // indexes were written that no sync has made durable
        bool owed;         // the ledger holds triples that could not be written to their indexes
};

#endif
