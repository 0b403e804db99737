// SPDX-License-Identifier: Apache-2.0
#include "common/yearfile.h"

#include "common/barlayout.h"
#include "common/clock.h"
#include "common/fail.h"
#include "common/ioall.h"
#include "common/yearlock.h"
#include "common/yearopen.h"
#include "common/yeartree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INDEX_BYTES 8
#define RECORD_BYTES_MIN 16 // index and one padded column

struct yearfile {
        int fd;
        int year;
        struct yearfile_schema schema;
        struct bar_layout layout;
        int64_t first_us, slot_us, slots; // slot p opens at first_us + p * slot_us
        size_t record_bytes;
};

// ---- opening ----

// Takes the descriptor over, also on failure.
static struct yearfile *new_file(int fd, int year, const struct yearfile_schema *schema)
{
        struct yearfile *file = malloc(sizeof(*file));

        if (file == NULL) {
                close(fd);
                errno = ENOMEM;
                return NULL;
        }
        file->fd = fd;
        file->year = year;
        file->schema = *schema;
        bar_layout_make(schema, &file->layout);
        file->first_us = yearslot_index_us(schema->timeframe_ns, year, 1);
        file->slot_us = schema->timeframe_ns / 1000;
        file->slots = yearslot_count(schema->timeframe_ns, year);
        file->record_bytes = (size_t)schema->record_length;
        return file;
}

struct yearfile *yearfile_open_read(const char *path, char why[REASON_SIZE])
{
        struct yearfile_schema schema;
        int year, fd = yearopen_file(path, false, 0, &year, &schema, why);

        if (fd < 0)
                return NULL;
        struct yearfile *file = new_file(fd, year, &schema);
        if (file == NULL)
                fail_with(ENOMEM, why, "%s: out of memory", path);
        return file;
}

int yearfile_bucket_schema(
    const char *root, const char *symbol, enum interval interval, struct yearfile_schema *schema, char why[REASON_SIZE])
{
        int directory_fd = yeartree_open_bucket(root, symbol, interval, why);
        char bucket[BUCKET_NAME_SIZE];

        if (directory_fd < 0)
                return -1;
        bucket_format(symbol, interval, bucket);
        int result = yearopen_newest_schema(directory_fd, bucket, schema, why);
        int saved_errno = errno;
        close(directory_fd);
        errno = saved_errno;
        return result;
}

struct yearfile *yearfile_open_write(const char *root, const char *symbol, enum interval interval,
    const struct yearfile_schema *schema, int year, char why[REASON_SIZE])
{
        char bucket[BUCKET_NAME_SIZE], defect[REASON_SIZE];
        struct yearfile *file = NULL;

        bucket_format(symbol, interval, bucket);
        if (schema->timeframe_ns != bar_home_of(interval).timeframe_ns) {
                fail_with(EINVAL, why, "%s: bars of %s are not kept in slots of %lld s", bucket,
                    interval_name(interval), (long long)(schema->timeframe_ns / 1000000000));
                return NULL;
        }
        if (!bar_layout_is_writable(schema, defect)) {
                fail_with(EINVAL, why, "%s: cannot be continued: %.*s", bucket, REASON_SIZE / 2, defect);
                return NULL;
        }
        int directory_fd = yeartree_make_bucket(root, symbol, interval, why);
        if (directory_fd < 0)
                return NULL;
        int fd = yearopen_write(directory_fd, bucket, schema, year, why);
        if (fd >= 0 && (file = new_file(fd, year, schema)) == NULL)
                fail_with(ENOMEM, why, "%s: out of memory", bucket);
        int saved_errno = errno;
        close(directory_fd);
        errno = saved_errno;
        return file;
}

void yearfile_close(struct yearfile *file)
{
        if (file == NULL)
                return;
        close(file->fd); // what was written is made durable by the caller's syncfs() or fsync(), or not at all
        free(file);
}

const struct yearfile_schema *yearfile_schema(const struct yearfile *file)
{
        return &file->schema;
}

int yearfile_fd(const struct yearfile *file)
{
        return file->fd;
}

int yearfile_year(const struct yearfile *file)
{
        return file->year;
}

int64_t yearfile_first_us(const struct yearfile *file)
{
        return file->first_us;
}

int64_t yearfile_last_us(const struct yearfile *file)
{
        return file->first_us + (file->slots - 1) * file->slot_us;
}

// ---- slots ----

