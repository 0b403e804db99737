// SPDX-License-Identifier: Apache-2.0
// DataService.Query (MarketStore v4.1.23, frontend/query.go): several queries in one call, each of one or more buckets
// with the same columns. A bucket that does not exist is passed over; if none of a query's does, the whole call fails.
#include "common/clock.h"
#include "common/memory.h"
#include "workers/gateway/dataset.h"
#include "workers/gateway/method.h"
#include "workers/gateway/parts.h"
#include "workers/gateway/pool.h"
#include "workers/gateway/reader.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The stock server's text: clients cannot but match on it.
#define NO_SUCH_BUCKET "no files returned from query parse"

struct one_query {
        struct destination destination;
        struct row_range range;
        const char **chosen; // owned; the names lie in `names`
        char *names;
        size_t chosen_count;
        struct place *places; // one for each group
        struct dataset dataset;
};

struct query_work {
        struct method_work work;
        const char *root;
        struct one_query *queries;
        size_t queries_count;
        size_t at;                  // query at hand
        size_t symbol_at, group_at; // its bucket at hand
        size_t buckets;             // of the whole call, so far
        struct reader *reader;      // NULL: the bucket is yet to be opened
        bool turn_over;             // the reader has done what may be done at once
};

static int __attribute__((format(printf, 2, 3))) refuse(char why[REASON_SIZE], const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(why, REASON_SIZE, format, arguments);
        va_end(arguments);
        return -1;
}

// ---- parameters ----

// Seconds and nanoseconds, far beyond any calendar perhaps.
static int64_t moment_ns(int64_t s, int64_t ns)
{
        int64_t whole_ns;

        if (__builtin_mul_overflow(s, NS_PER_S, &whole_ns) || __builtin_add_overflow(whole_ns, ns, &whole_ns))
                return s < 0 ? INT64_MIN : INT64_MAX;
        return whole_ns;
}

static int read_range(const msgpack_object *request, struct row_range *range, char why[REASON_SIZE])
{
        int64_t start_s = 0, start_ns = 0, end_s = INT64_MAX, end_ns = 0, limit = 0;

        if (map_integer(request, "epoch_start", &start_s, why) != 0 ||
            map_integer(request, "epoch_start_nanos", &start_ns, why) != 0 ||
            map_integer(request, "epoch_end", &end_s, why) != 0 ||
            map_integer(request, "epoch_end_nanos", &end_ns, why) != 0 ||
            map_integer(request, "limit_record_count", &limit, why) != 0 ||
            map_bool(request, "limit_from_start", &range->limit_from_start, why) != 0)
                return -1;
        if (limit < 0)
                return refuse(why, "limit_record_count is %lld; accepted: 0 (no limit) and up", (long long)limit);
        range->start_ns = moment_ns(start_s, start_ns);
        range->end_ns = moment_ns(end_s, end_ns);
        range->limit = (size_t)limit;
        return 0;
}

// Copies the names, for texts in a message have no NUL. "Epoch" and "Nanoseconds" come anyhow.
static int read_columns(const msgpack_object *request, struct one_query *query, char why[REASON_SIZE])
{
        const msgpack_object_array *list;
        size_t stride = YEARFILE_NAME_BYTES + 1;

        if (map_list(request, "columns", &list, why) != 0)
                return -1;
        if (list->size > COLUMNS_MAX)
                return refuse(why, "%u columns; accepted: up to %d", list->size, COLUMNS_MAX);
        query->chosen = memory_zeroed(list->size + 1, sizeof(query->chosen[0]));
        query->names = memory_zeroed(list->size + 1, stride);
        for (uint32_t i = 0; i < list->size; i++) {
                const char *text;
                size_t length;

                if (!object_text(&list->ptr[i], &text, &length))
                        return refuse(why, "a column's name is not text");
                char *name = query->names + i * stride;
                memcpy(name, text, length < stride ? length : 0); // a name this long is no column's
                query->chosen[query->chosen_count++] = name;
        }
        return 0;
}

static int refuse_unserved(const msgpack_object *request, char why[REASON_SIZE])
{
        const msgpack_object_array *functions;
        bool sql = false;

        if (map_bool(request, "is_sqlstatement", &sql, why) != 0 ||
            map_list(request, "functions", &functions, why) != 0)
                return -1;
        if (sql)
                return refuse(why, "SQL is not served here; accepted: destination, epoch_start, epoch_end, "
                                   "limit_record_count, limit_from_start, columns");
        if (functions->size > 0)
                return refuse(
                    why, "functions are not served here; ask for the timeframe itself, or compute in the client");
        return 0;
}

