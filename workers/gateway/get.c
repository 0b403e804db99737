// SPDX-License-Identifier: Apache-2.0
#include "workers/gateway/get.h"

#include "common/clock.h"
#include "common/memory.h"
#include "common/tickbucket.h"
#include "workers/gateway/cells.h"
#include "workers/gateway/reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct get_options {
        const char *bucket;
        struct row_range range;
        enum cells_format format;
        char columns[1024];
};

struct get_work {
        struct work work;
        enum cells_format format;
        struct reader *reader;
        struct columns columns;
        bool begun, rows_before;
};

// ---- parameters ----

static int64_t ns_of_us(int64_t us)
{
        int64_t ns;

        return __builtin_mul_overflow(us, INT64_C(1000), &ns) ? (us < 0 ? INT64_MIN : INT64_MAX) : ns;
}

static struct work *read_time(const struct request_field *field, int64_t now_us, int64_t *ns)
{
        const char *accepted;
        int64_t us;

        if (time_parse_us(field->value, now_us, &us, &accepted) != 0)
                return work_text(400, "%s: \"%.40s\" is no time; accepted: %s", field->name, field->value, accepted);
        *ns = ns_of_us(us);
        return NULL;
}

static struct work *read_count(const struct request_field *field, struct row_range *range)
{
        char *end;

        errno = 0;
        unsigned long long count = strtoull(field->value, &end, 10);
        if (field->value[0] < '0' || field->value[0] > '9' || *end != '\0' || errno != 0 || count == 0)
                return work_text(400, "%s: \"%.40s\" is no count; accepted: 1 and up", field->name, field->value);
        if (range->limit != 0)
                return work_text(400, "first and last: accepted: one of them");
        range->limit = count;
        range->limit_from_start = strcmp(field->name, "first") == 0;
        return NULL;
}

// Which of two was meant nobody knows.
static struct work *refuse_second(const struct request *request, size_t at)
{
        for (size_t i = 0; i < at; i++) {
                if (strcmp(request->fields[i].name, request->fields[at].name) == 0)
                        return work_text(400, "%.40s is given twice; accepted: once", request->fields[at].name);
        }
        return NULL;
}

static struct work *read_field(const struct request_field *field, int64_t now_us, struct get_options *options)
{
        if (strcmp(field->name, "bucket") == 0) {
                options->bucket = field->value;
        } else if (strcmp(field->name, "start") == 0) {
                return read_time(field, now_us, &options->range.start_ns);
        } else if (strcmp(field->name, "end") == 0) {
                return read_time(field, now_us, &options->range.end_ns);
        } else if (strcmp(field->name, "last") == 0 || strcmp(field->name, "first") == 0) {
                return read_count(field, &options->range);
        } else if (strcmp(field->name, "columns") == 0) {
                if (strlen(field->value) >= sizeof(options->columns))
                        return work_text(400, "columns: too many");
                snprintf(options->columns, sizeof(options->columns), "%s", field->value);
        } else if (strcmp(field->name, "format") == 0) {
                if (strcmp(field->value, "csv") != 0 && strcmp(field->value, "json") != 0)
                        return work_text(400, "format: \"%.40s\"; accepted: csv, json", field->value);
                options->format = field->value[0] == 'j' ? CELLS_JSON : CELLS_CSV;
        } else {
                return work_text(400,
                    "\"%.40s\" is no parameter; accepted: bucket, start, end, last, first, columns, format",
                    field->name);
        }
        return NULL;
}

// "BTCUSDT/1m" and "BTCUSDT/1m/OHLCV" mean the same, "BTCUSDT/TRADE" and "BTCUSDT/1Sec/TRADE" do.
static int write_long_form(const char *bucket, char *text, size_t size)
{
        const char *slash = strchr(bucket, '/');
        bool short_form = slash != NULL && strchr(slash + 1, '/') == NULL;
        char symbol[BUCKET_SYMBOL_SIZE], name[BUCKET_NAME_SIZE];
        enum tick_kind kind;
        const char *why;

        if (short_form && tick_bucket_is_named(bucket) && tick_bucket_parse(bucket, symbol, &kind, &why) == 0) {
                tick_bucket_format(symbol, kind, name);
                return snprintf(text, size, "%s", name);
        }
        return snprintf(text, size, "%s%s", bucket, short_form ? "/OHLCV" : "");
}

static struct work *find_place(const char *bucket, char symbol[BUCKET_SYMBOL_SIZE], struct place *place)
{
        struct destination destination;
        char text[256], why[REASON_SIZE];
        int length = write_long_form(bucket, text, sizeof(text));

