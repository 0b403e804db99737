// SPDX-License-Identifier: Apache-2.0
#include "workers/stream/depthevent.h"

#include "common/memory.h"
#include "workers/stream/fields.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static_assert(DEPTH_LEVELS_MAX <= UINT16_MAX, "levels are counted in 16 bits");
static_assert(offsetof(struct depth_message, levels) == sizeof(struct depth), "a record, as it travels");

static const struct field_spec event_spec = {
    .types =
        {
            [FIELD('e')] = FIELD_TEXT,
            [FIELD('E')] = FIELD_INTEGER,
            [FIELD('s')] = FIELD_TEXT,
            [FIELD('U')] = FIELD_INTEGER,
            [FIELD('u')] = FIELD_INTEGER,
            [FIELD('b')] = FIELD_LEVELS,
            [FIELD('a')] = FIELD_LEVELS,
        },
    .required = FIELD_BIT('e') | FIELD_BIT('E') | FIELD_BIT('s') | FIELD_BIT('U') | FIELD_BIT('u') | FIELD_BIT('b') |
                FIELD_BIT('a'),
};

size_t depth_record_bytes(const struct depth *head)
{
        return sizeof(*head) + ((size_t)head->bids + head->asks) * sizeof(struct level);
}

// Bids come first in a record, whatever their order in the text was.
static void put_bids_first(struct depth_message *message, struct field_range bids, struct field_range asks)
{
        message->head.bids = (uint16_t)bids.count;
        message->head.asks = (uint16_t)asks.count;
        if (bids.count == 0 || asks.count == 0 || bids.from < asks.from)
                return;
        struct level *copy = memory_copied(message->levels, asks.count * sizeof(*copy));
        memmove(message->levels, message->levels + bids.from, bids.count * sizeof(*copy));
        memcpy(message->levels + bids.count, copy, asks.count * sizeof(*copy));
        free(copy);
}

const char *depth_read_event(struct json *json, const char *symbol, struct depth_message *message)
{
        struct field_levels levels = {.levels = message->levels, .max = DEPTH_LEVELS_MAX};
        struct fields fields;
        uint8_t exact;

        fields.levels = &levels;
        const char *why = fields_read(json, &event_spec, &fields);
        if (why != NULL)
                return why;
        if (!span_equals(fields.of[FIELD('e')].text, "depthUpdate") || !span_equals(fields.of[FIELD('s')].text, symbol))
                return fields_foreign;
        message->head = (struct depth){
            .first_id = fields.of[FIELD('U')].integer,
            .update_id = fields.of[FIELD('u')].integer,
            .kind = DEPTH_CHANGES,
        };
        put_bids_first(message, fields.of[FIELD('b')].range, fields.of[FIELD('a')].range);
        if (message->head.first_id <= 0 || message->head.update_id < message->head.first_id)
                return fields_id;
        return fields_stamp_us(fields.of[FIELD('E')].integer, &message->head.time_us, &exact) ? NULL : fields_time;
}

struct snapshot_reader {
        struct json json;
        struct field_levels levels;
        struct field_range bids, asks;
        int64_t update_id;
};

enum { SEEN_ID = 1, SEEN_BIDS = 2, SEEN_ASKS = 4, SEEN_ALL = 7 };

static unsigned member_of(struct span key)
{
        return span_equals(key, "lastUpdateId") ? SEEN_ID
               : span_equals(key, "bids")       ? SEEN_BIDS
               : span_equals(key, "asks")       ? SEEN_ASKS
                                                : 0;
}

static bool read_member(struct snapshot_reader *reader, unsigned member)
{
        switch (member) {
        case SEEN_ID: return json_read_integer(&reader->json, &reader->update_id);
        case SEEN_BIDS: return fields_read_levels(&reader->json, &reader->levels, &reader->bids);
        case SEEN_ASKS: return fields_read_levels(&reader->json, &reader->levels, &reader->asks);
        default: return json_skip_value(&reader->json);
        }
}

const char *depth_read_snapshot(const char *text, size_t length, struct depth_message *message)
{
        struct snapshot_reader reader = {.levels = {.levels = message->levels, .max = DEPTH_LEVELS_MAX}};
        struct span key;
        unsigned seen = 0;
        int more;

        json_begin(&reader.json, text, length);
        if (!json_enter_object(&reader.json))
                return fields_malformed;
        while ((more = json_next_key(&reader.json, &key)) == 1) {
                unsigned member = member_of(key);

                if ((seen & member) != 0)
                        return fields_twice;
                seen |= member;
                if (!read_member(&reader, member))
                        return fields_malformed;
        }
        if (more < 0 || !json_at_end(&reader.json))
                return fields_malformed;
        if (seen != SEEN_ALL)
                return fields_missing;
        message->head = (struct depth){.update_id = reader.update_id, .kind = DEPTH_SNAPSHOT};
        put_bids_first(message, reader.bids, reader.asks);
        return reader.update_id > 0 ? NULL : fields_id;
}
