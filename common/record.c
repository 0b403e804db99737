// SPDX-License-Identifier: Apache-2.0
#include "common/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const struct {
        const char *name;
        int payload_bytes;
        bool has_stream;
} types[] = {
    [RECORD_OPEN] = {"open", sizeof(struct record_open), false},
    [RECORD_CONNECT] = {"connect", sizeof(struct record_connect), true},
    [RECORD_BOUNDARY] = {"boundary", sizeof(struct record_boundary), true},
    [RECORD_OVERLAP] = {"overlap", 0, true},
    [RECORD_FIN] = {"fin", sizeof(struct record_fin), false},
    [RECORD_KLINE] = {"kline", sizeof(struct kline), true},
    [RECORD_TRADE] = {"trade", sizeof(struct trade), true},
    [RECORD_AGG_TRADE] = {"aggregate trade", sizeof(struct agg_trade), true},
    [RECORD_QUOTE] = {"quote", sizeof(struct quote), true},
    [RECORD_DEPTH] = {"depth", sizeof(struct depth), true},
    [RECORD_JOB_BEGIN] = {"job begin", sizeof(struct record_job_begin), false},
    [RECORD_PAGE] = {"page", sizeof(struct record_page), false},
    [RECORD_JOB_END] = {"job end", sizeof(struct record_job_end), false},
    [RECORD_SYMBOL] = {"symbol", sizeof(struct record_symbol), false},
    [RECORD_LISTING] = {"listing", sizeof(struct record_listing), false},
    [RECORD_ID_PAGE] = {"id page", sizeof(struct record_id_page), false},
};

static const char *const boundary_reasons[] = {
    [BOUNDARY_DISCONNECT] = "the connection ended",
    [BOUNDARY_WINDOW_FULL] = "closed on purpose: too much was not yet durable",
    [BOUNDARY_MALFORMED] = "a frame could not be read",
    [BOUNDARY_MISSED] = "an expected event did not come",
    [BOUNDARY_STOP] = "orderly end",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool known(uint16_t type)
{
        return type < COUNT(types) && types[type].name != NULL;
}

int record_payload_bytes(uint16_t type)
{
        return known(type) ? types[type].payload_bytes : -1;
}

bool record_payload_fits(uint16_t type, const void *payload, size_t length)
{
        int bytes = record_payload_bytes(type);
        struct depth depth;

        if (bytes < 0 || length < (size_t)bytes)
                return false;
        if (type != RECORD_DEPTH)
                return length == (size_t)bytes;
        memcpy(&depth, payload, sizeof(depth));
        return length == sizeof(depth) + ((size_t)depth.bids + depth.asks) * sizeof(struct level);
}

bool record_fits_stream(uint16_t type, uint8_t stream_kind)
{
        switch (type) {
        case RECORD_KLINE: return stream_kind == STREAM_KLINE;
        case RECORD_TRADE: return stream_kind == STREAM_TRADE;
        case RECORD_AGG_TRADE: return stream_kind == STREAM_AGG_TRADE;
        case RECORD_QUOTE: return stream_kind == STREAM_QUOTE;
        case RECORD_DEPTH: return stream_kind == STREAM_DEPTH || stream_kind == STREAM_DEPTH_DIFF;
        default: return true;
        }
}

bool record_needs_stream(uint16_t type)
{
        return known(type) && types[type].has_stream;
}

const char *record_type_name(uint16_t type)
{
        return known(type) ? types[type].name : "unknown";
}

const char *boundary_reason_name(uint32_t reason)
{
        if (reason >= COUNT(boundary_reasons) || boundary_reasons[reason] == NULL)
                return "unknown";
        return boundary_reasons[reason];
}
