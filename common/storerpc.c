// SPDX-License-Identifier: Apache-2.0
#include "common/storerpc.h"

#include "common/memory.h"
#include "common/msgpackmap.h"
#include "common/msgpackwalk.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_SUFFIX ":Symbol/Timeframe/AttributeGroup"
#define EPOCH_BYTES 8
#define CELL_BYTES_MAX 64 // text of 16 characters

// ---- layout ----

void storerpc_layout_make(const struct yearfile_schema *schema, struct storerpc_layout *layout)
{
        static const struct column epoch = {"Epoch", COLUMN_I8}, nanoseconds = {"Nanoseconds", COLUMN_I4};

        memset(layout, 0, sizeof(*layout));
        layout->variable = schema->record_type == 1;
        layout->columns[layout->count++] = epoch;
        for (size_t i = 0; i < schema->columns_count; i++)
                layout->columns[layout->count++] = schema->columns[i];
        if (layout->variable)
                layout->columns[layout->count++] = nanoseconds;
        for (size_t i = 0; i < layout->count; i++)
                layout->row_bytes += (size_t)column_type_bytes(layout->columns[i].type);
}

int64_t storerpc_row_epoch_s(const uint8_t *row)
{
        int64_t epoch_s;

        memcpy(&epoch_s, row, sizeof(epoch_s));
        return epoch_s;
}

void storerpc_row_set_epoch_s(uint8_t *row, int64_t epoch_s)
{
        memcpy(row, &epoch_s, sizeof(epoch_s));
}

int32_t storerpc_row_nanos(const struct storerpc_layout *layout, const uint8_t *row)
{
        int32_t nanos = 0;

        if (layout->variable)
                memcpy(&nanos, row + layout->row_bytes - sizeof(nanos), sizeof(nanos));
        return nanos;
}

// ---- requests ----

static void pack_text(msgpack_packer *packer, const char *text)
{
        size_t length = strlen(text);

        msgpack_pack_str(packer, length);
        msgpack_pack_str_body(packer, text, length);
}

static void pack_named_integer(msgpack_packer *packer, const char *name, int64_t value)
{
        pack_text(packer, name);
        msgpack_pack_int64(packer, value);
}

// The envelope up to the params' value.
static void begin(msgpack_packer *packer, msgpack_sbuffer *out, const char *method)
{
        msgpack_sbuffer_clear(out);
        msgpack_packer_init(packer, out, msgpack_sbuffer_write);
        msgpack_pack_map(packer, 4);
        pack_text(packer, "jsonrpc");
        pack_text(packer, "2.0");
        pack_named_integer(packer, "id", 1);
        pack_text(packer, "method");
        pack_text(packer, method);
        pack_text(packer, "params");
}

// The same, and into the map of the only request.
static void begin_request(msgpack_packer *packer, msgpack_sbuffer *out, const char *method, uint32_t members)
{
        begin(packer, out, method);
        msgpack_pack_map(packer, 1);
        pack_text(packer, "requests");
        msgpack_pack_array(packer, 1);
        msgpack_pack_map(packer, members);
}

// A cell of one, two, four or eight bytes and any other (text) has its own copy; a constant length is one instruction.
static void gather(uint8_t *to, const uint8_t *from, size_t row_bytes, size_t cell_bytes, size_t count)
{
        if (cell_bytes == 8) {
                for (size_t i = 0; i < count; i++)
                        memcpy(to + 8 * i, from + row_bytes * i, 8);
                return;
        }
        for (size_t i = 0; i < count; i++)
                memcpy(to + cell_bytes * i, from + row_bytes * i, cell_bytes);
}

