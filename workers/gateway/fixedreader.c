// SPDX-License-Identifier: Apache-2.0
// Rows of fixed length: bars, and whatever else other feeders keep in slots. Records are copied from the file a span at
// a time, under the lock that keeps the writer from changing a row meanwhile (common/yearlock.h), then turned into
// columns. One copy of a bar more is the socket's.
#include "common/clock.h"
#include "common/memory.h"
#include "common/yearfile.h"
#include "common/yearlock.h"
#include "workers/gateway/reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INDEX_BYTES 8
#define SPAN_SLOTS (YEARFILE_SPAN_BYTES / 16) // no record is shorter
#define BLOCK_ROWS 256                        // turned into columns at once: their records stay in the nearest cache
#define COUNT_SLOTS_MIN 64                    // read at least, when counting back

struct fixed {
        int64_t start_us, end_us; // first open time wanted, last one
        bool counting;            // back from the end, for the start of the last rows
        size_t missing;           // rows yet to be counted
        int64_t counted_us;       // open time of the earliest counted
        size_t left;              // rows yet to be handed out
        int year_at;              // of the bucket's years
        struct yearfile *file;    // the year at hand; NULL: none open
        bool placed;              // `offsets` are known
        size_t record_bytes;
        int64_t slots, first_us, slot_us;
        int64_t low, high;           // positions [low, high) of it yet to be read
        size_t offsets[COLUMNS_MAX]; // of the columns asked for, in a record
};

// The slots last copied from a file; a thread has use for one such at a time.
static _Thread_local struct {
        uint8_t bytes[YEARFILE_SPAN_BYTES];
        uint32_t valid[SPAN_SLOTS]; // slots of `bytes` that hold a row
} span;

static int fail(const struct reader *reader, const char *what, char why[REASON_SIZE])
{
        int saved_errno = errno;

        snprintf(why, REASON_SIZE, "%.80s: %.70s", reader->bucket.name, what);
        errno = saved_errno;
        return -1;
}

// ---- years ----

static int64_t smaller(int64_t a, int64_t b)
{
        return a < b ? a : b;
}

// Whether a year has a slot in the range: asked of the slots, for a daily file's year begins on 2 January.
static bool year_is_wanted(const struct reader *reader, int year)
{
        const struct fixed *fixed = reader->state;
        int64_t timeframe_ns = reader->bucket.schema.timeframe_ns, slots = yearslot_count(timeframe_ns, year);

        return slots > 0 && yearslot_index_us(timeframe_ns, year, 1) <= fixed->end_us &&
               yearslot_index_us(timeframe_ns, year, slots) >= fixed->start_us;
}

static int open_year(struct reader *reader, char why[REASON_SIZE])
{
        struct fixed *fixed = reader->state;
        const struct yearfile_schema *schema = &reader->bucket.schema;
        char path[sizeof(reader->bucket.path) + 32];
        int year = reader->bucket.years[fixed->year_at];

        snprintf(path, sizeof(path), "%s/%d.bin", reader->bucket.path, year);
        fixed->file = yearfile_open_read(path, why);
        if (fixed->file == NULL)
                return -1;
        if (!yearfile_schema_equal(yearfile_schema(fixed->file), schema)) {
                yearfile_close(fixed->file);
                fixed->file = NULL;
                errno = EINVAL;
                return fail(reader, "its years differ in their columns", why);
        }
        fixed->record_bytes = (size_t)schema->record_length;
        fixed->slot_us = schema->timeframe_ns / 1000;
        fixed->slots = yearslot_count(schema->timeframe_ns, year);
        fixed->first_us = yearfile_first_us(fixed->file);
        fixed->low = 0;
        if (fixed->start_us > fixed->first_us)
                fixed->low = (fixed->start_us - fixed->first_us + fixed->slot_us - 1) / fixed->slot_us;
        fixed->high = fixed->slots;
        if (fixed->end_us < yearfile_last_us(fixed->file))
                fixed->high = (fixed->end_us - fixed->first_us) / fixed->slot_us + 1;
        return 0;
}

static void close_year(struct fixed *fixed)
{
        yearfile_close(fixed->file);
        fixed->file = NULL;
}

// ---- spans ----

static off_t slot_offset(const struct fixed *fixed, int64_t position)
{
        return YEARFILE_HEADER_BYTES + (off_t)position * (off_t)fixed->record_bytes;
}