static int read_destination(const msgpack_object *request, struct one_query *query, char why[REASON_SIZE])
{
        const char *text = "", *category = NULL;
        size_t length = 0, category_length = 0;
        char order[64] = "";

        if (map_text(request, "destination", &text, &length, why) != 0 ||
            map_text(request, "key_category", &category, &category_length, why) != 0)
                return -1;
        if (category_length >= sizeof(order))
                return refuse(why, "key_category is not Symbol/Timeframe/AttributeGroup in some order");
        if (category != NULL)
                memcpy(order, category, category_length);
        if (destination_parse(text, length, order, &query->destination, why) != 0)
                return -1;
        query->places = memory_zeroed(query->destination.groups_count, sizeof(query->places[0]));
        for (size_t i = 0; i < query->destination.groups_count; i++) {
                if (place_resolve(query->destination.timeframe, query->destination.groups[i], &query->places[i], why) !=
                    0)
                        return -1;
        }
        return 0;
}

static int read_query(const msgpack_object *request, struct one_query *query, char why[REASON_SIZE])
{
        if (request->type != MSGPACK_OBJECT_MAP)
                return refuse(why, "a request in `requests` is not a map");
        if (refuse_unserved(request, why) != 0 || read_destination(request, query, why) != 0)
                return -1;
        if (read_range(request, &query->range, why) != 0)
                return -1;
        return read_columns(request, query, why);
}

// "*" becomes all symbols there are.
static int expand_symbols(const char *root, struct destination *destination, char why[REASON_SIZE])
{
        struct names names = {0};

        if (destination->symbols_count != 1 || strcmp(destination->symbols[0], "*") != 0)
                return 0;
        if (tree_list_symbols(root, &names) != 0) {
                names_release(&names);
                return refuse(why, "the store cannot be listed: %s", strerror(errno));
        }
        free(destination->symbols[0]);
        free(destination->symbols);
        destination->symbols = names.items;
        destination->symbols_count = names.count;
        return 0;
}

// ---- reading ----

// Opens the bucket at hand. 1: open; 0: it does not exist; -1 with `why`.
static int open_bucket(struct query_work *work, struct one_query *query, char why[REASON_SIZE])
{
        const char *symbol = query->destination.symbols[work->symbol_at];
        const char *group = query->destination.groups[work->group_at];
        struct columns columns;

        work->reader = reader_open(work->root, symbol, &query->places[work->group_at], &query->range, why);
        if (work->reader == NULL)
                return errno == ENOENT ? 0 : -1;
        columns_choose(&columns, &work->reader->bucket.schema, query->chosen, query->chosen_count);
        if (query->dataset.parts_count == 0)
                query->dataset.columns = columns;
        else if (!columns_match(&columns, &query->dataset.columns))
                return refuse(why,
                    "symbols in a query must have the same data type or be filtered by common columns: %.50s differs "
                    "from those before it",
                    work->reader->bucket.name);
        // What does not fit is refused when the rows are there.
        size_t rows = reader_estimate(work->reader);
        (void)columns_reserve(dataset_tail(&query->dataset), rows < GATEWAY_SEGMENT_ROWS ? rows : GATEWAY_SEGMENT_ROWS);
        dataset_begin_part(&query->dataset, symbol, query->destination.timeframe, group);
        return 1;
}

// Goes on to the next bucket of the query; false after its last.
static bool next_bucket(struct query_work *work, const struct one_query *query)
{
        work->buckets++;
        if (++work->group_at < query->destination.groups_count)
                return true;
        work->group_at = 0;
        return ++work->symbol_at < query->destination.symbols_count;
}

static void next_query(struct query_work *work)
{
        work->at++;
        work->symbol_at = 0;
        work->group_at = 0;
}

static void pack_result(struct query_work *work, struct body *body)
{
        pack_map(body, 3);
        pack_text(body, "responses");
        if (work->queries_count == 0)
                pack_nil(body);
        else
                pack_array(body, work->queries_count);
        for (size_t i = 0; i < work->queries_count; i++) {
                pack_map(body, 1);
                pack_text(body, "result");
                dataset_pack(&work->queries[i].dataset, body);
        }
        pack_text(body, "version");
        pack_text(body, SERVER_VERSION);
        pack_text(body, "timezone");
        pack_text(body, "UTC");
}