static void pack_columns(
    msgpack_packer *packer, const struct storerpc_layout *layout, const struct storerpc_part *parts, size_t parts_count)
{
        size_t count = 0, at = 0;

        for (size_t i = 0; i < parts_count; i++)
                count += parts[i].count;
        uint8_t *cells = memory_zeroed(count, CELL_BYTES_MAX);
        pack_text(packer, "data");
        msgpack_pack_array(packer, layout->count);
        for (size_t i = 0; i < layout->count; i++) {
                size_t cell_bytes = (size_t)column_type_bytes(layout->columns[i].type);
                uint8_t *to = cells;

                for (size_t j = 0; j < parts_count; j++) {
                        gather(to, parts[j].rows + at, layout->row_bytes, cell_bytes, parts[j].count);
                        to += cell_bytes * parts[j].count;
                }
                msgpack_pack_bin(packer, cell_bytes * count);
                msgpack_pack_bin_body(packer, cells, cell_bytes * count);
                at += cell_bytes;
        }
        free(cells);
        pack_named_integer(packer, "length", (int64_t)count);
}

// `starts`: where each bucket's rows begin; else how many they are.
static void pack_per_bucket(msgpack_packer *packer, const struct storerpc_part *parts, size_t parts_count, bool starts)
{
        char full[STORERPC_KEY_SIZE + sizeof(KEY_SUFFIX)];
        size_t start = 0;

        pack_text(packer, starts ? "startindex" : "lengths");
        msgpack_pack_map(packer, parts_count);
        for (size_t i = 0; i < parts_count; i++) {
                (void)snprintf(full, sizeof(full), "%s%s", parts[i].key, KEY_SUFFIX);
                pack_named_integer(packer, full, (int64_t)(starts ? start : parts[i].count));
                start += parts[i].count;
        }
}

void storerpc_encode_write(
    msgpack_sbuffer *out, const struct storerpc_layout *layout, const struct storerpc_part *parts, size_t parts_count)
{
        msgpack_packer packer;

        begin_request(&packer, out, "DataService.Write", 2);
        pack_text(&packer, "is_variable_length");
        if (layout->variable)
                msgpack_pack_true(&packer);
        else
                msgpack_pack_false(&packer);
        pack_text(&packer, "dataset");
        msgpack_pack_map(&packer, 6);
        pack_text(&packer, "types");
        msgpack_pack_array(&packer, layout->count);
        for (size_t i = 0; i < layout->count; i++)
                pack_text(&packer, column_type_name(layout->columns[i].type));
        pack_text(&packer, "names");
        msgpack_pack_array(&packer, layout->count);
        for (size_t i = 0; i < layout->count; i++)
                pack_text(&packer, layout->columns[i].name);
        pack_columns(&packer, layout, parts, parts_count);
        pack_per_bucket(&packer, parts, parts_count, true);
        pack_per_bucket(&packer, parts, parts_count, false);
}

void storerpc_encode_query(msgpack_sbuffer *out, const char *key, const struct storerpc_layout *layout, size_t columns,
    const struct storerpc_range *range)
{
        msgpack_packer packer;
        bool limited = range->limit > 0, some = layout->partial || columns < layout->count;
        size_t end = columns - (layout->variable && columns == layout->count); // Nanoseconds always come

        begin_request(&packer, out, "DataService.Query", 4u + (limited ? 2u : 0u) + (some ? 1u : 0u));
        pack_text(&packer, "destination");
        pack_text(&packer, key);
        pack_named_integer(&packer, "epoch_start", range->start_s);
        pack_named_integer(&packer, "epoch_end", range->end_s);
        // To the end of the last second, for what lies within it.
        pack_named_integer(&packer, "epoch_end_nanos", layout->variable ? 999999999 : 0);
        if (limited) {
                pack_named_integer(&packer, "limit_record_count", range->limit);
                pack_text(&packer, "limit_from_start");
                if (range->limit_from_end)
                        msgpack_pack_false(&packer);
                else
                        msgpack_pack_true(&packer);
        }
        if (!some)
                return;
        pack_text(&packer, "columns");
        msgpack_pack_array(&packer, end - 1); // naming Epoch would bring it twice
        for (size_t i = 1; i < end; i++)
                pack_text(&packer, layout->columns[i].name);
}

void storerpc_encode_info(msgpack_sbuffer *out, const char *key)
{
        msgpack_packer packer;

        begin_request(&packer, out, "DataService.GetInfo", 1);
        pack_text(&packer, "key");
        pack_text(&packer, key);
}