static off_t slot_offset(const struct yearfile *file, int64_t position)
{
        return YEARFILE_HEADER_BYTES + (off_t)position * (off_t)file->record_bytes;
}

static int64_t slot_of(const struct yearfile *file, int64_t open_us)
{
        return (open_us - file->first_us) / file->slot_us;
}

static int64_t stored_index(const uint8_t *record)
{
        int64_t index;

        memcpy(&index, record, sizeof(index));
        return index;
}

// ---- writing ----

// Consecutive slots, copied from the file, with the bars that belong in them.
struct span {
        int64_t first; // position of the slot at bytes[0]
        uint8_t *bytes;
        const int64_t *open_us;
        const struct bar_values *bars;
        size_t count;
        uint8_t changes[YEARFILE_SPAN_BYTES / RECORD_BYTES_MIN];
};

static uint8_t *record_of(const struct yearfile *file, const struct span *span, size_t bar)
{
        return span->bytes + (size_t)(slot_of(file, span->open_us[bar]) - span->first) * file->record_bytes;
}

static bool bars_are_in_order(const struct yearfile *file, const int64_t *open_us, size_t count)
{
        int64_t last = -1;

        for (size_t i = 0; i < count; i++) {
                if (open_us[i] < file->first_us)
                        return false;
                int64_t position = slot_of(file, open_us[i]);
                if (position <= last || position >= file->slots)
                        return false;
                last = position;
        }
        return true;
}

// How many of the bars lie close enough together to be read and compared at once.
static size_t measure_span(const struct yearfile *file, const int64_t *open_us, size_t count)
{
        int64_t first = slot_of(file, open_us[0]), last = first,
                slots_max = YEARFILE_SPAN_BYTES / (int64_t)file->record_bytes;
        size_t taken = 1;

        for (; taken < count; taken++) {
                int64_t position = slot_of(file, open_us[taken]);

                if (position - last > YEARFILE_GAP_SLOTS_MAX || position - first >= slots_max)
                        break;
                last = position;
        }
        return taken;
}

// Puts the bars into the copy and notes what each changes. A new one goes in without its index for now.
static void merge_bars(const struct yearfile *file, struct span *span)
{
        uint8_t fresh[INDEX_BYTES + sizeof(struct bar_values)];

        for (size_t i = 0; i < span->count; i++) {
                uint8_t *record = record_of(file, span, i);

                bar_layout_encode(&file->layout, slot_of(file, span->open_us[i]) + 1, &span->bars[i], fresh);
                if (stored_index(record) == 0) {
                        span->changes[i] = YEARFILE_NEW;
                        memcpy(record + INDEX_BYTES, fresh + INDEX_BYTES, file->record_bytes - INDEX_BYTES);
                } else if (memcmp(record, fresh, file->record_bytes) != 0) {
                        span->changes[i] = YEARFILE_REWRITTEN;
                        memcpy(record, fresh, file->record_bytes);
                } else {
                        span->changes[i] = YEARFILE_UNCHANGED;
                }
        }
}

// Whether the slots between two records of a span are all empty. Then one write takes them along as they are, which is
// how a 4h bar's odd two-hour slots cost nothing; a row that lies there is none of these bars' and stays untouched.
static bool slots_between_are_empty(const struct yearfile *file, const uint8_t *record, const uint8_t *next)
{
        for (record += file->record_bytes; record < next; record += file->record_bytes) {
                if (stored_index(record) != 0)
                        return false;
        }
        return true;
}

// End of the run of bars that begins at `begin` and that one write can take along.
static size_t end_of_run(const struct yearfile *file, const struct span *span, size_t begin)
{
        size_t end = begin + 1;

        for (; end < span->count && span->changes[end] == span->changes[begin]; end++) {
                const uint8_t *record = record_of(file, span, end - 1), *next = record_of(file, span, end);

                if (!slots_between_are_empty(file, record, next))
                        break;
        }
        return end;
}

static uint8_t *run_bytes(
    const struct yearfile *file, const struct span *span, size_t begin, size_t end, size_t *length)
{
        uint8_t *record = record_of(file, span, begin);

        *length = (size_t)(record_of(file, span, end - 1) - record) + file->record_bytes;
        return record;
}

static off_t bar_offset(const struct yearfile *file, const struct span *span, size_t bar)
{
        return slot_offset(file, slot_of(file, span->open_us[bar]));
}