// A first slice is read where the call came in, for most answers are small. What then is left of a large one is read by
// the pool's threads.
static enum reader_result read_rows(struct query_work *work, struct one_query *query, char why[REASON_SIZE])
{
        struct dataset *dataset = &query->dataset;

        if (pool_is_here() && query->range.limit == 0)
                return parts_read(work->reader, dataset, why);
        struct columns *tail = dataset_tail(dataset);
        size_t before = tail->rows;
        enum reader_result result = reader_read(work->reader, tail, GATEWAY_ROWS_PER_TURN, why);
        dataset_count_rows(dataset, tail->rows - before);
        return result;
}

// One slice of the bucket at hand. 1: goes on; 0: this query is complete; -1 with `why`.
static int read_slice(struct query_work *work, struct one_query *query, char why[REASON_SIZE])
{
        if (query->destination.symbols_count == 0)
                return 0; // `*` of an empty store
        if (work->reader == NULL) {
                int opened = open_bucket(work, query, why);

                if (opened < 0)
                        return -1;
                if (opened == 0)
                        return next_bucket(work, query);
        }
        enum reader_result result = read_rows(work, query, why);
        if (result == READER_FAILED)
                return -1;
        if (query->dataset.rows > GATEWAY_ANSWER_BYTES_MAX / columns_row_bytes(&query->dataset.columns))
                return refuse(
                    why, "%s: too many rows for one answer; ask for a shorter range", work->reader->bucket.name);
        work->turn_over = result == READER_MORE;
        if (result == READER_MORE)
                return 1;
        dataset_end_part(&query->dataset);
        reader_close(work->reader);
        work->reader = NULL;
        return next_bucket(work, query);
}

// Small buckets share a turn, as long as they are few.
static enum work_state step(struct method_work *method, struct body *body, char why[REASON_SIZE])
{
        struct query_work *work = (struct query_work *)method;
        size_t turn_end = work->buckets + GATEWAY_BUCKETS_PER_TURN;

        while (work->at < work->queries_count) {
                struct one_query *query = &work->queries[work->at];

                work->turn_over = false;
                int result = read_slice(work, query, why);
                if (result < 0)
                        return WORK_ABORT;
                if (result == 0 && query->dataset.parts_count == 0) {
                        refuse(why, NO_SUCH_BUCKET);
                        return WORK_ABORT;
                }
                if (result == 0)
                        next_query(work);
                if (work->buckets > GATEWAY_BUCKETS_MAX) {
                        refuse(why, "too many buckets in one call; accepted: up to %d", GATEWAY_BUCKETS_MAX);
                        return WORK_ABORT;
                }
                if (work->turn_over || (work->at < work->queries_count && work->buckets >= turn_end))
                        return WORK_MORE;
        }
        pack_result(work, body);
        return WORK_DONE;
}

// ---- life ----

static void release(struct method_work *method)
{
        struct query_work *work = (struct query_work *)method;

        reader_close(work->reader);
        for (size_t i = 0; i < work->queries_count; i++) {
                struct one_query *query = &work->queries[i];

                destination_release(&query->destination);
                dataset_release(&query->dataset);
                free(query->chosen);
                free(query->names);
                free(query->places);
        }
        free(work->queries);
        free(work);
}

struct method_work *query_begin(const char *root, const msgpack_object *params, char why[REASON_SIZE])
{
        const msgpack_object_array *requests;
        struct query_work *work;

        if (map_list(params, "requests", &requests, why) != 0)
                return NULL;
        if (requests->size > GATEWAY_REQUESTS_MAX) {
                refuse(why, "%u requests in one call; accepted: up to %d", requests->size, GATEWAY_REQUESTS_MAX);
                return NULL;
        }
        work = memory_zeroed(1, sizeof(*work));
        work->work = (struct method_work){step, release};
        work->root = root;
        work->queries = memory_zeroed(requests->size + 1, sizeof(work->queries[0]));
        for (uint32_t i = 0; i < requests->size; i++) {
                work->queries_count++;
                if (read_query(&requests->ptr[i], &work->queries[i], why) != 0 ||
                    expand_symbols(root, &work->queries[i].destination, why) != 0) {
                        release(&work->work);
                        return NULL;
                }
        }
        return &work->work;
}