void storerpc_encode_list(msgpack_sbuffer *out)
{
        msgpack_packer packer;

        begin(&packer, out, "DataService.ListSymbols");
        msgpack_pack_map(&packer, 1);
        pack_text(&packer, "format");
        pack_text(&packer, "tbk");
}

// ---- answers ----

static void __attribute__((format(printf, 2, 3))) say(char why[REASON_SIZE], const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        (void)vsnprintf(why, REASON_SIZE, format, arguments);
        va_end(arguments);
}

static const msgpack_object_array *list(const msgpack_object *map, const char *name)
{
        const msgpack_object *object = msgpack_map_find(map, name);

        return object != NULL && object->type == MSGPACK_OBJECT_ARRAY ? &object->via.array : NULL;
}

// Text of a value, cut to the size; "" where it is none.
static void text_of(const msgpack_object *object, char *text, size_t size)
{
        size_t length = 0;

        if (object != NULL && object->type == MSGPACK_OBJECT_STR) {
                length = object->via.str.size < size - 1 ? object->via.str.size : size - 1;
                memcpy(text, object->via.str.ptr, length);
        }
        text[length] = '\0';
        for (size_t i = 0; i < length; i++) {
                if ((unsigned char)text[i] < ' ')
                        text[i] = ' '; // it goes into one line of the log
        }
}

static bool is_text(const msgpack_object *object, const char *text)
{
        return object != NULL && object->type == MSGPACK_OBJECT_STR && object->via.str.size == strlen(text) &&
               memcmp(object->via.str.ptr, text, object->via.str.size) == 0;
}

static int64_t integer_of(const msgpack_object *object, int64_t otherwise)
{
        if (object != NULL && object->type == MSGPACK_OBJECT_POSITIVE_INTEGER && object->via.u64 <= INT64_MAX)
                return (int64_t)object->via.u64;
        if (object != NULL && object->type == MSGPACK_OBJECT_NEGATIVE_INTEGER)
                return object->via.i64;
        return otherwise;
}

// What a stock server (frontend, planner, catalog) and our gateway say of a bucket that is not there.
static bool says_absent(const char *message)
{
        return strstr(message, "not in catalog") != NULL || strstr(message, "not found in catalog") != NULL ||
               strstr(message, "no files returned") != NULL;
}

// Unpacks an answer and finds its result.
static enum storerpc_verdict open_answer(
    const void *bytes, size_t length, msgpack_unpacked *unpacked, const msgpack_object **result, char why[REASON_SIZE])
{
        char walk[REASON_SIZE];
        size_t at = 0;

        *result = NULL;
        msgpack_unpacked_init(unpacked);
        if (length == 0 || msgpack_walk(bytes, length, walk) != 0 ||
            msgpack_unpack_next(unpacked, bytes, length, &at) != MSGPACK_UNPACK_SUCCESS) {
                say(why, "the answer (%zu bytes) is no message of a MarketStore server", length);
                return STORERPC_GARBLED;
        }
        const msgpack_object *error = msgpack_map_find(&unpacked->data, "error");
        if (error != NULL) {
                text_of(msgpack_map_find(error, "message"), why, REASON_SIZE);
                return says_absent(why) ? STORERPC_ABSENT : STORERPC_REFUSED;
        }
        *result = msgpack_map_find(&unpacked->data, "result");
        if (*result != NULL)
                return STORERPC_FINE;
        say(why, "the answer has neither result nor error");
        return STORERPC_GARBLED;
}

enum storerpc_verdict storerpc_decode_write(const void *bytes, size_t length, char why[REASON_SIZE])
{
        msgpack_unpacked unpacked;
        const msgpack_object *result;
        enum storerpc_verdict verdict = open_answer(bytes, length, &unpacked, &result, why);

        if (verdict == STORERPC_FINE && msgpack_map_find(result, "responses") != NULL) {
                const msgpack_object_array *responses = list(result, "responses");

                // Only what failed is listed.
                if (responses == NULL || responses->size > 0) {
                        verdict = STORERPC_REFUSED;
                        text_of(
                            responses != NULL ? msgpack_map_find(&responses->ptr[0], "error") : NULL, why, REASON_SIZE);
                }
        }
        msgpack_unpacked_destroy(&unpacked);
        return verdict == STORERPC_ABSENT ? STORERPC_REFUSED : verdict;
}

