// SPDX-License-Identifier: Apache-2.0
// Rows of variable length: trades, aggregate trades, quotes, books and their changes. common/tickquery.h reads them a
// second at a time; here they become columns, a number of seconds in each turn. Times are split as MarketStore splits
// them: Epoch in seconds, Nanoseconds last.
#include "common/clock.h"
#include "common/memory.h"
#include "common/tickfile.h"
#include "common/tickquery.h"
#include "workers/gateway/reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_ROWS_EQUAL 16 // opening and decoding a second's block takes as long as this many of its rows
#define PART_SECONDS 1024    // of a part: with rows; about as many rows as a part of a bar bucket
#define PART_BYTES (1 << 20) // of its blocks, compressed, more or less
#define TIME_NS_MAX (INT64_MAX - NS_PER_S) // the second after it has a number of nanoseconds, too; in the year 2262
#define STOPPED 1                          // the turn is over; there may be more
#define REFUSED 2                          // see `why` of the turn

struct ticks {
        struct tickquery query; // what is left of it
        struct tickquery_search search;
        size_t offsets[COLUMNS_MAX];                  // of the columns asked for, in a row
        struct tick_triple triples[PART_SECONDS / 8]; // for take_seconds()
};

// One turn.
struct turn {
        struct reader *reader;
        struct columns *columns;
        size_t rows_max, rows;
        size_t seconds;
        int64_t next_ns; // beginning of the second after its last row
        int error;
        char *why;
};

static int begin(struct reader *reader, char why[REASON_SIZE])
{
        struct ticks *ticks = memory_zeroed(1, sizeof(*ticks));

        reader->state = ticks;
        ticks->query = (struct tickquery){.root = reader->root,
            .symbol = reader->symbol,
            .start_ns = reader->range.start_ns,
            .end_ns = reader->range.end_ns,
            .limit = reader->range.limit,
            .limit_from_start = reader->range.limit_from_start};
        if (strcmp(reader->place.timeframe, TICK_TIMEFRAME) == 0 &&
            tick_kind_parse(reader->place.group, &ticks->query.kind) == 0)
                return 0;
        free(ticks);
        snprintf(why, REASON_SIZE, "%.80s holds rows of variable length that are no ticks of this program",
            reader->bucket.name);
        errno = EINVAL;
        return -1;
}

// How many there are is known once they are read.
static size_t estimate(const struct reader *reader)
{
        (void)reader;
        return 0;
}

// Where each column lies in a row. The columns were chosen from this bucket's schema.
static void place_columns(struct ticks *ticks, const struct yearfile_schema *schema, const struct columns *columns)
{
        for (size_t i = 1; i + 1 < columns->count; i++) {
                size_t offset = 0;

                for (size_t j = 0; strcmp(schema->columns[j].name, columns->of[i].name) != 0; j++)
                        offset += (size_t)column_type_bytes(schema->columns[j].type);
                ticks->offsets[i] = offset;
        }
}

static void append_times(struct values *epochs, struct values *nanoseconds, const struct tick_run *run)
{
        for (size_t i = 0; i < run->count; i++) {
                int64_t time_ns = tick_run_time_ns(run, i), second = time_ns / NS_PER_S;
                int32_t nanosecond = (int32_t)(time_ns % NS_PER_S);

                memcpy(epochs->block.data + epochs->block.length, &second, sizeof(second));
                memcpy(nanoseconds->block.data + nanoseconds->block.length, &nanosecond, sizeof(nanosecond));
                epochs->block.length += sizeof(second);
                nanoseconds->block.length += sizeof(nanosecond);
        }
}

static void append_column(struct values *values, const struct tick_run *run, size_t offset)
{
        unsigned char *to = values->block.data + values->block.length;
        const unsigned char *from = run->rows + offset;

        if (values->width == 8) {
                for (size_t i = 0; i < run->count; i++)
                        memcpy(to + 8 * i, from + run->row_bytes * i, 8);
        } else if (values->width == 64) {
                for (size_t i = 0; i < run->count; i++)
                        memcpy(to + 64 * i, from + run->row_bytes * i, 64);
        } else {
                for (size_t i = 0; i < run->count; i++)
                        memcpy(to + values->width * i, from + run->row_bytes * i, values->width);
        }
        values->block.length += values->width * run->count;
}

static int refuse(struct turn *turn, int error, const char *what)
{
        snprintf(turn->why, REASON_SIZE, "%.80s: %.70s", turn->reader->bucket.name, what);
        turn->error = error;
        return REFUSED;
}

