// SPDX-License-Identifier: Apache-2.0
#include "common/yearheader.h"

#include "common/bucket.h"
#include "common/fail.h"
#include "common/kline.h"
#include "common/log.h"
#include "common/yearslot.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a year file is a little-endian memory image");

#define VERSION 2
#define DESCRIPTION "Created By Writer" // MarketStore's own, of files that came about by a write
#define INDEX_BYTES 8
#define VARIABLE_RECORD_BYTES 24 // index, offset, length

enum header_offset {
        AT_VERSION = 0,
        AT_DESCRIPTION = 8,
        AT_YEAR = 264,
        AT_TIMEFRAME = 272,
        AT_RECORD_TYPE = 280,
        AT_COLUMNS_COUNT = 288,
        AT_RECORD_LENGTH = 296,
        AT_NAMES = 312,
        AT_TYPES = 33080,
};

static const struct {
        uint8_t bytes;
        const char *name;
} column_types[] = {
    [COLUMN_F4] = {4, "f4"},
    [COLUMN_I4] = {4, "i4"},
    [COLUMN_F8] = {8, "f8"},
    [COLUMN_I8] = {8, "i8"},
    [COLUMN_I1] = {1, "i1"},
    [COLUMN_BOOL] = {1, "b1"},
    [COLUMN_I2] = {2, "i2"},
    [COLUMN_U1] = {1, "u1"},
    [COLUMN_U2] = {2, "u2"},
    [COLUMN_U4] = {4, "u4"},
    [COLUMN_U8] = {8, "u8"},
    [COLUMN_STRING16] = {64, "U16"},
};

int64_t column_type_bytes(uint8_t type)
{
        return type < sizeof(column_types) / sizeof(column_types[0]) ? column_types[type].bytes : 0;
}

const char *column_type_name(uint8_t type)
{
        return column_type_bytes(type) > 0 ? column_types[type].name : "?";
}

static int64_t fixed_record_bytes(const struct yearfile_schema *schema)
{
        int64_t sum = 0;

        for (size_t i = 0; i < schema->columns_count; i++)
                sum += column_type_bytes(schema->columns[i].type);
        return INDEX_BYTES + (sum + 7) / 8 * 8;
}

void yearfile_bar_schema(enum interval interval, bool full, struct yearfile_schema *schema)
{
        static const struct column columns[] = {{"Open", COLUMN_F8}, {"High", COLUMN_F8}, {"Low", COLUMN_F8},
            {"Close", COLUMN_F8}, {"Volume", COLUMN_F8}, {"QuoteVolume", COLUMN_F8}, {"Trades", COLUMN_I8},
            {"TakerBuyBase", COLUMN_F8}, {"TakerBuyQuote", COLUMN_F8}};

        memset(schema, 0, sizeof(*schema));
        schema->timeframe_ns = bar_home_of(interval).timeframe_ns;
        schema->columns_count = full ? sizeof(columns) / sizeof(columns[0]) : 5;
        memcpy(schema->columns, columns, schema->columns_count * sizeof(columns[0]));
        schema->record_length = fixed_record_bytes(schema);
}

bool yearfile_schema_equal(const struct yearfile_schema *a, const struct yearfile_schema *b)
{
        if (a->timeframe_ns != b->timeframe_ns || a->record_type != b->record_type ||
            a->record_length != b->record_length || a->columns_count != b->columns_count)
                return false;
        for (size_t i = 0; i < a->columns_count; i++) {
                if (a->columns[i].type != b->columns[i].type || strcmp(a->columns[i].name, b->columns[i].name) != 0)
                        return false;
        }
        return true;
}

int64_t yearfile_size(const struct yearfile_schema *schema, int year)
{
        return YEARFILE_HEADER_BYTES + yearslot_count(schema->timeframe_ns, year) * schema->record_length;
}

static void put_int64(uint8_t *header, enum header_offset offset, int64_t value)
{
        memcpy(header + offset, &value, sizeof(value));
}