static const msgpack_object *only_response(const msgpack_object *result)
{
        const msgpack_object_array *responses = list(result, "responses");

        return responses != NULL && responses->size == 1 ? &responses->ptr[0] : NULL;
}

// As the RPC names a type in an answer: it has no bool and no i1, and sends their bytes as u1.
static const char *wire_type(uint8_t type)
{
        return column_type_name(type == COLUMN_I1 || type == COLUMN_BOOL ? COLUMN_U1 : type);
}

// Which of the answer's columns a column of ours is; -1: none of that name and type.
static int find_column(const msgpack_object *set, const struct column *column)
{
        const msgpack_object_array *names = list(set, "names"), *types = list(set, "types");

        for (uint32_t i = 0; names != NULL && types != NULL && i < names->size && i < types->size; i++) {
                if (is_text(&names->ptr[i], column->name) && is_text(&types->ptr[i], wire_type(column->type)))
                        return (int)i;
        }
        return -1;
}

static void scatter(uint8_t *to, const uint8_t *from, size_t row_bytes, size_t cell_bytes, size_t count)
{
        for (size_t i = 0; i < count; i++)
                memcpy(to + row_bytes * i, from + cell_bytes * i, cell_bytes);
}

// Finds the values of a column, `count` of them.
static enum storerpc_verdict find_cells(
    const msgpack_object *set, const struct column *column, size_t count, const uint8_t **cells, char why[REASON_SIZE])
{
        const msgpack_object_array *data = list(set, "data");
        size_t cell_bytes = (size_t)column_type_bytes(column->type);
        int index = find_column(set, column);

        if (index < 0) {
                say(why, "the server answers without a column %s of type %s", column->name, wire_type(column->type));
                return STORERPC_REFUSED;
        }
        const msgpack_object *found = data != NULL && (uint32_t)index < data->size ? &data->ptr[index] : NULL;
        if (found == NULL || found->type != MSGPACK_OBJECT_BIN || found->via.bin.size != cell_bytes * count) {
                say(why, "the answer's column %s has not as many values as it says", column->name);
                return STORERPC_GARBLED;
        }
        *cells = (const uint8_t *)found->via.bin.ptr;
        return STORERPC_FINE;
}

static enum storerpc_verdict take_rows(const msgpack_object *set, const struct storerpc_layout *layout, size_t columns,
    uint8_t **rows, size_t count, char why[REASON_SIZE])
{
        const uint8_t *cells[STORERPC_COLUMNS_MAX];
        size_t row_bytes = 0, at = 0;

        // Memory is taken once the bytes of all columns have come: one column that says many rows would cost more.
        for (size_t i = 0; i < columns; i++) {
                enum storerpc_verdict verdict = find_cells(set, &layout->columns[i], count, &cells[i], why);

                if (verdict != STORERPC_FINE)
                        return verdict;
                row_bytes += (size_t)column_type_bytes(layout->columns[i].type);
        }
        if (count == 0)
                return STORERPC_FINE;
        *rows = memory_zeroed(count, row_bytes);
        for (size_t i = 0; i < columns; i++) {
                size_t cell_bytes = (size_t)column_type_bytes(layout->columns[i].type);

                scatter(*rows + at, cells[i], row_bytes, cell_bytes, count);
                at += cell_bytes;
        }
        return STORERPC_FINE;
}

