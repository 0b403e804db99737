// SPDX-License-Identifier: Apache-2.0
#include "common/yearopen.h"

#include "common/bucket.h"
#include "common/fail.h"
#include "common/ioall.h"
#include "common/yeartree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int close_keep_errno(int fd)
{
        int saved_errno = errno;

        close(fd);
        errno = saved_errno;
        return -1;
}

// Reads and checks the header and the size of an open file. `name` is for messages.
static int load_schema(int fd, const char *name, int year, struct yearfile_schema *schema, char why[REASON_SIZE])
{
        uint8_t header[YEARFILE_HEADER_BYTES];
        char defect[REASON_SIZE];
        struct stat status;

        if (fstat(fd, &status) != 0)
                return fail_with(errno, why, "%s: %s", name, strerror(errno));
        if (!S_ISREG(status.st_mode))
                return fail_with(EINVAL, why, "%s: not a regular file", name);
        if (status.st_size < YEARFILE_HEADER_BYTES)
                return fail_with(EINVAL, why, "%s: short: %lld bytes, its header alone has %d", name,
                    (long long)status.st_size, YEARFILE_HEADER_BYTES);
        if (io_read_all_at(fd, header, sizeof(header), 0) != 0)
                return fail_with(errno, why, "%s: cannot read: %s", name, strerror(errno));
        if (yearheader_decode(header, year, schema, defect) != 0)
                return fail_with(EINVAL, why, "%s: %.*s", name, REASON_SIZE / 2, defect);
        if (status.st_size < yearfile_size(schema, year))
                return fail_with(EINVAL, why, "%s: short: %lld bytes of %lld", name, (long long)status.st_size,
                    (long long)yearfile_size(schema, year));
        return 0;
}

// "BTCUSDT/1Min/OHLCV/2024.bin" of a longer path: messages are short, and the root is known.
static const char *tail_of_path(const char *path)
{
        const char *tail = path + strlen(path);

        for (int slashes = 0; tail > path; tail--) {
                slashes += tail[-1] == '/';
                if (slashes == 4)
                        break;
        }
        return tail;
}

int yearopen_file(const char *path, bool writable, int64_t record_type, int *year, struct yearfile_schema *schema,
    char why[REASON_SIZE])
{
        const char *name = tail_of_path(path);
        const char *slash = strrchr(path, '/');

        *year = yeartree_year_of_name(slash != NULL ? slash + 1 : path);
        if (*year == 0)
                return fail_with(EINVAL, why, "%s: not named <year>.bin", name);
        int fd = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return fail_with(errno, why, "%s: cannot open: %s", name, strerror(errno));
        if (load_schema(fd, name, *year, schema, why) != 0)
                return close_keep_errno(fd);
        if (schema->record_type != record_type) {
                close(fd);
                return fail_with(EINVAL, why, "%s: holds records of %s", name,
                    schema->record_type == 0 ? "fixed length, no ticks" : "variable length, no bars");
        }
        return fd;
}

// Says in what a file's columns differ from those wanted.
static int refuse_schema(
    const struct yearfile_schema *is, const struct yearfile_schema *wanted, const char *name, char why[REASON_SIZE])
{
        if (is->timeframe_ns != wanted->timeframe_ns)
                return fail_with(EINVAL, why, "%s: its timeframe is %lld s, not %lld s", name,
                    (long long)(is->timeframe_ns / 1000000000), (long long)(wanted->timeframe_ns / 1000000000));
        if (is->record_type != wanted->record_type)
                return fail_with(
                    EINVAL, why, "%s: its records are of %s length", name, is->record_type == 0 ? "fixed" : "variable");
        for (size_t i = 0; is->columns_count == wanted->columns_count && i < is->columns_count; i++) {
                const struct column *a = &is->columns[i], *b = &wanted->columns[i];

                if (a->type != b->type || strcmp(a->name, b->name) != 0)
                        return fail_with(EINVAL, why, "%s: its column %zu is %s %s, not %s %s", name, i + 1, a->name,
                            column_type_name(a->type), b->name, column_type_name(b->type));
        }
        return fail_with(EINVAL, why, "%s: has %zu columns and %lld bytes a record, not %zu and %lld", name,
            is->columns_count, (long long)is->record_length, wanted->columns_count, (long long)wanted->record_length);
}

static int open_year(int directory_fd, int year, int flags)
{
        char name[32];

        snprintf(name, sizeof(name), "%d.bin", year);
        return openat(directory_fd, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
}

int yearopen_newest_schema(int directory_fd, const char *bucket, struct yearfile_schema *schema, char why[REASON_SIZE])
{
        int years[YEARFILE_YEARS_MAX], count = yeartree_list_years(directory_fd, years);
        char name[BUCKET_NAME_SIZE + 16];

        if (count < 0)
                return fail_with(errno, why, "%s: cannot list: %s", bucket, strerror(errno));
        if (count == 0)
                return fail_with(ENOENT, why, "%s: holds no year", bucket);
        int year = years[count - 1], fd = open_year(directory_fd, year, O_RDONLY);
        snprintf(name, sizeof(name), "%s/%d.bin", bucket, year);
        if (fd < 0)
                return fail_with(errno, why, "%s: cannot open: %s", name, strerror(errno));
        int result = load_schema(fd, name, year, schema, why);
        int saved_errno = errno;
        close(fd);
        errno = saved_errno;
        return result;
}

// Opens the year's file, creating it where it is absent. All years of a bucket have the same columns, or a stock server
// cannot query it.
static int open_or_create(
    int directory_fd, const char *bucket, const struct yearfile_schema *schema, int year, char why[REASON_SIZE])
{
        struct yearfile_schema sibling;
        int fd = open_year(directory_fd, year, O_RDWR);

        if (fd >= 0)
                return fd;
        if (errno != ENOENT)
                return fail_with(errno, why, "%s/%d.bin: cannot open: %s", bucket, year, strerror(errno));
        if (yearopen_newest_schema(directory_fd, bucket, &sibling, why) == 0) {
                if (!yearfile_schema_equal(&sibling, schema))
                        return refuse_schema(&sibling, schema, bucket, why);
        } else if (errno != ENOENT) {
                return -1;
        }
        fd = yeartree_create_file(directory_fd, schema, year);
        if (fd < 0)
                return fail_with(errno, why, "%s/%d.bin: cannot create: %s", bucket, year, strerror(errno));
        return fd;
}

int yearopen_write(
    int directory_fd, const char *bucket, const struct yearfile_schema *schema, int year, char why[REASON_SIZE])
{
        char name[BUCKET_NAME_SIZE + 16];
        struct yearfile_schema found;

        snprintf(name, sizeof(name), "%s/%d.bin", bucket, year);
        if (year < YEARFILE_YEAR_MIN || year > YEARFILE_YEAR_MAX)
                return fail_with(
                    EINVAL, why, "%s: years %d to %d are kept", name, YEARFILE_YEAR_MIN, YEARFILE_YEAR_MAX);
        int fd = open_or_create(directory_fd, bucket, schema, year, why);
        if (fd < 0)
                return -1;
        if (load_schema(fd, name, year, &found, why) != 0)
                return close_keep_errno(fd);
        if (!yearfile_schema_equal(&found, schema)) {
                close(fd);
                return refuse_schema(&found, schema, name, why);
        }
        return fd;
}