        if (length < 0 || (size_t)length >= sizeof(text))
                return work_text(400, "bucket: too long");
        if (destination_parse(text, (size_t)length, NULL, &destination, why) != 0)
                return work_text(400, "bucket: %s", why);
        int resolved = place_resolve(destination.timeframe, destination.groups[0], place, why);
        bool single = destination.symbols_count == 1 && destination.groups_count == 1;
        snprintf(symbol, BUCKET_SYMBOL_SIZE, "%s", destination.symbols[0]);
        destination_release(&destination);
        if (!single)
                return work_text(400, "bucket: one at a time, as in BTCUSDT/1m");
        return resolved == 0 ? NULL : work_text(400, "bucket: %s", why);
}

static struct work *refuse_column(const char *name, const struct yearfile_schema *schema)
{
        char known[1024] = "";

        for (size_t i = 0; i < schema->columns_count; i++)
                snprintf(known + strlen(known), sizeof(known) - strlen(known), " %s", schema->columns[i].name);
        return work_text(400, "columns: \"%.40s\" is none of this bucket; accepted:%s", name, known);
}

// Times come anyhow.
static bool is_time(const char *name)
{
        return strcmp(name, "Time") == 0 || strcmp(name, COLUMN_EPOCH) == 0 || strcmp(name, COLUMN_NANOSECONDS) == 0;
}

static struct work *choose(struct columns *columns, const struct yearfile_schema *schema, char *list)
{
        const char *chosen[COLUMNS_MAX];
        size_t count = 0;
        char *rest;

        for (char *name = strtok_r(list, ",", &rest); name != NULL; name = strtok_r(NULL, ",", &rest)) {
                if (!is_time(name) && columns_find(schema, name) == NULL)
                        return refuse_column(name, schema);
                if (count < COLUMNS_MAX)
                        chosen[count++] = name;
        }
        columns_choose(columns, schema, chosen, count);
        return NULL;
}

// ---- work ----

static enum work_state refuse(struct get_work *get, struct body *body, const char *why)
{
        if (get->begun)
                return WORK_ABORT;
        get->work.status = 500;
        get->work.content_type = CONTENT_TEXT;
        body_print(body, "%s\n", why);
        return WORK_DONE;
}

static enum work_state step(struct work *work, struct body *body)
{
        struct get_work *get = (struct get_work *)work;
        char why[REASON_SIZE];

        columns_clear(&get->columns);
        // Text takes a microsecond a row, ten times what reading does.
        enum reader_result result = reader_read(get->reader, &get->columns, GATEWAY_ROWS_PER_TURN / 8, why);
        if (result == READER_FAILED)
                return refuse(get, body, why);
        if (result == READER_MORE && get->columns.rows == 0)
                return WORK_MORE;
        if (!get->begun)
                cells_begin(get->format, &get->columns, body);
        get->begun = true;
        cells_rows(get->format, &get->columns, get->rows_before, body);
        get->rows_before = get->rows_before || get->columns.rows > 0;
        if (result == READER_MORE)
                return WORK_PIECE;
        cells_end(get->format, get->rows_before, body);
        return WORK_DONE;
}

static void release(struct work *work)
{
        struct get_work *get = (struct get_work *)work;

        reader_close(get->reader);
        columns_release(&get->columns);
        free(get);
}

struct work *get_begin(const char *root, int64_t now_us, const struct request *request)
{
        struct get_options options = {.range = {.start_ns = INT64_MIN, .end_ns = INT64_MAX}};
        struct place place;
        char symbol[BUCKET_SYMBOL_SIZE], why[REASON_SIZE];
        struct work *refusal = NULL;

        for (size_t i = 0; i < request->fields_count && refusal == NULL; i++) {
                refusal = refuse_second(request, i);
                if (refusal == NULL)
                        refusal = read_field(&request->fields[i], now_us, &options);
        }
        if (refusal == NULL && options.range.start_ns > options.range.end_ns)
                refusal = work_text(400, "start lies behind end");
        if (refusal == NULL && options.bucket == NULL)
                refusal = work_text(400, "which bucket? As in /query?bucket=BTCUSDT/1m&last=10");
        if (refusal == NULL)
                refusal = find_place(options.bucket, symbol, &place);
        if (refusal != NULL)
                return refusal;
        struct reader *reader = reader_open(root, symbol, &place, &options.range, why);
        if (reader == NULL)
                return work_text(errno == ENOENT ? 404 : 500, "%s", why);
        struct get_work *get = memory_zeroed(1, sizeof(*get));
        get->work = (struct work){step, release, 200, options.format == CELLS_JSON ? CONTENT_JSON : CONTENT_CSV};
        get->format = options.format;
        get->reader = reader;
        refusal = choose(&get->columns, &reader->bucket.schema, options.columns);
        if (refusal == NULL)
                return &get->work;
        release(&get->work);
        return refusal;
}
