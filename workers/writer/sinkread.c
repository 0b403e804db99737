// SPDX-License-Identifier: Apache-2.0
// What the server has: a bucket's columns and rows (sink.h). A stock server panics at queries of a variable bucket
// where the rows of a second unpack to more than eight times what the blocks of all seconds of the answer take on its
// disk: it makes room for four times that, and doubles the room once (MarketStore v4.1.23, executor/readvariable.go).
// Few rows that are much alike do that, or rows that it doubled itself; all that is heard of it is a connection that
// ends. The same rows are read where more seconds around them are asked for, so that is done.
#include "common/log.h"
#include "workers/writer/sinkstate.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define REACH_MAX (SINK_TRIES_MAX - 1)
#define LIMIT_MAX (1 << 20) // that a widened query has

int sink_info(struct sink *sink, const char *key, struct yearfile_schema *schema, char why[REASON_SIZE])
{
        int result = SINK_DROPPED;

        for (int tries = 0; tries < SINK_TRIES_MAX && result == SINK_DROPPED; tries++) {
                struct storehttp_answer answer;
                mono_time began = mono_now();

                storerpc_encode_info(&sink->request, key);
                if ((result = sink_post(sink, &answer, NULL, why)) != 0)
                        continue;
                enum storerpc_verdict verdict = storerpc_decode_info(answer.bytes, answer.length, schema, why);
                result = sink_look_result(sink, verdict, answer.connection, began);
        }
        return result == SINK_DROPPED ? 2 : result;
}

// ---- rows ----

static void widen(const struct storerpc_range *asked, unsigned reach, struct storerpc_range *range)
{
        static const int64_t margin_s[REACH_MAX + 1] = {0, 2, 32, 1024, 65536};

        *range = *asked;
        if (reach == 0)
                return;
        if (asked->limit > 0 && asked->limit_from_end) {
                range->limit = asked->limit > LIMIT_MAX / margin_s[reach] ? LIMIT_MAX : asked->limit * margin_s[reach];
                return;
        }
        range->start_s = asked->start_s > margin_s[reach] ? asked->start_s - margin_s[reach] : 0;
        range->end_s = asked->end_s + margin_s[reach];
        range->limit = 0;
}

// Leaves of rows, which are ascending, what was asked for.
static void narrow(const struct storerpc_range *asked, size_t row_bytes, uint8_t *rows, size_t *count)
{
        size_t first = 0, end = *count;

        while (first < end && storerpc_row_epoch_s(rows + first * row_bytes) < asked->start_s)
                first++;
        while (end > first && storerpc_row_epoch_s(rows + (end - 1) * row_bytes) > asked->end_s)
                end--;
        if (asked->limit > 0 && end - first > (size_t)asked->limit) {
                if (asked->limit_from_end)
                        first = end - (size_t)asked->limit;
                else
                        end = first + (size_t)asked->limit;
        }
        if (first > 0)
                memmove(rows, rows + first * row_bytes, (end - first) * row_bytes);
        *count = end - first;
}

static struct sink_target *target_of(const struct sink *sink, const char *key)
{
        for (size_t i = sink->targets_count; i > 0; i--) { // the newest of a bucket is its columns now
                if (strcmp(sink->targets[i - 1]->key, key) == 0)
                        return sink->targets[i - 1];
        }
        return NULL;
}

static void say_wider(const char *key, const struct storerpc_range *asked)
{
        char from[TIME_TEXT_SIZE], until[TIME_TEXT_SIZE];

        log_warn(
            "%s: the store server closed the connection at a query of its rows from %s to %s, and answers one that "
            "asks for more around them: a stock server panics at few rows that are much alike; it is asked for more "
            "from now on",
            key, time_format_us(asked->start_s * US_PER_S, from), time_format_us(asked->end_s * US_PER_S, until));
}

static void say_unreadable(const char *key, const struct storerpc_range *asked)
{
        char from[TIME_TEXT_SIZE], until[TIME_TEXT_SIZE];

        log_error(
            "%s: the store server closed the connection at each of %d queries of its rows from %s to %s, and "
            "answers others: a stock server panics where the rows of a second unpack to more than eight times "
            "their size on its disk; to have the bucket filled again destroy it there (DataService.Destroy), then "
            "reload",
            key, SINK_TRIES_MAX, time_format_us(asked->start_s * US_PER_S, from),
            time_format_us(asked->end_s * US_PER_S, until));
}

static int read_once(struct sink *sink, const char *key, const struct storerpc_layout *layout, size_t columns,
    const struct storerpc_range *range, uint8_t **rows, size_t *count, char why[REASON_SIZE])
{
        struct storehttp_answer answer;
        mono_time began = mono_now();

        *rows = NULL;
        *count = 0;
        storerpc_encode_query(&sink->request, key, layout, columns, range);
        int result = sink_post(sink, &answer, NULL, why);
        if (result != 0)
                return result;
        enum storerpc_verdict verdict =
            storerpc_decode_query(answer.bytes, answer.length, layout, columns, rows, count, why);
        return sink_look_result(sink, verdict, answer.connection, began);
}

int sink_read(struct sink *sink, const char *key, const struct storerpc_layout *layout, size_t columns,
    const struct storerpc_range *asked, uint8_t **rows, size_t *count, char why[REASON_SIZE])
{
        struct sink_target *target = layout->variable ? target_of(sink, key) : NULL;
        unsigned least = target != NULL ? target->reach : 0, reach = least, drops = 0;
        int result = SINK_DROPPED;

        assert(!layout->variable || columns == layout->count);
        // A refusal may be a moment's: a stock server reads a block whose place it is just writing ("corrupt input").
        for (int tries = 0; tries < SINK_TRIES_MAX && (result == SINK_DROPPED || result == 2); tries++) {
                struct storerpc_range range;

                reach = least + drops > REACH_MAX ? REACH_MAX : least + drops;
                widen(asked, layout->variable ? reach : 0, &range);
                result = read_once(sink, key, layout, columns, &range, rows, count, why);
                drops += result == SINK_DROPPED;
        }
        if (result == SINK_DROPPED) {
                say_unreadable(key, asked);
                return 2;
        }
        if (result != 0 || !layout->variable || reach == 0)
                return result;
        narrow(asked, layout->row_bytes, *rows, count);
        if (reach == least)
                return 0;
        say_wider(key, asked);
        if (target != NULL)
                target->reach = reach;
        return 0;
}
