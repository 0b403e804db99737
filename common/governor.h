// SPDX-License-Identifier: Apache-2.0
// The governor page: shared words of all processes. It holds the request and connection budget of this address, the
// ban, the exchange's clock, and for each slot the child table with heartbeats and counters that `status` shows.
// Created by the supervisor, mapped read-write by its children, read-only by the command line. Every word is atomic or
// written by one process only; a process that dies at any instruction leaves it usable.
//
// Nothing that was reserved is given back, so a killed worker leaks nothing.
#ifndef COMMON_GOVERNOR_H
#define COMMON_GOVERNOR_H

#include "common/clock.h"
#include "common/job.h"
#include "common/latency.h"
#include "common/limits.h"
#include "common/pace.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum child_class { CHILD_NONE, CHILD_STREAM, CHILD_BACKFILL, CHILD_WRITER, CHILD_GATEWAY, CHILD_CLASSES };
enum child_state { CHILD_DOWN, CHILD_STARTING, CHILD_READY, CHILD_STOPPING, CHILD_BACKOFF, CHILD_FAILED };

// One per slot. The supervisor writes the upper part, the child the lower.
struct vitals {
        // supervisor
        _Alignas(64) _Atomic uint32_t class; // enum child_class
        _Atomic uint32_t state;              // enum child_state
        _Atomic int32_t pid;
        _Atomic uint32_t restarts;
        _Atomic uint64_t incarnation;
        _Atomic int64_t state_since_us; // boot time
        char name[SYMBOL_SIZE];         // first symbol of a stream worker, "2" of the pool, "writer"
        char last_death[REASON_SIZE];   // prose: how the last incarnation ended
        // child
        _Atomic uint64_t heartbeat;     // counts up
        _Atomic uint32_t hang_limit_ms; // 0: the default; longer before fsync, checkpoint, name look-up
        _Atomic uint32_t connected; // stream: 1 while a connection carries all its streams; backfill: 1 while on a job
        _Atomic uint64_t records;   // stream: closed bars; backfill: rows fetched; writer: batches committed
        _Atomic uint64_t messages;  // stream: frames; backfill: requests; writer: records applied
        _Atomic uint64_t malformed; // refused frames, answers or batches
        _Atomic uint64_t quotes_late;                     // stream: came behind a newer one, and are not kept
        _Atomic uint64_t books_compared, books_differing; // stream: kept books with fresh snapshots
        _Atomic uint64_t levels_compared, levels_equal;   // in these comparisons
        _Atomic uint32_t reconnects;
        _Atomic uint32_t degraded;       // more than max_retries quick reconnects in a row
        _Atomic int64_t last_message_us; // boot time
        _Atomic int64_t renewal_us;      // boot time of the next planned renewal, 0: none
        _Atomic uint64_t window_bytes;   // not yet durable
        _Atomic uint32_t symbols;        // streams carried / symbols
        _Atomic uint64_t job_lease;      // backfill: the job at hand, 0: none; writer: the spool row, for its successor
};

// The backfill chunk that the writer's store thread is applying, for its successor.
struct chunk_at_hand {
        _Atomic uint32_t busy; // 1 while a chunk of `job` is being applied
        uint32_t crashes;      // in a row on a chunk of `crashed`
        struct job job, crashed;
};

// The newest live bars that became durable, for observers (one writer, sequence last).
struct live_entry {
        _Atomic uint64_t sequence; // 1, 2, 3 …; entry i holds sequence s with s % LIVE_RING_ENTRIES == i
        char symbol[SYMBOL_SIZE];
        uint32_t interval;
        uint32_t zero;
        int64_t open_us;
        double close, volume;
        int64_t received_wall_ns, durable_wall_ns, stored_wall_ns;
};

