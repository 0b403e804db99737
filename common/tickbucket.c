// SPDX-License-Identifier: Apache-2.0
#include "common/tickbucket.h"

#include "common/log.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SECOND_NS INT64_C(1000000000)
#define VARIABLE_RECORD_TYPE 1
#define VARIABLE_RECORD_BYTES 24 // of the index: index, offset, length
#define TICKS_BYTES 4
#define LEVEL_COLUMNS 4 // price and size of a bid and of an ask
#define RECEIVED "RecvTime"

static const struct kind_of_bucket {
        const char *group;
        const char *key[3];
        struct column columns[8]; // up to the first without a name; DEPTH's levels come before them
} kinds[TICK_KINDS] = {
    [TICK_TRADE] = {"TRADE", {"TradeId"},
        {{"Price", COLUMN_F8}, {"Size", COLUMN_F8}, {"Exchange", COLUMN_STRING16}, {"Tape", COLUMN_STRING16},
            {"TradeId", COLUMN_I8}, {"BuyerMaker", COLUMN_U1}, {RECEIVED, COLUMN_I8}}},
    [TICK_AGG_TRADE] = {"AGGTRADE", {"AggId"},
        {{"Price", COLUMN_F8}, {"Size", COLUMN_F8}, {"AggId", COLUMN_I8}, {"FirstId", COLUMN_I8}, {"LastId", COLUMN_I8},
            {"BuyerMaker", COLUMN_U1}, {RECEIVED, COLUMN_I8}}},
    [TICK_QUOTE] = {"QUOTE", {"UpdateId"},
        {{"BidPrice", COLUMN_F8}, {"BidSize", COLUMN_F8}, {"AskPrice", COLUMN_F8}, {"AskSize", COLUMN_F8},
            {"UpdateId", COLUMN_I8}, {RECEIVED, COLUMN_I8}}},
    [TICK_DEPTH] = {"DEPTH", {"UpdateId"}, {{"UpdateId", COLUMN_I8}, {RECEIVED, COLUMN_I8}}},
    [TICK_DEPTH_DIFF] = {"DEPTHDIFF", {"UpdateId", "Side", "Price"},
        {{"FirstId", COLUMN_I8}, {"UpdateId", COLUMN_I8}, {"Side", COLUMN_U1}, {"Price", COLUMN_F8},
            {"Size", COLUMN_F8}, {RECEIVED, COLUMN_I8}}},
};

const char *tick_group(enum tick_kind kind)
{
        REQUIRE(kind < TICK_KINDS);
        return kinds[kind].group;
}

int tick_kind_parse(const char *group, enum tick_kind *kind)
{
        for (unsigned i = 0; i < TICK_KINDS; i++) {
                if (strcasecmp(group, kinds[i].group) == 0) {
                        *kind = (enum tick_kind)i;
                        return 0;
                }
        }
        return -1;
}

bool tick_bucket_is_named(const char *text)
{
        const char *slash = strrchr(text, '/');
        enum tick_kind kind;

        return slash != NULL && tick_kind_parse(slash + 1, &kind) == 0;
}

int tick_bucket_parse(const char *text, char symbol[BUCKET_SYMBOL_SIZE], enum tick_kind *kind, const char **why)
{
        const char *slash = strchr(text, '/');
        size_t length = slash != NULL ? (size_t)(slash - text) : 0;

        if (length == 0 || length >= BUCKET_SYMBOL_SIZE) {
                *why = "a bucket of ticks is SYMBOL/1Sec/GROUP or SYMBOL/GROUP, as in BTCUSDT/1Sec/TRADE";
                return -1;
        }
        memcpy(symbol, text, length);
        symbol[length] = '\0';
        if (!bucket_symbol_is_safe(symbol)) {
                *why = "the symbol of a bucket has 1 to 63 of A-Z a-z 0-9 . _ - and does not begin with '.'";
                return -1;
        }
        const char *group = strrchr(text, '/') + 1;
        if (group != slash + 1) {
                size_t timeframe_length = (size_t)(group - 1 - (slash + 1));

                if ((timeframe_length != 4 || strncmp(slash + 1, TICK_TIMEFRAME, 4) != 0) &&
                    (timeframe_length != 2 || strncmp(slash + 1, "1s", 2) != 0)) {
                        *why = "ticks are kept in the timeframe 1Sec, as in BTCUSDT/1Sec/TRADE";
                        return -1;
                }
        }
        if (tick_kind_parse(group, kind) != 0) {
                *why = "ticks are kept in the groups TRADE AGGTRADE QUOTE DEPTH DEPTHDIFF, as in BTCUSDT/1Sec/TRADE";
                return -1;
        }
        return 0;
}