static int64_t get_int64(const uint8_t *header, enum header_offset offset)
{
        int64_t value;

        memcpy(&value, header + offset, sizeof(value));
        return value;
}

void yearheader_encode(const struct yearfile_schema *schema, int year, uint8_t header[YEARFILE_HEADER_BYTES])
{
        REQUIRE(schema->columns_count <= YEARFILE_COLUMNS_MAX);
        memset(header, 0, YEARFILE_HEADER_BYTES);
        put_int64(header, AT_VERSION, VERSION);
        memcpy(header + AT_DESCRIPTION, DESCRIPTION, sizeof(DESCRIPTION));
        put_int64(header, AT_YEAR, year);
        put_int64(header, AT_TIMEFRAME, schema->timeframe_ns);
        put_int64(header, AT_RECORD_TYPE, schema->record_type);
        put_int64(header, AT_COLUMNS_COUNT, (int64_t)schema->columns_count);
        put_int64(header, AT_RECORD_LENGTH, schema->record_length);
        for (size_t i = 0; i < schema->columns_count; i++) {
                const struct column *column = &schema->columns[i];

                memcpy(header + AT_NAMES + i * YEARFILE_NAME_BYTES, column->name,
                    strnlen(column->name, YEARFILE_NAME_BYTES));
                header[AT_TYPES + i] = column->type;
        }
}

static int decode_columns(const uint8_t *header, struct yearfile_schema *schema, char why[REASON_SIZE])
{
        int64_t count = get_int64(header, AT_COLUMNS_COUNT);

        if (count < 1 || count > YEARFILE_COLUMNS_MAX)
                return fail_with(EINVAL, why, "its header says %lld columns; 1 to %d are possible", (long long)count,
                    YEARFILE_COLUMNS_MAX);
        schema->columns_count = (size_t)count;
        for (size_t i = 0; i < schema->columns_count; i++) {
                struct column *column = &schema->columns[i];

                memcpy(column->name, header + AT_NAMES + i * YEARFILE_NAME_BYTES, YEARFILE_NAME_BYTES);
                column->name[YEARFILE_NAME_BYTES] = '\0';
                column->type = header[AT_TYPES + i];
                if (column_type_bytes(column->type) == 0)
                        return fail_with(EINVAL, why, "its column %zu has type code %d, which has no size", i + 1,
                            (int)column->type);
        }
        return 0;
}

int yearheader_decode(
    const uint8_t header[YEARFILE_HEADER_BYTES], int year, struct yearfile_schema *schema, char why[REASON_SIZE])
{
        int64_t version = get_int64(header, AT_VERSION), stated_year = get_int64(header, AT_YEAR);

        memset(schema, 0, sizeof(*schema));
        schema->timeframe_ns = get_int64(header, AT_TIMEFRAME);
        schema->record_type = get_int64(header, AT_RECORD_TYPE);
        schema->record_length = get_int64(header, AT_RECORD_LENGTH);
        if (version != VERSION)
                return fail_with(EINVAL, why, "it is no MarketStore year file: its header says version %lld, not %d",
                    (long long)version, VERSION);
        if (stated_year != year)
                return fail_with(EINVAL, why, "its header says year %lld", (long long)stated_year);
        if (schema->timeframe_ns < 1000 || schema->timeframe_ns % 1000 != 0)
                return fail_with(EINVAL, why, "its header says a timeframe of %lld ns; whole microseconds are possible",
                    (long long)schema->timeframe_ns);
        if (schema->record_type != 0 && schema->record_type != 1)
                return fail_with(EINVAL, why, "its header says record type %lld; 0 (fixed) and 1 (variable) exist",
                    (long long)schema->record_type);
        if (decode_columns(header, schema, why) != 0)
                return -1;
        int64_t wanted = schema->record_type == 0 ? fixed_record_bytes(schema) : VARIABLE_RECORD_BYTES;
        if (schema->record_length != wanted)
                return fail_with(EINVAL, why, "its header says %lld bytes a record, but its columns make %lld",
                    (long long)schema->record_length, (long long)wanted);
        return 0;
}