static int take_run(void *context, const struct tick_run *run)
{
        struct turn *turn = context;
        struct columns *columns = turn->columns;
        const struct ticks *ticks = turn->reader->state;

        if (!yearfile_schema_equal(run->schema, &turn->reader->bucket.schema))
                return refuse(turn, EINVAL, "its years differ in their columns");
        if (columns_reserve(columns, run->count) != 0)
                return refuse(turn, errno,
                    errno == ENOBUFS ? "too many rows for one answer; ask for a shorter range" : strerror(errno));
        append_times(&columns->of[0], &columns->of[columns->count - 1], run);
        for (size_t i = 1; i + 1 < columns->count; i++)
                append_column(&columns->of[i], run, ticks->offsets[i]);
        columns->rows += run->count;
        turn->next_ns = (run->second + 1) * NS_PER_S;
        turn->rows += run->count;
        turn->seconds++;
        return turn->rows + SECOND_ROWS_EQUAL * turn->seconds >= turn->rows_max ? STOPPED : 0;
}

static void go_on_after(struct ticks *ticks, const struct turn *turn)
{
        ticks->query.start_ns = turn->next_ns;
        ticks->query.skip = 0;
        if (ticks->query.limit > 0)
                ticks->query.limit -= turn->rows;
}

static enum reader_result read_rows(
    struct reader *reader, struct columns *columns, size_t rows_max, char why[REASON_SIZE])
{
        struct ticks *ticks = reader->state;
        struct turn turn = {.reader = reader, .columns = columns, .rows_max = rows_max, .why = why};
        bool limited = ticks->query.limit > 0;

        // Rows are handed out ascending: the first of the last N is looked for before any.
        if (limited && !ticks->query.limit_from_start)
                return tickquery_find_start(&ticks->query, &ticks->search, rows_max, why) < 0 ? READER_FAILED
                                                                                              : READER_MORE;
        place_columns(ticks, &reader->bucket.schema, columns);
        int result = tickquery_run(&ticks->query, take_run, &turn, why);
        if (result == 0)
                return READER_END;
        if (result == REFUSED)
                errno = turn.error;
        if (result != STOPPED)
                return READER_FAILED;
        go_on_after(ticks, &turn);
        return limited && ticks->query.limit == 0 ? READER_END : READER_MORE;
}

// ---- parts ----

// Moves *second behind seconds whose blocks are a part's, up to `end`. Returns how many, or -1.
static ssize_t take_seconds(
    const struct tickfile *file, int64_t *second, int64_t end, struct tick_triple *triples, char why[REASON_SIZE])
{
        size_t seconds = 0;
        int64_t bytes = 0;

        while (*second < end && seconds < PART_SECONDS && bytes < PART_BYTES) {
                ssize_t count = tick_index_read(tickfile_index(file), second, end, triples, PART_SECONDS / 8);

                if (count < 0) {
                        snprintf(
                            why, REASON_SIZE, "%s: cannot read its index: %s", tickfile_name(file), strerror(errno));
                        return -1;
                }
                for (ssize_t i = 0; i < count; i++)
                        bytes += triples[i].length > 0 ? triples[i].length : 0;
                seconds += (size_t)count;
        }
        return (ssize_t)seconds;
}

static ssize_t take_seconds_of_year(struct ticks *ticks, int year, int64_t *second, int64_t end, char why[REASON_SIZE])
{
        const struct tickquery *query = &ticks->query;
        struct tickfile *file = tickfile_open_read(query->root, query->symbol, query->kind, year, why);

        if (file == NULL)
                return -1;
        int64_t year_end = year_start_us(year + 1) / US_PER_S;
        ssize_t taken = take_seconds(file, second, end < year_end ? end : year_end, ticks->triples, why);
        int saved_errno = errno;
        tickfile_close(file);
        errno = saved_errno;
        return taken;
}

static struct reader *make_part(struct reader *reader, int64_t end_second)
{
        struct ticks *ticks = reader->state, *state = memory_zeroed(1, sizeof(*state));

        state->query = ticks->query;
        ticks->query.start_ns = end_second * NS_PER_S;
        if (state->query.end_ns >= ticks->query.start_ns)
                state->query.end_ns = ticks->query.start_ns - 1;
        return reader_copy(reader, state);
}

static int cut(struct reader *reader, struct reader **part, char why[REASON_SIZE])
{
        struct ticks *ticks = reader->state;
        int64_t start_ns = ticks->query.start_ns > 0 ? ticks->query.start_ns : 0, second = start_ns / NS_PER_S;
        int64_t end_ns = ticks->query.end_ns < TIME_NS_MAX ? ticks->query.end_ns : TIME_NS_MAX;
        int64_t end = end_ns < 0 ? 0 : end_ns / NS_PER_S + 1;

        for (int i = 0; i < reader->bucket.years_count; i++) {
                int year = reader->bucket.years[i];
                int64_t begin = year_start_us(year) / US_PER_S;

                second = second > begin ? second : begin;
                if (year_start_us(year + 1) / US_PER_S <= second || second >= end)
                        continue;
                ssize_t taken = take_seconds_of_year(ticks, year, &second, end, why);
                if (taken < 0)
                        return READER_FAILED;
                if (taken > 0) {
                        *part = make_part(reader, second);
                        return 1;
                }
        }
        return 0;
}

static void end(struct reader *reader)
{
        free(reader->state);
}

const struct reader_kind reader_ticks = {"ticks", begin, estimate, read_rows, cut, end};
