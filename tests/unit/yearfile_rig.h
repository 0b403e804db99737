// SPDX-License-Identifier: Apache-2.0
// Year files of BTCUSDT in a root of their own. Expected bytes are built from the format's description, by literal
// offsets, not by the code under test.
#ifndef TESTS_UNIT_YEARFILE_RIG_H
#define TESTS_UNIT_YEARFILE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/yearfile.h"
#include "tests/unit/at.h"
#include "tests/unit/store_root.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER 37024

static inline const char *path_of(const char *below)
{
        static char path[256];

        snprintf(path, sizeof(path), "%s/%s", root, below);
        return path;
}

static inline struct bar_values bar(double seed)
{
        return (struct bar_values){
            seed, seed + 1, seed - 1, seed + 0.5, seed * 2, seed * 3, (int64_t)seed, seed / 2, seed / 3};
}

static inline struct yearfile *open_full(enum interval interval, int year)
{
        struct yearfile_schema schema;

        yearfile_bar_schema(interval, true, &schema);
        struct yearfile *file = yearfile_open_write(root, "BTCUSDT", interval, &schema, year, why);
        if (file == NULL)
                fail_msg("%s", why);
        return file;
}

static inline void write_one(struct yearfile *file, int64_t open_us, double seed, enum yearfile_change expected)
{
        struct bar_values values = bar(seed);
        enum yearfile_change change;

        assert_int_equal(yearfile_write_bars(file, &open_us, &values, 1, &change), 0);
        assert_int_equal(change, expected);
}

static inline void read_bytes(const char *below, off_t offset, void *data, size_t length)
{
        int fd = open(path_of(below), O_RDONLY);

        assert_true(fd >= 0);
        assert_int_equal(pread(fd, data, length, offset), (ssize_t)length);
        close(fd);
}

static inline int64_t read_int64(const char *below, off_t offset)
{
        int64_t value;

        read_bytes(below, offset, &value, sizeof(value));
        return value;
}

#endif