// First position at or after `position` that lies in no hole of the file; past the last where only a hole follows.
static int64_t skip_hole(const struct fixed *fixed, int64_t position)
{
        off_t offset = slot_offset(fixed, position), data = lseek(yearfile_fd(fixed->file), offset, SEEK_DATA);

        if (data < 0)
                return errno == ENXIO ? fixed->slots : position; // else a file system that cannot tell
        return data <= offset ? position : (data - YEARFILE_HEADER_BYTES) / (off_t)fixed->record_bytes;
}

// Cuts trailing holes off [low, high): nothing seeks data backwards, so ever larger pieces are asked for until one is
// not a hole.
static void skip_hole_backward(struct fixed *fixed)
{
        int64_t piece_min = YEARFILE_SPAN_BYTES / (int64_t)fixed->record_bytes, piece = piece_min;

        while (fixed->low < fixed->high) {
                int64_t begin = fixed->high - smaller(piece, fixed->high - fixed->low);

                if (skip_hole(fixed, begin) < fixed->high) {
                        if (piece == piece_min)
                                return;
                        piece = piece_min;
                        continue;
                }
                fixed->high = begin;
                piece *= 2;
        }
}

// Copies slots [first, first + slots) and notes which hold a row. A row whose index is not its slot's is no row: half
// an index that is being written, or damage.
static ssize_t read_span(struct reader *reader, int64_t first, int64_t slots, char why[REASON_SIZE])
{
        struct fixed *fixed = reader->state;
        size_t count = 0;

        if (yearlock_read(yearfile_fd(fixed->file), span.bytes, (size_t)slots * fixed->record_bytes,
                slot_offset(fixed, first)) != 0)
                return fail(reader, strerror(errno), why);
        const uint8_t *record = span.bytes;
        for (int64_t i = 0; i < slots; i++, record += fixed->record_bytes) {
                int64_t index;

                memcpy(&index, record, sizeof(index));
                span.valid[count] = (uint32_t)i;
                count += index == first + i + 1;
        }
        return (ssize_t)count;
}

static int64_t slots_at_once(const struct fixed *fixed, size_t rows)
{
        int64_t slots = YEARFILE_SPAN_BYTES / (int64_t)fixed->record_bytes;

        return rows < (size_t)slots ? (rows > COUNT_SLOTS_MIN ? (int64_t)rows : COUNT_SLOTS_MIN) : slots;
}

// ---- a limit from the end ----

// Opens the next year back that has something of the range. 1, 0 with none left, or -1.
static int year_before(struct reader *reader, char why[REASON_SIZE])
{
        struct fixed *fixed = reader->state;

        while (fixed->file == NULL) {
                if (fixed->year_at < 0)
                        return 0;
                if (!year_is_wanted(reader, reader->bucket.years[fixed->year_at]))
                        fixed->year_at--;
                else if (open_year(reader, why) != 0)
                        return -1;
        }
        return 1;
}

static int count_span(struct reader *reader, int64_t first, int64_t slots, char why[REASON_SIZE])
{
        struct fixed *fixed = reader->state;
        ssize_t found = read_span(reader, first, slots, why);

        if (found < 0)
                return -1;
        size_t taken = (size_t)found < fixed->missing ? (size_t)found : fixed->missing;
        if (taken > 0)
                fixed->counted_us = fixed->first_us + (first + span.valid[(size_t)found - taken]) * fixed->slot_us;
        fixed->missing -= taken;
        fixed->high = first;
        return 0;
}

// Rows are handed out ascending, so the first of the last N must be known before any: the limit becomes a start. Rows
// that the writer adds meanwhile come after the N and are left out.
static enum reader_result count_back(struct reader *reader, size_t rows_max, char why[REASON_SIZE])
{
        struct fixed *fixed = reader->state;

        for (size_t seen = 0; fixed->missing > 0;) {
                int found = year_before(reader, why);

                if (found < 0)
                        return READER_FAILED;
                if (found == 0)
                        break;
                if (seen >= rows_max)
                        return READER_MORE;
                skip_hole_backward(fixed);
                if (fixed->low >= fixed->high) {
                        close_year(fixed);
                        fixed->year_at--;
                        continue;
                }
                int64_t slots = smaller(slots_at_once(fixed, fixed->missing), fixed->high - fixed->low);
                if (count_span(reader, fixed->high - slots, slots, why) != 0)
                        return READER_FAILED;
                seen += (size_t)slots;
        }
        close_year(fixed);
        fixed->start_us = fixed->counted_us;
        fixed->counting = false;
        fixed->year_at = 0;
        return READER_MORE;
}

