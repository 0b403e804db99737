// SPDX-License-Identifier: Apache-2.0
// Everything `status` tells, gathered once: from the governor page of a running instance, the ledger, and the disk.
// Drawn by cli/status_text.c and common/statusjson.c; judged by common/findings.c.
#ifndef COMMON_SNAPSHOT_H
#define COMMON_SNAPSHOT_H

#include "common/facts.h"
#include "common/ledgerticks.h"
#include "common/ledgerview.h"
#include "config/settings.h"

struct snapshot_child {
        uint32_t class, state, restarts, reconnects, symbols;
        int32_t pid;
        bool connected, degraded;
        char name[SYMBOL_SIZE], last_death[REASON_SIZE];
        uint64_t records, messages, malformed, window_bytes;
        uint64_t quotes_late, books_compared, books_differing, levels_compared, levels_equal;
        double message_age_s, renewal_in_s; // -1: none
        double state_age_s;
};

struct snapshot {
        // root_directory: of the store, or its server's URL
        char data_directory[PATH_SIZE], root_directory[PATH_SIZE], state_directory[PATH_SIZE];
        // the instance
        bool running;
        char not_running[REASON_SIZE]; // why it could not be asked, where it is not simply absent
        int32_t supervisor_pid;
        double up_s;
        int64_t exchange_now_us; // -1: unknown
        struct facts facts;
        uint32_t weight_limit, utilization_permille;
        uint64_t answers_429, answers_418, batches_quarantined, rows_defective;
        uint32_t jobs_open;
        double spool_age_s;          // of its oldest batch, 0: empty
        double spool_drain_per_s;    // bytes by which it becomes less a second; 0: it does not
        int64_t store_away_since_us; // wall time; the store server cannot be reached; 0: it can, or there is none
        size_t children_count;
        struct snapshot_child *children;
        // the ledger
        bool has_ledger;
        char no_ledger[REASON_SIZE];
        bool complete;
        struct ledger_meta meta;
        struct ledger_totals totals;
        size_t buckets_count, gaps_count, troubles_count;
        struct ledger_bucket *buckets;
        struct ledger_gap *gaps; // open ones; then the explained ones, with their evidence
        struct ledger_trouble *troubles;
        size_t ticks_count, tick_gaps_count;
        struct ledger_tick *ticks;
        struct ledger_tick_gap *tick_gaps; // likewise
        // the disk
        uint64_t disk_free_bytes; // UINT64_MAX: unknown, and never too few
        double bytes_per_day;     // that live bars and, where it is known, live ticks take
        bool growth_known;        // of the ticks, by measurement; true where none are streamed
};

// Whether the store is a MarketStore server; root_directory is its URL then.
bool snapshot_store_is_server(const struct snapshot *snapshot);

// `page`: the governor page of the instance that the caller belongs to; NULL: whoever runs there is asked for it.
void snapshot_take(const struct settings *settings, const struct governor_page *page, struct snapshot *snapshot);
void snapshot_free(struct snapshot *snapshot);

#endif
