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
#define KEPT_BYTES_MAX (4 * 1024 * 1024)    // of records that found the window full, until reading has stopped
#define WINDOW_RESERVED_BYTES (64 * 1024)   // of the window, kept for BOUNDARY, CONNECT and FIN records
#define WINDOW_RESERVED_BATCHES 64          // and of its batches
#define JOB_CHUNKS_UNACKED_MAX 16           // chunks of a job under way to the store; 4 held one worker back
#define RESEND_AFTER_MS 300                 // no acknowledgement progress for this long: resend the window
#define RESEND_AFTER_MAX_MS 3000            // doubled up to this while nothing helps
#define RESEND_PROBE_BATCHES 4              // resent at first; the rest once one of them was acknowledged
#define SEND_BATCHES_PER_SERVICE 64         // handed to the socket in one go, so that an event loop gets its turn
#define JOB_STALL_MS 10000                  // a job without acknowledged progress for this long has failed

// ---- the internet ----
#define FRAME_BYTES_MAX (1024 * 1024)          // a WebSocket message
#define HTTP_BODY_BYTES_MAX (32 * 1024 * 1024) // an HTTP answer (exchangeInfo is the largest: some MB)
#define JSON_DEPTH_MAX 16
#define REST_PAGE_ROWS_MAX 1000
#define BOOK_LEVELS_MAX 5000                    // of a side of a kept order book; farther ones are forgotten
#define BOOK_EVENTS_MAX 4096                    // changes that wait for a book's snapshot: seven minutes of them …
#define BOOK_BUFFER_BYTES_MAX (4 * 1024 * 1024) // … and their bytes
#define DEPTH_LEVELS_MAX (2 * BOOK_LEVELS_MAX)  // of a depth event or snapshot, both sides
#define DEPTH_SNAPSHOT_LEVELS 1000              // asked for, of a side; request weight 50
#define DEPTH_SNAPSHOT_SPACING_MS 250           // between two requests of one worker
#define JOB_PAGES_MAX 20                        // pages in one backfill job: what a crash may cost
#define STREAMS_PER_CONNECTION_MAX 1024
#define STREAM_URL_BYTES_MAX 2000     // of a connection's path and query: libwebsockets 4.1.6 cuts the request at 2,047
#define SUBSCRIBE_NAMES_MAX 150       // stream names in one message, and …
#define SUBSCRIBE_BYTES_MAX 4000      // … bytes: above about 4,088 Binance swallows it without an answer
#define SUBSCRIBE_RANGES_MAX 32       // ranges of names waiting to be asked for (halves of refused ones)
#define CLIENT_MESSAGE_SPACING_MS 350 // three of ours and a pong in any second: fewer than the five Binance allows
#define CONNECTIONS_PER_WINDOW_MAX 300 // new connections per window and address
#define CONNECTIONS_WINDOW_S 300
#define CONNECTION_SPACING_MS 200 // between the starts of two connections, all processes together
#define WEIGHT_LIMIT_DEFAULT 6000 // request weight per minute until exchangeInfo has said it
#define RAW_LIMIT_DEFAULT 61000   // requests per RAW_WINDOW_S
#define RAW_WINDOW_S 300
#define CAS_TRIES_MAX 64 // of a compare-and-swap loop; afterwards the caller is told to wait a millisecond