static int rewrite_run(const struct yearfile *file, const struct span *span, size_t begin, size_t end)
{
        size_t length;
        const uint8_t *record = run_bytes(file, span, begin, end, &length);

        return yearlock_write(file->fd, record, length, bar_offset(file, span, begin));
}

// Payloads first, while the indexes still say "empty"; then the same again with the indexes: a reader that finds an
// index finds the payload that was complete before. Two writes for the whole run, or of each part for a single row.
static int write_new_run(const struct yearfile *file, struct span *span, size_t begin, size_t end)
{
        size_t length;
        uint8_t *record = run_bytes(file, span, begin, end, &length);
        off_t offset = bar_offset(file, span, begin);
        bool single = end == begin + 1;
        size_t skipped = single ? INDEX_BYTES : 0;

        if (io_write_all_at(file->fd, record + skipped, length - skipped, offset + (off_t)skipped) != 0)
                return -1;
        for (size_t i = begin; i < end; i++) {
                int64_t index = slot_of(file, span->open_us[i]) + 1;

                memcpy(record_of(file, span, i), &index, sizeof(index));
        }
        return io_write_all_at(file->fd, record, single ? INDEX_BYTES : length, offset);
}

static int write_span(const struct yearfile *file, struct span *span)
{
        int64_t last = slot_of(file, span->open_us[span->count - 1]);
        size_t slots = (size_t)(last - span->first + 1);

        // No lock: nobody else writes.
        if (io_read_all_at(file->fd, span->bytes, slots * file->record_bytes, slot_offset(file, span->first)) != 0)
                return -1;
        merge_bars(file, span);
        for (size_t begin = 0, end; begin < span->count; begin = end) {
                int result;

                end = begin + 1;
                if (span->changes[begin] == YEARFILE_UNCHANGED)
                        continue;
                end = end_of_run(file, span, begin);
                result = span->changes[begin] == YEARFILE_NEW ? write_new_run(file, span, begin, end)
                                                              : rewrite_run(file, span, begin, end);
                if (result != 0)
                        return -1;
        }
        return 0;
}

int yearfile_write_bars(struct yearfile *file, const int64_t *open_us, const struct bar_values *bars, size_t count,
    enum yearfile_change *changes)
{
        struct span span;
        int result = 0;

        if (!bars_are_in_order(file, open_us, count)) {
                errno = EINVAL;
                return -1;
        }
        if (count == 0)
                return 0;
        int64_t slots = slot_of(file, open_us[count - 1]) - slot_of(file, open_us[0]) + 1;
        int64_t bytes_max = slots * (int64_t)file->record_bytes;
        span.bytes = malloc((size_t)(bytes_max < YEARFILE_SPAN_BYTES ? bytes_max : YEARFILE_SPAN_BYTES));
        if (span.bytes == NULL)
                return -1;
        for (size_t done = 0; done < count && result == 0; done += span.count) {
                span.first = slot_of(file, open_us[done]);
                span.open_us = open_us + done;
                span.bars = bars + done;
                span.count = measure_span(file, open_us + done, count - done);
                result = write_span(file, &span);
                for (size_t i = 0; result == 0 && changes != NULL && i < span.count; i++)
                        changes[done + i] = (enum yearfile_change)span.changes[i];
        }
        int saved_errno = errno;
        free(span.bytes);
        errno = saved_errno;
        return result;
}

// ---- reading ----

// A range of slots and where their bars go.
struct reading {
        const struct yearfile *file;
        int64_t low, high; // positions [low, high) yet to be read
        uint8_t *bytes;
        int64_t bytes_slots;
        int64_t *open_us;
        struct bar_values *bars;
        size_t count, count_max;
};

// First position at or after `position` that lies in no hole of the file; past the last where only a hole follows.
static int64_t skip_hole(const struct yearfile *file, int64_t position)
{
        off_t offset = slot_offset(file, position), data = lseek(file->fd, offset, SEEK_DATA);

        if (data < 0)
                return errno == ENXIO ? file->slots : position; // else a file system that cannot tell
        return data <= offset ? position : (data - YEARFILE_HEADER_BYTES) / (off_t)file->record_bytes;
}

// Decodes one slot of the copy to output `at`; false where it is empty. A row whose index is not its slot's is no row:
// half an index that is being written, or damage; verification reports the latter.
static bool take_slot(struct reading *reading, const uint8_t *record, int64_t position, size_t at)
{
        const struct yearfile *file = reading->file;

        if (stored_index(record) != position + 1)
                return false;
        reading->open_us[at] = file->first_us + position * file->slot_us;
        bar_layout_decode(&file->layout, record, &reading->bars[at]);
        return true;
}

