// SPDX-License-Identifier: Apache-2.0
// Every bound of every queue, table, message and loop, in one place, related by static assertions.
#ifndef COMMON_LIMITS_H
#define COMMON_LIMITS_H

#include <assert.h>

// ---- processes ----
#define SLOTS_MAX 4096        // children that may live at the same time (acknowledgement page, governor page)
#define SYMBOLS_MAX 4096      // symbols one instance follows; Binance lists about 1,400 on spot
#define STREAM_WORKERS_MAX 60 // `symbols_per_worker: auto` spreads larger sets over this many
#define PARALLELISM_MAX 64    // backfill workers
#define SPAWN_BITS 20         // incarnation = run counter << SPAWN_BITS | spawn number

// ---- names ----
#define SYMBOL_SIZE 24 // bytes for a symbol with its NUL: 20 characters and room for a market suffix
#define ASSET_SIZE 24  // bytes for a base or quote asset
#define SYMBOL_LENGTH_MAX 20
#define INTERVALS_MAX 16 // Binance has sixteen
#define PATH_SIZE 512    // bytes for a directory or file name of ours
#define URL_SIZE 256     // bytes for a configured base URL
#define IPC_PATH_MAX 107 // sun_path without its NUL
#define REASON_SIZE 160  // bytes for a prose reason in a message, the ledger or the child table

// ---- batches (design: one nanomsg message is one batch) ----
#define BATCH_BYTES_MAX (64 * 1024)
#define BATCH_BYTES_LARGE_MAX (256 * 1024)  // one record larger than a batch
#define BATCH_STREAMS_MAX 1024              // streams in a batch's table
#define NN_MESSAGE_BYTES_MAX (1024 * 1024)  // NN_RCVMAXSIZE: far above the largest batch
#define WINDOW_BYTES_MAX (16 * 1024 * 1024) // unacknowledged bytes a worker may hold
#define WINDOW_BATCHES_MAX 4096             // and batches
#define WINDOW_RESERVED_BYTES (64 * 1024)   // of the window, kept for BOUNDARY, CONNECT and FIN records
#define JOB_CHUNKS_UNACKED_MAX 4            // chunks of a job under way to the store
#define RESEND_AFTER_MS 300                 // no acknowledgement progress for this long: resend the window
#define JOB_STALL_MS 10000                  // a job without acknowledged progress for this long has failed

// ---- the internet ----
#define FRAME_BYTES_MAX (1024 * 1024)          // a WebSocket message
#define HTTP_BODY_BYTES_MAX (32 * 1024 * 1024) // an HTTP answer (exchangeInfo is the largest: some MB)
#define JSON_DEPTH_MAX 16
#define REST_PAGE_ROWS_MAX 1000
#define JOB_PAGES_MAX 20 // pages in one backfill job: what a crash may cost
#define STREAMS_PER_CONNECTION_MAX 1024
#define CLIENT_MESSAGE_SPACING_MS 300  // Binance allows five client messages a second, pongs counted
#define CONNECTIONS_PER_WINDOW_MAX 300 // new connections per window and address
#define CONNECTIONS_WINDOW_S 300

// ---- spool, ledger, store ----
#define SPOOL_COMMIT_MS 2
#define SPOOL_COMMIT_BYTES (64 * 1024)
#define SPOOL_WAL_BYTES_MAX (256L * 1024 * 1024)
#define STORE_SYNC_S 10
#define STORE_SYNC_BYTES (64L * 1024 * 1024)
#define STORE_OPEN_FILES_MAX 2048 // year files kept open
#define BALLAST_BYTES_DEFAULT (64L * 1024 * 1024)
#define SETTLE_BARS_MAX 1000 // provisional bars confirmed by one request

// ---- control ----
#define CONTROL_MESSAGE_BYTES_MAX 4096
#define LIVE_RING_ENTRIES 64 // newest stored live bars, for observers
#define LOG_LINE_BYTES_MAX 2048   // a longer line is cut and ends in "..."

static_assert(BATCH_BYTES_LARGE_MAX < NN_MESSAGE_BYTES_MAX, "nanomsg drops a message above NN_RCVMAXSIZE silently");
static_assert(SLOTS_MAX < (1 << SPAWN_BITS), "spawn numbers outlast slots");
static_assert(WINDOW_RESERVED_BYTES < WINDOW_BYTES_MAX, "data has room beside boundaries");

#endif