// ---- requests to the exchange (backfill workers) ----
#define REST_REQUESTS_IN_FLIGHT 2 // the next page is fetched while one is sent to the writer
#define REST_ATTEMPTS_MAX 6       // without a usable answer before a job is given back to the writer
#define REST_BACKOFF_MS_MIN 500   // after the first failure, doubling, with jitter
#define REST_BACKOFF_MS_MAX 60000
#define REST_ASK_AGAIN_MS_MAX 60000       // longest sleep before the governor is asked again
#define REST_PATH_SIZE 256                // bytes for path and query
#define REST_PAGE_BYTES_MAX (1024 * 1024) // a page of 1000 klines is about 180 KB
#define REST_SMALL_BYTES_MAX (64 * 1024)  // any other answer but exchangeInfo
#define HTTP_CONNECT_MS_MAX 20000         // name, TCP and TLS
#define HTTP_ANSWER_MS_MAX 60000          // a whole request
#define HTTP_SLOW_BYTES_PER_S 2048        // slower than this for HTTP_SLOW_S is dead
#define HTTP_SLOW_S 15
#define BAN_SECONDS_MIN 1                // whatever Retry-After says
#define BAN_SECONDS_MAX (3L * 24 * 3600) // the exchange's longest
#define BAN_UNNAMED_S 120                // its shortest: for a 418 without Retry-After
#define BAN_FORBIDDEN_S 300              // HTTP 403 usually lifts after five minutes
#define BAN_RESTRICTED_S_MIN 60          // HTTP 451: doubling up to an hour
#define BAN_RESTRICTED_S_MAX 3600
#define CATALOG_SYMBOLS_MAX 16384 // rows of exchangeInfo; about 3,700 on spot, delisted ones included

// ---- spool, ledger, store ----
#define SPOOL_COMMIT_MS 2                // between the beginnings of two commits, where little comes
#define SPOOL_COMMIT_BYTES (1024 * 1024) // at full speed what came during a sync shares the next one
#define SPOOL_WAL_BYTES_MAX (256L * 1024 * 1024)
#define SPOOL_WAL_BYTES_KEPT (16L * 1024 * 1024)  // of the WAL, written before it is used: see spool_open()
#define SPOOL_CHECKPOINT_BYTES (4L * 1024 * 1024) // of new WAL, then the store thread writes them into the data base
#define SPOOL_TRIM_ROWS 64                        // deleted by one commit beyond twice what it inserts, and …
#define SPOOL_TRIM_BYTES (128 * 1024)             // … their bytes: about a millisecond
#define STORE_SYNC_S 10
#define STORE_SYNC_BYTES (64L * 1024 * 1024)
#define DERIVE_ROWS_PER_PASS 8192       // smaller bars read for derived ones, then other work has its turn: some 10 ms
#define STORE_OPEN_FILES_MAX 2048       // year files kept open
#define YEARFILE_SPAN_BYTES (96 * 1024) // of a year file, read or written at once: a page of 1,000 bars
#define YEARFILE_GAP_SLOTS_MAX 32       // slots between two bars that are read over rather than sought across
#define YEARFILE_LOCK_WAIT_MS 100       // the writer's patience with a reader (who then reads again)
#define YEARFILE_READ_WAIT_MS 1000      // a reader's patience with the writer
#define YEARFILE_YEARS_MAX 256          // year files of a bucket
#define YEARFILE_YEAR_MIN 1970
#define YEARFILE_YEAR_MAX 9999
#define TICK_LEVELS_MAX 20                       // of a stored book snapshot
#define TICK_BLOCK_BYTES_MAX (64L * 1024 * 1024) // the rows of one second: 400,000 trades
#define TICK_STAGE_BYTES (1024L * 1024)          // of blocks gathered before they are written
#define TICK_INDEX_SLOTS_MAX 4096                // of a tick file's index, read or written at once
#define GROWTH_SAMPLE_S (15 * 60)                // how fast ticks take room is measured over up to 16 hours, …
#define GROWTH_KNOWN_S 30                        // … and told after this
#define DRAIN_SAMPLE_S 1                         // how fast the spool becomes empty: over the last half minute
#define DRAIN_KNOWN_S 3
#define DRAIN_WINDOW_S 30
#define TICK_WAITING_BYTES_MAX (32L * 1024 * 1024) // of rows whose second is not over; more are stored at once
#define TICK_OPEN_FILES_MAX 2048                   // tick files kept open
#define TICK_TROUBLES_MAX 64                       // ranges of ids per bucket that are not asked for at the moment
#define BARQUERY_ROWS_MAX 4096                     // rows handed to a query's callback at once
#define BALLAST_BYTES_DEFAULT (64L * 1024 * 1024)
#define STORE_LOCK_WAIT_MS 15000         // for an old instance to let go of root_directory
#define STORE_PACE_BYTES (256L * 1024)   // bytes in one file before the kernel is asked to start writing them
#define SETTLE_BARS_MAX 1000             // provisional bars confirmed by one request
#define LEASES_MAX (PARALLELISM_MAX * 2) // jobs under way: a worker's next job may be granted while its last ends
#define CRASHES_MAX 3                    // of workers on the same job, then it is quarantined
#define GAPS_FILLED_MAX 100              // filled gaps kept per bucket
#define TROUBLES_MAX 4096                // ranges per bucket that are not asked for at the moment
#define WANTS_MAX 1024                   // ranges asked for on the command line and not yet had