// ---- rows into columns ----

// Where each column lies in a record. The columns were chosen from this bucket's schema.
static void place_columns(const struct reader *reader, const struct columns *columns)
{
        struct fixed *fixed = reader->state;
        const struct yearfile_schema *schema = &reader->bucket.schema;

        for (size_t i = 1; i < columns->count && !fixed->placed; i++) {
                size_t offset = INDEX_BYTES;

                for (size_t j = 0; strcmp(schema->columns[j].name, columns->of[i].name) != 0; j++)
                        offset += (size_t)column_type_bytes(schema->columns[j].type);
                fixed->offsets[i] = offset;
        }
        fixed->placed = true;
}

// Appends one column of the rows at valid[from .. from + count).
static void copy_column(
    const struct fixed *fixed, struct values *values, size_t offset, const uint32_t *valid, size_t count)
{
        uint8_t *to = values->block.data + values->block.length;
        const uint8_t *from = span.bytes + offset;

        if (values->width == 8) {
                for (size_t i = 0; i < count; i++)
                        memcpy(to + 8 * i, from + valid[i] * fixed->record_bytes, 8);
        } else {
                for (size_t i = 0; i < count; i++)
                        memcpy(to + values->width * i, from + valid[i] * fixed->record_bytes, values->width);
        }
        values->block.length += count * values->width;
}

static void copy_times(
    const struct fixed *fixed, struct values *values, int64_t first, const uint32_t *valid, size_t count)
{
        uint8_t *to = values->block.data + values->block.length;

        for (size_t i = 0; i < count; i++) {
                int64_t seconds = (fixed->first_us + (first + valid[i]) * fixed->slot_us) / US_PER_S;

                memcpy(to + 8 * i, &seconds, 8);
        }
        values->block.length += 8 * count;
}

static void copy_rows(const struct fixed *fixed, struct columns *columns, int64_t first, size_t count)
{
        for (size_t done = 0, some; done < count; done += some) {
                some = count - done < BLOCK_ROWS ? count - done : BLOCK_ROWS;
                copy_times(fixed, &columns->of[0], first, span.valid + done, some);
                for (size_t i = 1; i < columns->count; i++)
                        copy_column(fixed, &columns->of[i], fixed->offsets[i], span.valid + done, some);
        }
        columns->rows += count;
}

// ---- the kind ----

static int64_t us_of_ns(int64_t ns)
{
        return ns / 1000 - (ns % 1000 < 0);
}

// Times far outside any calendar mean "open"; they would overflow the arithmetic.
static void set_range(const struct reader *reader)
{
        struct fixed *fixed = reader->state;
        int64_t largest = year_start_us(10000) - 1, slot_us = reader->bucket.schema.timeframe_ns / 1000;
        int64_t start_us = reader->range.start_ns > 0 ? us_of_ns(reader->range.start_ns) : 0;

        start_us = smaller(start_us, largest);
        // Slots count from the year's beginning; one that spans it does not exist.
        fixed->start_us = reader->place.floors
                              ? interval_floor_us(reader->place.interval, start_us)
                              : year_start_us(year_of_us(start_us)) +
                                    (start_us - year_start_us(year_of_us(start_us))) / slot_us * slot_us;
        fixed->end_us = reader->range.end_ns == INT64_MAX ? largest : smaller(us_of_ns(reader->range.end_ns), largest);
}

static int begin(struct reader *reader, char why[REASON_SIZE])
{
        struct fixed *fixed = memory_zeroed(1, sizeof(*fixed));

        if (reader->bucket.schema.record_length > YEARFILE_SPAN_BYTES) {
                free(fixed);
                errno = EINVAL;
                return fail(reader, "its records are too long", why);
        }
        reader->state = fixed;
        set_range(reader);
        fixed->left = reader->range.limit > 0 ? reader->range.limit : SIZE_MAX;
        fixed->missing = reader->range.limit;
        fixed->counted_us = fixed->start_us;
        fixed->counting = reader->range.limit > 0 && !reader->range.limit_from_start;
        fixed->year_at = fixed->counting ? reader->bucket.years_count - 1 : 0;
        return 0;
}

