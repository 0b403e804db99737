// SPDX-License-Identifier: Apache-2.0
// Records: what a batch carries. Fixed layouts, little-endian, every record a multiple of eight bytes long.
// Producers are stream and backfill workers, the consumer is the writer. Whoever reads checks type and length first:
// a record of the wrong size cannot be read as a struct (batch_next_record()).
#ifndef COMMON_RECORD_H
#define COMMON_RECORD_H

#include "common/kline.h"
#include "common/limits.h"
#include "common/tick.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum record_type {
        // live pipeline
        RECORD_OPEN = 1,  // first record of an incarnation; fences every lower one of its slot
        RECORD_CONNECT,   // a connection carries this stream from now on; opens a boundary gap unless it overlaps
        RECORD_BOUNDARY,  // something was or may have been lost on this stream, and why
        RECORD_OVERLAP,   // renewal: one event seen on both connections, the boundary is closed (no payload)
        RECORD_FIN,       // last record of an incarnation that ends in order
        RECORD_KLINE,     // a closed bar (struct kline)
        RECORD_TRADE,     // struct trade
        RECORD_AGG_TRADE, // struct agg_trade
        RECORD_QUOTE,     // struct quote
        RECORD_DEPTH,     // struct depth, then its levels
        // bulk pipeline
        RECORD_JOB_BEGIN = 32,
        RECORD_PAGE, // a REST answer: its klines follow
        RECORD_JOB_END,
        RECORD_SYMBOL,  // a row of exchangeInfo
        RECORD_LISTING, // first bar of a symbol, or that there is none
        RECORD_ID_PAGE, // a REST answer by id: its trades or aggregate trades follow
};

struct record_header {
        uint16_t type;
        uint16_t stream; // index into the batch's stream table, or RECORD_NO_STREAM
        uint32_t length; // bytes with this header
};

#define RECORD_NO_STREAM UINT16_MAX

enum stream_kind {
        STREAM_NONE,
        STREAM_KLINE,
        STREAM_TRADE,
        STREAM_AGG_TRADE,
        STREAM_QUOTE,
        STREAM_DEPTH,
        STREAM_DEPTH_DIFF
};

// An entry of a batch's stream table. History belongs to streams, never to slots.
struct stream_id {
        char symbol[SYMBOL_SIZE];
        uint8_t kind;     // enum stream_kind
        uint8_t interval; // enum interval, for klines
        uint8_t zero[6];
};

struct record_open {
        int64_t wall_ns;
        uint32_t pid;
        uint32_t process; // enum child_class
};

struct record_connect {
        int64_t exchange_us; // exchange time at the subscription
        int64_t wall_ns;
        uint32_t connection; // counts up within an incarnation
        uint32_t overlap;    // 1: a planned renewal, the older connection still flows
};

enum boundary_reason {
        BOUNDARY_DISCONNECT = 1, // the connection ended
        BOUNDARY_WINDOW_FULL,    // closed on purpose: too much was not yet durable
        BOUNDARY_MALFORMED,      // a frame could not be read
        BOUNDARY_MISSED,         // an expected event did not come (a bar never closed, an id was skipped)
        BOUNDARY_STOP,           // orderly end of the worker
};

struct record_boundary {
        int64_t exchange_us; // exchange time of the last event before it, 0 if none
        int64_t wall_ns;
        uint32_t reason; // enum boundary_reason
        uint32_t count;  // frames concerned
};

struct record_fin {
        uint64_t records; // klines and boundaries sent by this incarnation
};

struct record_job_begin {
        uint64_t lease;
};

struct record_page {
        int64_t start_us, end_us;  // open times asked for: [start_us, end_us)
        int64_t answered_until_us; // the answer speaks for open times in [start_us, answered_until_us)
        int64_t requested_us;      // exchange time of the request
        uint32_t rows;             // klines that follow for this page
        uint32_t zero;
};

// The answer speaks for ids in [first_id, last_id]: those of them that do not follow do not exist. first_id > last_id:
// the exchange has nothing there. `newest_id`: highest id the exchange is known to have given out, -1 if unknown.
struct record_id_page {
        int64_t first_id, last_id;
        int64_t newest_id;
        int64_t requested_us; // exchange time of the request
        uint32_t rows;        // records that follow for this page
        uint32_t zero;
};

struct record_job_end {
        uint64_t lease;
        uint64_t rows;        // klines, symbols or listings sent
        uint32_t chunks;      // batches of this job, this one included
        uint32_t rows_crc32c; // over the payloads of those rows, in order
        int64_t answered_until_us;
};

enum symbol_status { SYMBOL_UNKNOWN, SYMBOL_TRADING, SYMBOL_BREAK, SYMBOL_HALT, SYMBOL_END_OF_DAY, SYMBOL_CANCEL_ONLY };

struct record_symbol {
        char symbol[SYMBOL_SIZE];
        char base[ASSET_SIZE];
        char quote[ASSET_SIZE];
        uint8_t status; // enum symbol_status
        uint8_t zero[7];
};

struct record_listing {
        char symbol[SYMBOL_SIZE];
        int64_t first_open_us; // of the asked interval; -1: the exchange has no bar of this symbol
        uint32_t interval;
        uint32_t zero;
};

static_assert(sizeof(struct record_header) == 8, "wire layout");
static_assert(sizeof(struct stream_id) == 32, "wire layout");
static_assert(sizeof(struct record_symbol) % 8 == 0 && sizeof(struct record_page) % 8 == 0, "wire layout");

// Payload bytes a record of this type must have (RECORD_DEPTH: before its levels), or -1 for an unknown type.
int record_payload_bytes(uint16_t type);
// True if a payload of `length` bytes is a whole record of this type, levels included.
bool record_payload_fits(uint16_t type, const void *payload, size_t length);
// The kind of stream that a data record belongs to, STREAM_NONE for the others; depth: STREAM_DEPTH or
// STREAM_DEPTH_DIFF.
bool record_fits_stream(uint16_t type, uint8_t stream_kind);
// True for CONNECT, BOUNDARY, OVERLAP and KLINE (of a STREAM_KLINE stream): they speak of a stream and must name it.
bool record_needs_stream(uint16_t type);
const char *record_type_name(uint16_t type);
const char *boundary_reason_name(uint32_t reason);

#endif