// ---- a MarketStore server as store ----
#define STORERPC_CONNECT_MS 2000
#define STORERPC_ANSWER_MS 30000                       // for one request; a large one takes half a second
#define STORERPC_ANSWER_BYTES_MAX (256L * 1024 * 1024) // of an answer
#define STORERPC_PAGE_ROWS 50000                // that query asks for at once, as far as they are not more than …
#define STORERPC_PAGE_BYTES (16L * 1024 * 1024) // … so many bytes
#define SINK_RETRY_MS_MIN 500                   // after the server was not reached, doubling
#define SINK_RETRY_MS_MAX 15000
#define SINK_GIVE_UP_MS 60000                   // a one-shot backfill ends when the server is away for so long
#define SINK_PARCEL_ROWS_MAX 50000              // in one write
#define SINK_WRITE_BUCKETS_MAX 256              // in one write
#define SINK_KEPT_BYTES_MAX (64L * 1024 * 1024) // rows sent and not yet proved durable

// ---- configuration ----
#define CONFIG_BYTES_MAX (1024 * 1024) // a configuration file
#define CONFIG_DEPTH_MAX 8             // nested lists and mappings
#define CONFIG_ITEMS_MAX 20000         // values in it
#define CONFIG_ERRORS_MAX 16           // mistakes shown at once; further ones are counted
#define CONFIG_WARNINGS_MAX 8
#define AGGREGATES_MAX 8 // blocks of `aggregate`
#define QUOTE_ASSETS_MAX 32
#define DIRECTORY_LENGTH_MAX (PATH_SIZE - 1 - 112)   // leaves room for "/BTCUSDT/2H/OHLCV_4H/2024.bin.tmp"
#define RUN_DIRECTORY_LENGTH_MAX (IPC_PATH_MAX - 24) // leaves room for a socket's name
#define MESSAGE_BUFFER_MIN 1000                      // realtime.buffer_size
#define MESSAGE_BUFFER_MAX 1000000
#define RETRY_DELAY_MS_MIN 100
#define RETRY_DELAY_MS_MAX 60000
#define QUICK_RETRIES_MAX 1000
#define DEPTH_CADENCE_MS_MIN 100
#define DEPTH_CADENCE_MS_MAX (24L * 3600 * 1000)
#define DEPTH_COMPARE_MS_MIN 10000 // a snapshot costs weight 50
#define DEPTH_COMPARE_MS_MAX 3600000
#define SPOOL_BYTES_MIN (16L * 1024 * 1024)
#define SPOOL_BYTES_MAX (1024L * 1024 * 1024 * 1024)
#define BALLAST_BYTES_MIN (1024L * 1024)
#define BALLAST_BYTES_MAX (16L * 1024 * 1024 * 1024)
#define WEIGHT_PER_MINUTE_MAX 1000000