static size_t estimate(const struct reader *reader)
{
        const struct fixed *fixed = reader->state;
        int64_t slots = 0;

        for (int i = 0; i < reader->bucket.years_count; i++) {
                int64_t timeframe_ns = reader->bucket.schema.timeframe_ns;
                int year = reader->bucket.years[i];

                if (!year_is_wanted(reader, year))
                        continue;
                int64_t low_us = yearslot_index_us(timeframe_ns, year, 1);
                int64_t high_us = yearslot_index_us(timeframe_ns, year, yearslot_count(timeframe_ns, year));
                low_us = low_us > fixed->start_us ? low_us : fixed->start_us;
                slots += (smaller(high_us, fixed->end_us) - low_us) / (timeframe_ns / 1000) + 1;
        }
        return (size_t)slots < fixed->left ? (size_t)slots : fixed->left;
}

// Opens the next year that has something of the range. False with the reader at its end, or `*failed`.
static bool next_year(struct reader *reader, bool *failed, char why[REASON_SIZE])
{
        struct fixed *fixed = reader->state;

        while (fixed->file == NULL) {
                if (fixed->year_at >= reader->bucket.years_count)
                        return false;
                if (!year_is_wanted(reader, reader->bucket.years[fixed->year_at])) {
                        fixed->year_at++;
                        continue;
                }
                *failed = open_year(reader, why) != 0;
                if (*failed)
                        return false;
        }
        return true;
}

// Goes on to the next slots of the range that lie in no hole. False likewise.
static bool next_slots(struct reader *reader, bool *failed, char why[REASON_SIZE])
{
        struct fixed *fixed = reader->state;

        while (next_year(reader, failed, why)) {
                fixed->low = skip_hole(fixed, fixed->low);
                if (fixed->low < fixed->high)
                        return true;
                close_year(fixed);
                fixed->year_at++;
        }
        return false;
}

static enum reader_result read_rows(
    struct reader *reader, struct columns *columns, size_t rows_max, char why[REASON_SIZE])
{
        struct fixed *fixed = reader->state;
        bool failed = false;

        if (fixed->counting)
                return count_back(reader, rows_max, why);
        place_columns(reader, columns);
        for (size_t slots_seen = 0; fixed->left > 0 && slots_seen < rows_max;) {
                if (!next_slots(reader, &failed, why))
                        return failed ? READER_FAILED : READER_END;
                size_t wanted = rows_max - slots_seen < fixed->left ? rows_max - slots_seen : fixed->left;
                int64_t slots = smaller(slots_at_once(fixed, wanted), fixed->high - fixed->low);
                ssize_t found = read_span(reader, fixed->low, slots, why);
                if (found < 0)
                        return READER_FAILED;
                size_t count = (size_t)found < fixed->left ? (size_t)found : fixed->left;
                if (columns_reserve(columns, count) != 0)
                        return fail(reader,
                            errno == ENOBUFS ? "too many rows for one answer; ask for a shorter range"
                                             : strerror(errno),
                            why);
                copy_rows(fixed, columns, fixed->low, count);
                fixed->left -= count;
                fixed->low += slots;
                slots_seen += (size_t)slots;
        }
        return fixed->left > 0 ? READER_MORE : READER_END;
}

// A part lies in one year: it is the range of its slots' times.
static int cut(struct reader *reader, struct reader **part, char why[REASON_SIZE])
{
        struct fixed *fixed = reader->state;
        bool failed = false;

        if (!next_slots(reader, &failed, why))
                return failed ? READER_FAILED : 0;
        int64_t end = smaller(fixed->low + GATEWAY_SEGMENT_ROWS, fixed->high);
        struct fixed *state = memory_zeroed(1, sizeof(*state));
        state->start_us = fixed->first_us + fixed->low * fixed->slot_us;
        state->end_us = fixed->first_us + (end - 1) * fixed->slot_us;
        state->left = SIZE_MAX;
        state->year_at = fixed->year_at;
        *part = reader_copy(reader, state);
        fixed->low = end;
        return 1;
}

static void end(struct reader *reader)
{
        struct fixed *fixed = reader->state;

        close_year(fixed);
        free(fixed);
}

const struct reader_kind reader_fixed = {"fixed", begin, estimate, read_rows, cut, end};