struct governor_page {
        uint32_t magic, version;
        _Atomic int64_t started_boot_us;
        // ---- budget: written by everybody by compare-and-swap ----
        // Words and periods: common/budget.h.
        _Alignas(64) _Atomic uint64_t weight_word;      // exchange minute << 32 | weight used or reserved in it
        _Alignas(64) _Atomic uint64_t share_word;       // likewise, of callers with a share (settling) alone
        _Alignas(64) _Atomic uint64_t raw_word;         // five-minute window << 32 | raw requests
        _Alignas(64) _Atomic uint64_t connections_word; // five-minute window << 32 | new connections
        _Atomic int64_t connect_next_us;                // boot time before which no connection may start (pacing)
        _Atomic uint32_t weight_limit; // per minute, from exchangeInfo or the configuration; 0: not known yet (6,000),
                                       // UINT32_MAX: no limits on requests (tests)
        _Atomic uint32_t raw_limit;    // per five minutes; 0: not known yet (61,000)
        _Atomic uint32_t utilization_permille;
        _Atomic int64_t ban_until_us; // boot time; 0: none. The supervisor keeps it on disk
        _Atomic uint32_t ban_status;  // 429, 418, 403 or 451: why
        _Atomic uint32_t unreachable; // consecutive REST requests without any answer, all processes
        _Atomic int64_t explained_us; // boot time of the last line on an unreachable or refusing exchange
        _Atomic uint64_t answers_429, answers_418;
        // ---- exchange clock ----
        _Alignas(64) _Atomic int64_t clock_offset_us; // serverTime - boot time; valid once clock_synced_us != 0
        _Atomic int64_t clock_synced_us;              // boot time of the last serverTime
        _Atomic int64_t event_newest_us;              // newest event time since then
        // Real time, for minutes: boot time and these two, so that a step of the wall clock moves nothing.
        int64_t wall_minus_boot_us;      // when the page was created
        _Atomic int64_t minute_phase_us; // exchange's real minute against that, within half a minute (Date header)
        _Atomic uint32_t minute_aligned; // 1 once a Date header has been seen
        // ---- the writer's figures ----
        _Alignas(64) _Atomic uint64_t spool_batches, spool_bytes; // waiting to be applied and synced
        _Atomic int64_t spool_oldest_wall_ns;
        struct pace spool_pace;      // of spool_bytes
        _Atomic int64_t tick_bytes;  // on disk, for streamed ticks
        struct pace tick_bytes_pace; // of it
        _Atomic uint64_t rows_stored, rows_refused_rank, rows_defective, batches_quarantined;
        _Atomic uint64_t disk_free_bytes;
        _Atomic int64_t store_away_since_wall_ns; // the store server cannot be reached; 0: it can, or there is none
        _Atomic uint32_t disk_full;               // 1 while nothing is acknowledged for lack of space
        _Atomic uint32_t jobs_open;               // jobs granted or waiting
        _Atomic uint64_t ledger_changes;          // counts up with each ledger commit
        _Atomic uint32_t complete;                // 1 while everything wanted is covered or explained
        struct latency_histogram receive_to_durable;
        struct chunk_at_hand chunk;
        _Atomic uint64_t live_sequence;
        struct live_entry live[LIVE_RING_ENTRIES];
        // ---- children ----
        struct vitals vitals[SLOTS_MAX];
};

int governor_create(void);            // memory file, initialised; descriptor or -1 with errno
int governor_reopen_readonly(int fd); // a descriptor of which no writable map can be made, or -1 with errno
struct governor_page *governor_map(int fd, bool writable); // NULL with errno (EBADMSG: not this build's page)

// ---- requests ----

// Reserves `weight` and one raw request. Returns 0, or the milliseconds to wait before asking again (ban, minute used
// up, pacing: the share of the limit is spread over the minute with a burst allowance). `share_permille`: 1000, or less
// for a caller that may only use that part of the budget, counted with all others that have a share (settling: 200).
// Never blocks.
int64_t governor_reserve(struct governor_page *page, uint32_t weight, uint32_t share_permille);
// Minute in which a request starts, to be given back with its answer.
uint32_t governor_minute(const struct governor_page *page);
// Weight used or reserved in the present minute, others at this address included as far as headers have told.
uint32_t governor_used(const struct governor_page *page);
uint32_t governor_weight_limit(const struct governor_page *page); // the one in force, never 0
// A used-weight header counts only if request and answer lie in the same minute (and not in its first two seconds, in
// which the exchange may still count the one before), and only upwards.
void governor_used_header(struct governor_page *page, uint32_t minute_of_request, uint32_t used);
// A Date header (seconds since 1970): aligns our minute with the exchange's.
void governor_date_header(struct governor_page *page, int64_t date_s);
// Stops REST in every process at once. Only lengthens a ban. `status`: 429, 418, 403 or 451; `seconds`: Retry-After, 0
// where absent. 429: else to the minute's end; 418: else 2 minutes; 403: at least 5 minutes; 451: at least one; never
// more than 3 days. governor_ban_restore() takes one from disk as it is, and counts nothing.
void governor_ban(struct governor_page *page, uint32_t status, int64_t seconds);
void governor_ban_restore(struct governor_page *page, uint32_t status, int64_t remaining_ms);
int64_t governor_ban_remaining_ms(const struct governor_page *page);

// ---- connections ----

// Asks for one new WebSocket connection. Starts are CONNECTION_SPACING_MS apart, and a third of the allowance is kept
// for reconnects. Returns 0, or the milliseconds to wait before asking again.
int64_t governor_connect(struct governor_page *page, bool reconnect);
// Connections opened in the present five minutes.
uint32_t governor_connections_used(const struct governor_page *page);

// ---- exchange clock ----

// A serverTime. Forgets the newest event: what was ahead of it was wrong.
void governor_clock_sync(struct governor_page *page, int64_t server_us, boot_time middle_of_request);
// An event time. Ignored where it is more than an hour ahead of the exchange time known by then: serverTime decides.
void governor_clock_event(struct governor_page *page, int64_t event_us);
// Exchange time now; -1 before the first serverTime or event. Steps back only at a serverTime that says so.
int64_t governor_exchange_now_us(const struct governor_page *page);

// ---- names ----

const char *child_class_name(uint32_t class);
const char *child_state_name(uint32_t state);

#endif