void tick_bucket_format(const char *symbol, enum tick_kind kind, char name[BUCKET_NAME_SIZE])
{
        snprintf(name, BUCKET_NAME_SIZE, "%s/" TICK_TIMEFRAME "/%s", symbol, tick_group(kind));
}

// BidPrice1 BidSize1 ... BidPriceN BidSizeN AskPrice1 ... AskSizeN
static void add_level_columns(unsigned levels, struct yearfile_schema *schema)
{
        static const char *const names[] = {"BidPrice", "BidSize", "AskPrice", "AskSize"};

        for (unsigned side = 0; side < 2; side++) {
                for (unsigned i = 0; i < 2 * levels; i++) {
                        struct column *column = &schema->columns[schema->columns_count++];

                        snprintf(column->name, sizeof(column->name), "%s%u", names[2 * side + i % 2], i / 2 + 1);
                        column->type = COLUMN_F8;
                }
        }
}

void tick_schema(enum tick_kind kind, unsigned levels, struct yearfile_schema *schema)
{
        REQUIRE(kind < TICK_KINDS);
        memset(schema, 0, sizeof(*schema));
        schema->timeframe_ns = SECOND_NS;
        schema->record_type = VARIABLE_RECORD_TYPE;
        schema->record_length = VARIABLE_RECORD_BYTES;
        if (kind == TICK_DEPTH) {
                REQUIRE(levels >= 1 && levels <= TICK_LEVELS_MAX);
                add_level_columns(levels, schema);
        }
        for (const struct column *column = kinds[kind].columns; column->name[0] != '\0'; column++)
                schema->columns[schema->columns_count++] = *column;
}

unsigned tick_schema_levels(const struct yearfile_schema *schema)
{
        size_t levels = (schema->columns_count - 2) / LEVEL_COLUMNS;
        struct yearfile_schema wanted;

        if (schema->columns_count <= 2 || levels < 1 || levels > TICK_LEVELS_MAX)
                return 0;
        tick_schema(TICK_DEPTH, (unsigned)levels, &wanted);
        return yearfile_schema_equal(&wanted, schema) ? (unsigned)levels : 0;
}

// The type in which this program writes a column of this name, so that a foreign column is not taken for a key.
static bool is_our_type(enum tick_kind kind, const struct column *column)
{
        for (const struct column *ours = kinds[kind].columns; ours->name[0] != '\0'; ours++) {
                if (strcmp(ours->name, column->name) == 0)
                        return ours->type == column->type;
        }
        return false;
}

static void place_column(
    enum tick_kind kind, const struct column *column, struct tick_layout *layout, unsigned *parts_found)
{
        if (!is_our_type(kind, column))
                return;
        if (strcmp(column->name, RECEIVED) == 0) {
                layout->has_received = true;
                layout->received_offset = layout->columns_bytes;
        }
        for (unsigned part = 0; part < 3 && kinds[kind].key[part] != NULL; part++) {
                if (strcmp(column->name, kinds[kind].key[part]) == 0) {
                        layout->key[part] = (struct tick_key_part){layout->columns_bytes, column->type};
                        *parts_found |= 1u << part;
                }
        }
}

void tick_layout_make(enum tick_kind kind, const struct yearfile_schema *schema, struct tick_layout *layout)
{
        unsigned parts_found = 0;
        size_t parts = 0;

        REQUIRE(kind < TICK_KINDS);
        memset(layout, 0, sizeof(*layout));
        for (size_t i = 0; i < schema->columns_count; i++) {
                place_column(kind, &schema->columns[i], layout, &parts_found);
                layout->columns_bytes += (size_t)column_type_bytes(schema->columns[i].type);
        }
        layout->row_bytes = layout->columns_bytes + TICKS_BYTES;
        while (parts < 3 && kinds[kind].key[parts] != NULL)
                parts++;
        if (parts_found == (1u << parts) - 1)
                layout->key_parts = parts;
        layout->finer_time_wins = kind == TICK_TRADE || kind == TICK_AGG_TRADE;
}