static int64_t smaller(int64_t a, int64_t b)
{
        return a < b ? a : b;
}

static int read_forward(struct reading *reading)
{
        const struct yearfile *file = reading->file;

        while (reading->count < reading->count_max) {
                reading->low = skip_hole(file, reading->low);
                if (reading->low >= reading->high)
                        break;
                int64_t slots = smaller(reading->bytes_slots, reading->high - reading->low);
                if (yearlock_read(file->fd, reading->bytes, (size_t)slots * file->record_bytes,
                        slot_offset(file, reading->low)) != 0)
                        return -1;
                const uint8_t *record = reading->bytes;
                for (int64_t i = 0; i < slots && reading->count < reading->count_max; i++) {
                        reading->count += take_slot(reading, record, reading->low + i, reading->count);
                        record += file->record_bytes;
                }
                reading->low += slots;
        }
        return 0;
}

// Cuts trailing holes off [low, high). Nothing seeks data backwards, so ever larger pieces are asked for until one is
// not a hole: a second's year of which only January has rows is 2.5 GB of it.
static void skip_hole_backward(struct reading *reading)
{
        int64_t piece = reading->bytes_slots;

        while (reading->low < reading->high) {
                int64_t begin = reading->high - smaller(piece, reading->high - reading->low);

                if (skip_hole(reading->file, begin) < reading->high) {
                        if (piece == reading->bytes_slots)
                                return;
                        piece = reading->bytes_slots;
                        continue;
                }
                reading->high = begin;
                piece *= 2;
        }
}

// Fills the output from its end, then moves it to its beginning.
static int read_backward(struct reading *reading)
{
        const struct yearfile *file = reading->file;

        while (reading->count < reading->count_max) {
                skip_hole_backward(reading);
                if (reading->low >= reading->high)
                        break;
                int64_t slots = smaller(reading->bytes_slots, reading->high - reading->low);
                int64_t begin = reading->high - slots;
                if (yearlock_read(
                        file->fd, reading->bytes, (size_t)slots * file->record_bytes, slot_offset(file, begin)) != 0)
                        return -1;
                for (int64_t i = slots - 1; i >= 0 && reading->count < reading->count_max; i--) {
                        const uint8_t *record = reading->bytes + (size_t)i * file->record_bytes;

                        reading->count +=
                            take_slot(reading, record, begin + i, reading->count_max - 1 - reading->count);
                }
                reading->high = begin;
        }
        size_t from = reading->count_max - reading->count;
        memmove(reading->open_us, reading->open_us + from, reading->count * sizeof(reading->open_us[0]));
        memmove(reading->bars, reading->bars + from, reading->count * sizeof(reading->bars[0]));
        return 0;
}

ssize_t yearfile_read_bars(struct yearfile *file, int64_t start_us, int64_t end_us, size_t count_max, bool from_end,
    int64_t *open_us, struct bar_values *bars)
{
        struct reading reading = {.file = file, .open_us = open_us, .bars = bars, .count_max = count_max};
        int64_t last_us = yearfile_last_us(file);

        if (count_max == 0 || start_us > last_us || end_us < file->first_us || end_us < start_us)
                return 0;
        if (start_us > file->first_us)
                reading.low = slot_of(file, start_us + file->slot_us - 1);
        reading.high = end_us >= last_us ? file->slots : slot_of(file, end_us) + 1;
        if (reading.low >= reading.high)
                return 0;
        // Few rows wanted: a small copy, but not one for every row.
        int64_t slots =
            count_max < 64 ? 64 : (int64_t)(count_max < YEARFILE_SPAN_BYTES ? count_max : YEARFILE_SPAN_BYTES);
        reading.bytes_slots = smaller(slots, YEARFILE_SPAN_BYTES / (int64_t)file->record_bytes);
        reading.bytes = malloc((size_t)reading.bytes_slots * file->record_bytes);
        if (reading.bytes == NULL)
                return -1;
        int result = from_end ? read_backward(&reading) : read_forward(&reading);
        int saved_errno = errno;
        free(reading.bytes);
        errno = saved_errno;
        return result == 0 ? (ssize_t)reading.count : -1;
}