// ---- supervision ----
#define POLICY_CRASHES_MAX 5        // crashes within a minute that make a child FAILED
#define POLICY_BRAKE_CHILDREN_MIN 5 // different children that must crash before their class is braked
#define STARTS_PER_SLICE_MAX 20     // children started per START_SLICE_MS
#define START_SLICE_MS 100
#define CHILD_MESSAGES_PER_TURN_MAX 64      // control messages taken from one child before the others have their turn
#define OUTBOX_MESSAGES_MAX (2 * SLOTS_MAX) // control messages that wait for room in a child's socket
#define DEATHS_KEPT_MAX 256                 // deaths kept for a writer that is not running
#define CONTROL_CLIENTS_MAX 16              // command lines connected at the same time
#define STATE_LOCK_WAIT_MS 15000            // for an old instance to let go of state_directory
#define CATALOGUE_ENTRIES_MAX 16384         // symbols of the exchange
#define STOP_DEADLINE_S 90                  // orderly shutdown, all stages: below systemd's TimeoutStopSec

// ---- gateway ----
#define GATEWAY_DESCRIPTORS_MAX 320          // open at once, mostly connections; further clients wait to be accepted
#define GATEWAY_HEADER_BYTES_MAX (16 * 1024) // of a request, its first line included
#define GATEWAY_BODY_BYTES_MAX (4 * 1024 * 1024)        // of a request
#define GATEWAY_JSON_BYTES_MAX (256 * 1024)             // of a request in JSON, which takes far more in memory
#define GATEWAY_ANSWER_BYTES_MAX (512UL * 1024 * 1024)  // rows of one answer: 6.7 million bars
#define GATEWAY_MEMORY_BYTES_MAX (1024UL * 1024 * 1024) // of all answers under way
#define GATEWAY_ROWS_PER_TURN 8192            // read for one answer before others have their turn: a millisecond
#define GATEWAY_THREADS_MAX 8                 // that read for large answers, at most one a core
#define GATEWAY_SEGMENT_ROWS 32768            // of a large answer, read by one thread in one go
#define GATEWAY_SEGMENTS_PER_TURN 32          // read before other large answers have their turn
#define GATEWAY_BUCKETS_PER_TURN 64           // listed before others have their turn
#define GATEWAY_REQUEST_S 30                  // from a request's first byte to its last
#define GATEWAY_IDLE_S 60                     // without a byte in either direction
#define GATEWAY_ANSWER_S_MIN 30               // an answer must be read within this, and …
#define GATEWAY_READ_BYTES_PER_S (256 * 1024) // … as much longer as it takes at this rate
#define GATEWAY_WRITE_BYTES (1024 * 1024)     // given to a socket at once
#define GATEWAY_REQUESTS_MAX 1024             // queries in one call
#define GATEWAY_BUCKETS_MAX 16384             // buckets in one call
#define MSGPACK_VALUES_MAX 262144             // values in one call
#define MSGPACK_NESTING_MAX 16                // of a call's lists and maps
#define GATEWAY_STOP_S 5                      // for answers under way when the program ends

// ---- control ----
#define CONTROL_MESSAGE_BYTES_MAX 4096
#define LIVE_RING_ENTRIES 64    // newest stored live bars, for observers
#define LOG_LINE_BYTES_MAX 2048 // a longer line is cut and ends in "..."

static_assert(BATCH_BYTES_LARGE_MAX < NN_MESSAGE_BYTES_MAX, "nanomsg drops a message above NN_RCVMAXSIZE silently");
static_assert(DEPTH_LEVELS_MAX * 24 + 1024 <= BATCH_BYTES_LARGE_MAX, "a whole book is one record");
static_assert(SLOTS_MAX < (1 << SPAWN_BITS), "spawn numbers outlast slots");
static_assert(WINDOW_RESERVED_BYTES < WINDOW_BYTES_MAX, "data has room beside boundaries");
static_assert(WINDOW_RESERVED_BATCHES < WINDOW_BATCHES_MAX, "data has room beside boundaries");

#endif