enum storerpc_verdict storerpc_decode_query(const void *bytes, size_t length, const struct storerpc_layout *layout,
    size_t columns, uint8_t **rows, size_t *count, char why[REASON_SIZE])
{
        msgpack_unpacked unpacked;
        const msgpack_object *result;
        enum storerpc_verdict verdict = open_answer(bytes, length, &unpacked, &result, why);
        const msgpack_object *set = verdict == STORERPC_FINE ? msgpack_map_find(only_response(result), "result") : NULL;
        int64_t said = integer_of(msgpack_map_find(set, "length"), -1);

        *rows = NULL;
        *count = 0;
        if (verdict == STORERPC_FINE && (said < 0 || (uint64_t)said > length)) {
                say(why, "the answer to a query has no rows' count");
                verdict = STORERPC_GARBLED;
        }
        if (verdict == STORERPC_FINE)
                verdict = take_rows(set, layout, columns, rows, (size_t)said, why);
        msgpack_unpacked_destroy(&unpacked);
        if (verdict == STORERPC_FINE)
                *count = (size_t)said;
        return verdict;
}

static enum storerpc_verdict take_info(
    const msgpack_object *response, struct yearfile_schema *schema, char why[REASON_SIZE])
{
        const msgpack_object_array *columns = list(response, "DSV");
        int64_t bytes = 0;

        memset(schema, 0, sizeof(*schema));
        text_of(msgpack_map_find(msgpack_map_find(response, "ServerResp"), "error"), why, REASON_SIZE);
        if (why[0] != '\0')
                return says_absent(why) ? STORERPC_ABSENT : STORERPC_REFUSED;
        schema->timeframe_ns = integer_of(msgpack_map_find(response, "TimeFrame"), 0);
        schema->record_type = integer_of(msgpack_map_find(response, "RecordType"), -1);
        if (columns == NULL || columns->size < 1 || columns->size > YEARFILE_COLUMNS_MAX + 1) {
                say(why, "the server does not say what columns the bucket has");
                return STORERPC_GARBLED;
        }
        for (uint32_t i = 0; i < columns->size; i++) {
                int64_t type = integer_of(msgpack_map_find(&columns->ptr[i], "Type"), -1);
                struct column column = {.type = (uint8_t)type};

                text_of(msgpack_map_find(&columns->ptr[i], "Name"), column.name, sizeof(column.name));
                if (strcmp(column.name, "Epoch") == 0)
                        continue;
                if (type < 0 || type > UINT8_MAX || column_type_bytes(column.type) == 0) {
                        say(why, "the bucket's column %s is of a type without a size", column.name);
                        return STORERPC_REFUSED;
                }
                if (schema->columns_count == YEARFILE_COLUMNS_MAX) {
                        say(why, "the bucket has more than %d columns", YEARFILE_COLUMNS_MAX);
                        return STORERPC_REFUSED;
                }
                bytes += column_type_bytes(column.type);
                schema->columns[schema->columns_count++] = column;
        }
        schema->record_length = schema->record_type == 1 ? 24 : EPOCH_BYTES + (bytes + 7) / 8 * 8;
        return STORERPC_FINE;
}

enum storerpc_verdict storerpc_decode_info(
    const void *bytes, size_t length, struct yearfile_schema *schema, char why[REASON_SIZE])
{
        msgpack_unpacked unpacked;
        const msgpack_object *result;
        enum storerpc_verdict verdict = open_answer(bytes, length, &unpacked, &result, why);

        if (verdict == STORERPC_FINE && only_response(result) == NULL) {
                say(why, "the answer to GetInfo has no response");
                verdict = STORERPC_GARBLED;
        }
        if (verdict == STORERPC_FINE)
                verdict = take_info(only_response(result), schema, why);
        msgpack_unpacked_destroy(&unpacked);
        return verdict;
}

enum storerpc_verdict storerpc_decode_list(
    const void *bytes, size_t length, storerpc_name *each, void *context, size_t *buckets, char why[REASON_SIZE])
{
        char name[STORERPC_KEY_SIZE];
        msgpack_unpacked unpacked;
        const msgpack_object *result;
        enum storerpc_verdict verdict = open_answer(bytes, length, &unpacked, &result, why);
        const msgpack_object_array *names = list(result, "Results");

        *buckets = names != NULL ? names->size : 0;
        for (size_t i = 0; i < *buckets && each != NULL; i++) {
                text_of(&names->ptr[i], name, sizeof(name));
                name[strcspn(name, ":")] = '\0';
                each(context, name);
        }
        msgpack_unpacked_destroy(&unpacked);
        return verdict;
}
