// SPDX-License-Identifier: Apache-2.0
// Expected bytes are built here from the format's description, by literal offsets, not by the code under test.
#include "common/yearfile.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/yearlock.h"
#include "common/yeartree.h"
#include "tests/unit/tempdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER 37024

static char root[64];
static char why[REASON_SIZE];

static int make_root(void **state)
{
        (void)state;
        return tempdir_make(root);
}

static int remove_root(void **state)
{
        (void)state;
        tempdir_remove(root);
        return 0;
}

static int64_t at(const char *text)
{
        const char *accepted;
        int64_t us;

        assert_int_equal(time_parse_us(text, 0, &us, &accepted), 0);
        return us;
}

static const char *path_of(const char *below)
{
        static char path[256];

        snprintf(path, sizeof(path), "%s/%s", root, below);
        return path;
}

static struct bar_values bar(double seed)
{
        return (struct bar_values){
            seed, seed + 1, seed - 1, seed + 0.5, seed * 2, seed * 3, (int64_t)seed, seed / 2, seed / 3};
}

static struct yearfile *open_full(enum interval interval, int year)
{
        struct yearfile_schema schema;

        yearfile_bar_schema(interval, true, &schema);
        struct yearfile *file = yearfile_open_write(root, "BTCUSDT", interval, &schema, year, why);
        if (file == NULL)
                fail_msg("%s", why);
        return file;
}

static void write_one(struct yearfile *file, int64_t open_us, double seed, enum yearfile_change expected)
{
        struct bar_values values = bar(seed);
        enum yearfile_change change;

        assert_int_equal(yearfile_write_bars(file, &open_us, &values, 1, &change), 0);
        assert_int_equal(change, expected);
}

static void read_bytes(const char *below, off_t offset, void *data, size_t length)
{
        int fd = open(path_of(below), O_RDONLY);

        assert_true(fd >= 0);
        assert_int_equal(pread(fd, data, length, offset), (ssize_t)length);
        close(fd);
}

static int64_t read_int64(const char *below, off_t offset)
{
        int64_t value;

        read_bytes(below, offset, &value, sizeof(value));
        return value;
}

static void put(uint8_t *at_offset, const void *data, size_t length)
{
        memcpy(at_offset, data, length);
}

static void put_int64(uint8_t *at_offset, int64_t value)
{
        put(at_offset, &value, 8);
}

static void put_text(uint8_t *at_offset, const char *text)
{
        put(at_offset, text, strlen(text));
}

// The header of a full bar file, from the format's table.
static void golden_header(uint8_t header[HEADER], int64_t year, int64_t timeframe_ns)
{
        static const char *const names[] = {
            "Open", "High", "Low", "Close", "Volume", "QuoteVolume", "Trades", "TakerBuyBase", "TakerBuyQuote"};

        memset(header, 0, HEADER);
        put_int64(header + 0, 2);
        put_text(header + 8, "Created By Writer");
        put_int64(header + 264, year);
        put_int64(header + 272, timeframe_ns);
        put_int64(header + 280, 0);
        put_int64(header + 288, 9);
        put_int64(header + 296, 80);
        for (int i = 0; i < 9; i++) {
                put_text(header + 312 + 32 * i, names[i]);
                header[33080 + i] = i == 6 ? 3 : 2;
        }
}

static void a_new_file_has_the_header_and_size_of_the_format(void **state)
{
        static uint8_t expected[HEADER], found[HEADER];
        struct stat status;

        (void)state;
        yearfile_close(open_full(INTERVAL_1M, 2024));
        golden_header(expected, 2024, INT64_C(60000000000));
        read_bytes("BTCUSDT/1Min/OHLCV/2024.bin", 0, found, sizeof(found));
        assert_memory_equal(found, expected, sizeof(expected));
        assert_int_equal(stat(path_of("BTCUSDT/1Min/OHLCV/2024.bin"), &status), 0);
        assert_int_equal(status.st_size, HEADER + 527040 * 80);
        assert_int_equal(status.st_mode & 0777, 0600);
        // Sparse: of the header's ten pages two hold something.
        assert_true(status.st_blocks * 512 <= 16384);
}

static void the_tree_says_what_each_level_holds(void **state)
{
        static const struct {
                const char *path, *text;
        } levels[] = {{"category_name", "Symbol"}, {"BTCUSDT/category_name", "Timeframe"},
            {"BTCUSDT/2H/category_name", "AttributeGroup"}, {"BTCUSDT/2H/OHLCV_4H/category_name", "Year"}};
        struct stat status;
        char text[32] = "";
        struct dirent *entry;

        (void)state;
        yearfile_close(open_full(INTERVAL_4H, 2024));
        for (size_t i = 0; i < 4; i++) {
                assert_int_equal(stat(path_of(levels[i].path), &status), 0);
                assert_int_equal(status.st_size, strlen(levels[i].text));
                read_bytes(levels[i].path, 0, text, strlen(levels[i].text));
                assert_memory_equal(text, levels[i].text, strlen(levels[i].text));
        }
        // Nothing temporary stays, and nothing else ends in .bin: a stock server dies of that.
        DIR *directory = opendir(path_of("BTCUSDT/2H/OHLCV_4H"));
        int entries = 0;
        while ((entry = readdir(directory)) != NULL)
                entries += strcmp(entry->d_name, "2024.bin") != 0 && strcmp(entry->d_name, "category_name") != 0;
        closedir(directory);
        assert_int_equal(entries, 2); // . and ..
}

static void a_row_lies_at_its_slot_byte_for_byte(void **state)
{
        struct bar_values values = {1, 2, .5, 1.5, 100, 150, 7, 50, 75};
        int64_t open_us = at("2024-02-29T23:59"), index = (31 + 29) * 1440; // 1-based
        uint8_t expected[80], found[80];
        double numbers[] = {1, 2, .5, 1.5, 100, 150, 0, 50, 75};
        struct yearfile *file = open_full(INTERVAL_1M, 2024);

        (void)state;
        put_int64(expected, index);
        put(expected + 8, numbers, sizeof(numbers));
        put_int64(expected + 56, 7);
        assert_int_equal(yearfile_write_bars(file, &open_us, &values, 1, NULL), 0);
        yearfile_close(file);
        read_bytes("BTCUSDT/1Min/OHLCV/2024.bin", HEADER + (index - 1) * 80, found, sizeof(found));
        assert_memory_equal(found, expected, sizeof(expected));
        // As captured from a server: 1.0 as f8 is 000000000000f03f.
        assert_memory_equal(found + 8, "\0\0\0\0\0\0\xf0\x3f", 8);
        assert_int_equal(read_int64("BTCUSDT/1Min/OHLCV/2024.bin", HEADER + index * 80), 0);
        assert_int_equal(read_int64("BTCUSDT/1Min/OHLCV/2024.bin", HEADER + (index - 2) * 80), 0);
}

static void slots_follow_the_calendar(void **state)
{
        static const int64_t minute = INT64_C(60000000000), hour2 = 120 * INT64_C(60000000000),
                             day = 1440 * INT64_C(60000000000);
        const struct {
                int64_t timeframe_ns;
                const char *time;
                int year;
                int64_t position;
        } cases[] = {
            {minute, "2024-01-01T00:00", 2024, 0},
            {minute, "2024-01-01T00:01:59.999999", 2024, 1},
            {minute, "2024-12-31T23:59", 2024, 527039},
            {minute, "2023-12-31T23:59", 2023, 525599},
            {hour2, "2024-03-01", 2024, 60 * 12},
            {hour2, "2023-03-01", 2023, 59 * 12},
            {day, "2024-01-02", 2024, 0},
            {day, "2024-02-29", 2024, 58},
            {day, "2024-03-01", 2024, 59},
            {day, "2024-12-31", 2024, 364},
            {day, "2025-01-01", 2024, 365}, // the last slot of the leap year before
            {day, "2025-01-01T23:59:59", 2024, 365},
            {day, "2024-01-01", 2023, 364},
            {day, "2025-01-02", 2025, 0},
        };

        (void)state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                int64_t open_us = at(cases[i].time), slot_us = cases[i].timeframe_ns / 1000;
                struct slot_place place = yearfile_locate(cases[i].timeframe_ns, open_us);

                assert_int_equal(place.year, cases[i].year);
                assert_int_equal(place.position, cases[i].position);
                assert_int_equal(place.index, cases[i].position + 1);
                assert_int_equal(
                    yearfile_index_us(cases[i].timeframe_ns, place.year, place.index), open_us - open_us % slot_us);
        }
        assert_int_equal(yearfile_slots(minute, 2024), 527040);
        assert_int_equal(yearfile_slots(day, 2023), 365);
        assert_int_equal(yearfile_slots(day, 2024), 366);
}

static void new_years_day_of_daily_bars_is_in_the_last_slot_of_the_year_before(void **state)
{
        struct yearfile *file = open_full(INTERVAL_1D, 2024);
        int64_t open_us[2];
        struct bar_values bars[2];

        (void)state;
        write_one(file, at("2025-01-01"), 5, YEARFILE_NEW);
        write_one(file, at("2024-12-31"), 4, YEARFILE_NEW);
        // Index = days in that year, at the file's very end.
        assert_int_equal(read_int64("BTCUSDT/1D/OHLCV/2024.bin", HEADER + 365 * 80), 366);
        assert_int_equal(yearfile_size(yearfile_schema(file), 2024), HEADER + 366 * 80);
        // The day of the year, 0-based, is the index of all others.
        assert_int_equal(read_int64("BTCUSDT/1D/OHLCV/2024.bin", HEADER + 364 * 80), 365);
        assert_int_equal(yearfile_read_bars(file, at("2025-01-01"), INT64_MAX, 2, false, open_us, bars), 1);
        assert_int_equal(open_us[0], at("2025-01-01"));
        assert_true(bars[0].open == 5);
        // And it is no bar of this year's own 1 January, nor of the next year's file.
        int64_t new_year = at("2024-01-01");
        assert_int_equal(yearfile_write_bars(file, &new_year, bars, 1, NULL), -1);
        assert_int_equal(errno, EINVAL);
        yearfile_close(file);
        file = open_full(INTERVAL_1D, 2025);
        new_year = at("2025-01-01");
        assert_int_equal(yearfile_write_bars(file, &new_year, bars, 1, NULL), -1);
        yearfile_close(file);
}

// A year and a bit of every interval, from 30 Dec 2023 to 3 Mar 2025, in files as they come.
static void bars_of_every_interval_come_back_with_their_open_times(void **state)
{
        enum { CHUNK = 700 };
        static int64_t open_us[CHUNK], found_us[CHUNK];
        static struct bar_values bars[CHUNK], found[CHUNK];

        (void)state;
        for (int n = 0; n < INTERVAL_COUNT; n++) {
                enum interval interval = (enum interval)n;
                int64_t timeframe_ns = bar_home_of(interval).timeframe_ns;
                int64_t next_us = interval_floor_us(interval, at("2023-12-30")), written = 0;
                int64_t bars_max = interval <= INTERVAL_30M ? 4 * CHUNK : INT64_MAX; // enough to cross the year

                if (interval <= INTERVAL_30M)
                        next_us = interval_step_us(interval, at("2024-01-01"), -2 * CHUNK - 3);
                while (next_us < at("2025-03-03") && written < bars_max) {
                        size_t count = 0;
                        int year = yearfile_locate(timeframe_ns, next_us).year;

                        for (; count < CHUNK && yearfile_locate(timeframe_ns, next_us).year == year; count++) {
                                open_us[count] = next_us;
                                bars[count] = bar((double)(next_us / 1000000));
                                next_us = interval_next_us(interval, next_us);
                        }
                        struct yearfile *file = open_full(interval, year);
                        assert_int_equal(yearfile_write_bars(file, open_us, bars, count, NULL), 0);
                        assert_int_equal(
                            yearfile_read_bars(file, open_us[0], open_us[count - 1], CHUNK, false, found_us, found),
                            (ssize_t)count);
                        assert_memory_equal(found_us, open_us, count * sizeof(open_us[0]));
                        assert_memory_equal(found, bars, count * sizeof(bars[0]));
                        assert_int_equal(
                            yearfile_read_bars(file, open_us[0], open_us[count - 1], CHUNK, true, found_us, found),
                            (ssize_t)count);
                        assert_memory_equal(found_us, open_us, count * sizeof(open_us[0]));
                        assert_memory_equal(found, bars, count * sizeof(bars[0]));
                        yearfile_close(file);
                        written += (int64_t)count;
                }
                assert_true(written > 14);
        }
}

static void changes_are_told_and_equal_rows_left_alone(void **state)
{
        enum { COUNT = 6 };
        int64_t open_us[COUNT];
        struct bar_values bars[COUNT];
        enum yearfile_change changes[COUNT];
        struct yearfile *file = open_full(INTERVAL_3M, 2024);
        struct timespec before, after;
        struct stat status;

        (void)state;
        for (int i = 0; i < COUNT; i++) {
                open_us[i] = at("2024-06-01") + i * 3 * US_PER_MIN;
                bars[i] = bar(10 + i);
        }
        write_one(file, open_us[1], 11, YEARFILE_NEW);
        write_one(file, open_us[3], 99, YEARFILE_NEW);
        assert_int_equal(yearfile_write_bars(file, open_us, bars, COUNT, changes), 0);
        static const enum yearfile_change expected[COUNT] = {
            YEARFILE_NEW, YEARFILE_UNCHANGED, YEARFILE_NEW, YEARFILE_REWRITTEN, YEARFILE_NEW, YEARFILE_NEW};
        assert_memory_equal(changes, expected, sizeof(expected));
        assert_int_equal(fstat(yearfile_fd(file), &status), 0);
        before = status.st_mtim;
        nanosleep(&(struct timespec){0, 20000000}, NULL);
        assert_int_equal(yearfile_write_bars(file, open_us, bars, COUNT, changes), 0);
        for (int i = 0; i < COUNT; i++)
                assert_int_equal(changes[i], YEARFILE_UNCHANGED);
        assert_int_equal(fstat(yearfile_fd(file), &status), 0);
        after = status.st_mtim; // the file was not written at all
        assert_true(before.tv_sec == after.tv_sec && before.tv_nsec == after.tv_nsec);
        int64_t found_us[COUNT];
        struct bar_values found[COUNT];
        assert_int_equal(yearfile_read_bars(file, 0, INT64_MAX, COUNT, false, found_us, found), COUNT);
        assert_memory_equal(found, bars, sizeof(bars));
        yearfile_close(file);
}

static void rows_between_those_written_stay_as_they_are(void **state)
{
        struct yearfile *file = open_full(INTERVAL_4H, 2024);
        int64_t outer_us[2] = {at("2024-06-01T00:00"), at("2024-06-01T04:00")}, found_us[3];
        struct bar_values outer[2] = {bar(1), bar(3)}, found[3];

        (void)state;
        // An off-grid bar in the two-hour slot between two four-hour bars.
        write_one(file, at("2024-06-01T02:13"), 2, YEARFILE_NEW);
        assert_int_equal(yearfile_write_bars(file, outer_us, outer, 2, NULL), 0);
        assert_int_equal(yearfile_read_bars(file, 0, INT64_MAX, 3, false, found_us, found), 3);
        assert_true(found[0].open == 1 && found[1].open == 2 && found[2].open == 3);
        assert_int_equal(found_us[1], at("2024-06-01T02:00"));
        yearfile_close(file);
}

static void bars_out_of_order_or_outside_the_file_are_refused_whole(void **state)
{
        struct yearfile *file = open_full(INTERVAL_1M, 2024);
        struct bar_values bars[2] = {bar(1), bar(2)}, found[2];
        const int64_t bad[][2] = {{at("2024-01-01T00:01"), at("2024-01-01T00:00")},
            {at("2024-01-01T00:01"), at("2024-01-01T00:01:30")}, {at("2024-12-31T23:59"), at("2025-01-01")},
            {at("2023-12-31T23:59"), at("2024-01-01")}, {INT64_MIN, 0}, {at("2024-01-01"), INT64_MAX}};
        int64_t found_us[2];

        (void)state;
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                errno = 0;
                assert_int_equal(yearfile_write_bars(file, bad[i], bars, 2, NULL), -1);
                assert_int_equal(errno, EINVAL);
        }
        assert_int_equal(yearfile_read_bars(file, INT64_MIN, INT64_MAX, 2, false, found_us, found), 0);
        assert_int_equal(yearfile_write_bars(file, NULL, NULL, 0, NULL), 0);
        yearfile_close(file);
}

static void ranges_and_limits_choose_rows(void **state)
{
        enum { COUNT = 5000 };
        static int64_t open_us[COUNT], found_us[COUNT];
        static struct bar_values bars[COUNT], found[COUNT];
        struct yearfile *file = open_full(INTERVAL_1S, 2024);
        int64_t first_us = at("2024-01-31T23:30");

        (void)state;
        for (int i = 0; i < COUNT; i++) {
                open_us[i] = first_us + i * US_PER_S;
                bars[i] = bar(i);
        }
        assert_int_equal(yearfile_write_bars(file, open_us, bars, COUNT, NULL), 0);
        write_one(file, at("2024-12-31T23:59:59"), 7, YEARFILE_NEW);
        // Both ends are inclusive; times off the grid are rounded inwards.
        assert_int_equal(yearfile_read_bars(file, open_us[10], open_us[12], COUNT, false, found_us, found), 3);
        assert_int_equal(yearfile_read_bars(file, open_us[10] + 1, open_us[12] - 1, COUNT, false, found_us, found), 1);
        assert_int_equal(found_us[0], open_us[11]);
        assert_int_equal(yearfile_read_bars(file, open_us[10] + 1, open_us[10] + 2, COUNT, false, found_us, found), 0);
        // Past the holes, from either end.
        assert_int_equal(yearfile_read_bars(file, INT64_MIN, INT64_MAX, 2, false, found_us, found), 2);
        assert_int_equal(found_us[0], open_us[0]);
        assert_int_equal(yearfile_read_bars(file, INT64_MIN, INT64_MAX, 3, true, found_us, found), 3);
        assert_int_equal(found_us[0], open_us[COUNT - 2]);
        assert_int_equal(found_us[2], at("2024-12-31T23:59:59"));
        assert_true(found[2].open == 7 && found[1].open == COUNT - 1);
        assert_int_equal(yearfile_read_bars(file, INT64_MIN, at("2024-12-31"), COUNT, true, found_us, found), COUNT);
        assert_memory_equal(found, bars, sizeof(bars));
        assert_int_equal(yearfile_read_bars(file, at("2025-01-01"), INT64_MAX, 1, false, found_us, found), 0);
        assert_int_equal(yearfile_read_bars(file, INT64_MIN, at("2023-12-31"), 1, true, found_us, found), 0);
        assert_int_equal(yearfile_read_bars(file, open_us[5], open_us[4], 1, true, found_us, found), 0);
        assert_int_equal(yearfile_read_bars(file, INT64_MIN, INT64_MAX, 0, true, found_us, found), 0);
        yearfile_close(file);
}

static void a_row_whose_index_is_not_its_slots_is_no_row_and_is_repaired(void **state)
{
        struct yearfile *file = open_full(INTERVAL_1M, 2024);
        struct bar_values found;
        int64_t found_us, index = 3;

        (void)state;
        write_one(file, at("2024-01-01"), 1, YEARFILE_NEW);
        assert_int_equal(pwrite(yearfile_fd(file), &index, 8, HEADER), 8);
        assert_int_equal(yearfile_read_bars(file, INT64_MIN, INT64_MAX, 1, false, &found_us, &found), 0);
        write_one(file, at("2024-01-01"), 1, YEARFILE_REWRITTEN);
        assert_int_equal(yearfile_read_bars(file, INT64_MIN, INT64_MAX, 1, false, &found_us, &found), 1);
        yearfile_close(file);
}

static void a_five_column_file_takes_five(void **state)
{
        struct yearfile_schema seed, found_schema, full;
        struct bar_values found;
        int64_t found_us;

        (void)state;
        yearfile_bar_schema(INTERVAL_1H, false, &seed);
        assert_int_equal(seed.record_length, 48);
        struct yearfile *file = yearfile_open_write(root, "ETHUSDT", INTERVAL_1H, &seed, 2023, why);
        assert_non_null(file);
        write_one(file, at("2023-05-05T05:00"), 9, YEARFILE_NEW);
        write_one(file, at("2023-05-05T05:00"), 9, YEARFILE_UNCHANGED);
        assert_int_equal(yearfile_read_bars(file, INT64_MIN, INT64_MAX, 1, false, &found_us, &found), 1);
        struct bar_values expected = {9, 10, 8, 9.5, 18, 0, 0, 0, 0};
        assert_memory_equal(&found, &expected, sizeof(expected));
        yearfile_close(file);
        assert_int_equal(read_int64("ETHUSDT/1H/OHLCV/2023.bin", 288), 5);
        // Who would continue it in nine columns is told; who asks first is told which it has.
        yearfile_bar_schema(INTERVAL_1H, true, &full);
        assert_null(yearfile_open_write(root, "ETHUSDT", INTERVAL_1H, &full, 2023, why));
        assert_int_equal(errno, EINVAL);
        assert_string_equal(why, "ETHUSDT/1H/OHLCV/2023.bin: has 5 columns and 48 bytes a record, not 9 and 80");
        assert_null(yearfile_open_write(root, "ETHUSDT", INTERVAL_1H, &full, 2024, why));
        assert_int_equal(errno, EINVAL);
        assert_int_equal(access(path_of("ETHUSDT/1H/OHLCV/2024.bin"), F_OK), -1);
        assert_int_equal(yearfile_bucket_schema(root, "ETHUSDT", INTERVAL_1H, &found_schema, why), 0);
        assert_true(yearfile_schema_equal(&found_schema, &seed));
        assert_int_equal(yearfile_bucket_schema(root, "ETHUSDT", INTERVAL_2H, &found_schema, why), -1);
        assert_int_equal(errno, ENOENT);
}

// The two records that a server wrote for O=1 H=2 L=.5 C=1.5 V=100 and O=2 H=3 L=1.5 C=2.5 V=101 in f4, f4, f4, f4, f8.
static void a_servers_own_file_of_other_types_is_read(void **state)
{
        static uint8_t header[HEADER];
        static const uint8_t records[] = {0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x3f, 0, 0, 0, 0x40, 0, 0, 0, 0x3f, 0,
            0, 0xc0, 0x3f, 0, 0, 0, 0, 0, 0, 0x59, 0x40, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0x40, 0x40, 0,
            0, 0xc0, 0x3f, 0, 0, 0x20, 0x40, 0, 0, 0, 0, 0, 0x40, 0x59, 0x40};
        static const char *const names[] = {"Open", "High", "Low", "Close", "Volume"};
        int64_t open_us[3];
        struct bar_values bars[3];

        (void)state;
        yearfile_close(open_full(INTERVAL_1H, 2024)); // for the directories
        put_int64(header, 2);
        put_text(header + 8, "Default");
        put_int64(header + 264, 2024);
        put_int64(header + 272, INT64_C(60000000000));
        put_int64(header + 288, 5);
        put_int64(header + 296, 32);
        for (int i = 0; i < 5; i++) {
                put_text(header + 312 + 32 * i, names[i]);
                header[33080 + i] = i == 4 ? 2 : 0;
        }
        int fd = open(path_of("2024.bin"), O_RDWR | O_CREAT, 0600);
        assert_int_equal(pwrite(fd, header, sizeof(header), 0), HEADER);
        assert_int_equal(pwrite(fd, records, sizeof(records), HEADER), (ssize_t)sizeof(records));
        assert_int_equal(ftruncate(fd, 16902304), 0); // as measured for 2024
        close(fd);
        struct yearfile *file = yearfile_open_read(path_of("2024.bin"), why);
        assert_non_null(file);
        assert_int_equal(yearfile_size(yearfile_schema(file), 2024), 16902304);
        assert_int_equal(yearfile_read_bars(file, 0, INT64_MAX, 3, false, open_us, bars), 2);
        assert_int_equal(open_us[0], INT64_C(1704067200000000));
        assert_int_equal(open_us[1], INT64_C(1704067260000000));
        struct bar_values expected[2] = {{.open = 1, .high = 2, .low = .5, .close = 1.5, .volume = 100},
            {.open = 2, .high = 3, .low = 1.5, .close = 2.5, .volume = 101}};
        assert_memory_equal(bars, expected, sizeof(expected));
        yearfile_close(file);
}

// Writes a file of `length` bytes that begins like a sound year file, with `size` bytes at `offset` changed.
static void spoil(off_t length, size_t offset, const void *data, size_t size)
{
        static uint8_t header[HEADER];

        golden_header(header, 2024, INT64_C(86400000000000));
        if (size > 0)
                put(header + offset, data, size);
        int fd = open(path_of("BTCUSDT/1D/OHLCV/2024.bin"), O_RDWR | O_CREAT | O_TRUNC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(
            pwrite(fd, header, (size_t)(length < HEADER ? length : HEADER), 0), length < HEADER ? length : HEADER);
        assert_int_equal(ftruncate(fd, length), 0);
        close(fd);
}

static void assert_refused(const char *reason)
{
        struct yearfile_schema schema;

        yearfile_bar_schema(INTERVAL_1D, true, &schema);
        errno = 0;
        why[0] = '\0';
        assert_null(yearfile_open_write(root, "BTCUSDT", INTERVAL_1D, &schema, 2024, why));
        assert_int_equal(errno, EINVAL);
        if (strstr(why, reason) == NULL || strstr(why, "BTCUSDT/1D/OHLCV/2024.bin: ") != why)
                fail_msg("\"%s\" does not say \"%s\"", why, reason);
}

static void assert_unreadable(const char *reason)
{
        assert_null(yearfile_open_read(path_of("BTCUSDT/1D/OHLCV/2024.bin"), why));
        assert_int_equal(errno, EINVAL);
        if (strstr(why, reason) == NULL)
                fail_msg("\"%s\" does not say \"%s\"", why, reason);
}

static void foreign_files_are_refused_by_name_and_left_alone(void **state)
{
        const off_t whole = HEADER + 366 * 80;
        const int64_t one = 1, minute = INT64_C(60000000000), zero = 0, many = INT64_MAX, four = 4, long_record = 88,
                      year = 2023, seven = 7;
        const uint8_t no_type = 8;
        const struct {
                size_t offset;
                const void *data;
                size_t size;
                const char *reason;
                bool readable;
        } cases[] = {
            {0, &one, 8, "version 1", false},
            {264, &year, 8, "says year 2023", false},
            {272, &zero, 8, "timeframe of 0 ns", false},
            {272, &minute, 8, "short", false},
            {280, &seven, 8, "record type 7", false},
            {288, &zero, 8, "says 0 columns", false},
            {288, &many, 8, "columns; 1 to 96", false},
            {288, &four, 8, "80 bytes a record, but its columns make 40", false},
            {296, &long_record, 8, "88 bytes a record", false},
            {296, &many, 8, "bytes a record", false},
            {33080, &no_type, 1, "type code 8", false},
            {312, "Xpen", 4, "its column 1 is Xpen f8, not Open f8", true},
            {33080, "\3", 1, "its column 1 is Open i8, not Open f8", true},
        };

        (void)state;
        yearfile_close(open_full(INTERVAL_1D, 2024));
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                struct stat status;

                spoil(whole, cases[i].offset, cases[i].data, cases[i].size);
                assert_refused(cases[i].reason);
                if (!cases[i].readable)
                        assert_unreadable(cases[i].reason);
                assert_int_equal(stat(path_of("BTCUSDT/1D/OHLCV/2024.bin"), &status), 0);
                assert_int_equal(status.st_size, whole);
        }
        spoil(whole, 0, NULL, 0);
        yearfile_close(open_full(INTERVAL_1D, 2024));
}

static void files_of_every_short_length_are_refused(void **state)
{
        (void)state;
        yearfile_close(open_full(INTERVAL_1D, 2024));
        for (off_t length = 0; length <= HEADER + 81; length += length > 320 && length < 33000 ? 61 : 1) {
                spoil(length, 0, NULL, 0);
                assert_refused("short");
                assert_unreadable("short");
        }
        spoil(HEADER + 366 * 80 - 1, 0, NULL, 0);
        assert_refused("short");
}

static void random_headers_do_no_harm(void **state)
{
        static uint8_t header[HEADER];
        struct yearfile_schema schema;

        (void)state;
        srand(3);
        for (int round = 0; round < 20000; round++) {
                golden_header(header, 2024, INT64_C(86400000000000));
                for (int k = 0; k < 3; k++) {
                        static const size_t fields[] = {0, 264, 272, 280, 288, 296, 312, 33080};
                        size_t offset = fields[rand() % 8] + (size_t)(rand() % 8);

                        header[offset] = (uint8_t)rand();
                }
                if (yearheader_decode(header, 2024, &schema, why) == 0) {
                        assert_in_range(schema.columns_count, 1, YEARFILE_COLUMNS_MAX);
                        assert_in_range(schema.record_length, 16, 8 + 64 * 64);
                }
        }
}

static void other_things_in_the_way_are_refused(void **state)
{
        struct yearfile_schema schema;

        (void)state;
        yearfile_bar_schema(INTERVAL_1D, true, &schema);
        yearfile_close(open_full(INTERVAL_1D, 2024));
        int fd = open(path_of("category_name"), O_WRONLY | O_APPEND);
        assert_int_equal(write(fd, "\n", 1), 1);
        close(fd);
        assert_null(yearfile_open_write(root, "BTCUSDT", INTERVAL_1D, &schema, 2024, why));
        assert_int_equal(errno, EINVAL);
        assert_non_null(strstr(why, "does not hold exactly \"Symbol\""));
        assert_int_equal(unlink(path_of("category_name")), 0);
        assert_int_equal(symlink("BTCUSDT", path_of("LINKED")), 0);
        assert_null(yearfile_open_write(root, "LINKED", INTERVAL_1D, &schema, 2024, why));
        assert_int_equal(errno, ELOOP);
        assert_null(yearfile_open_write(root, "../BTCUSDT", INTERVAL_1D, &schema, 2024, why));
        assert_int_equal(errno, EINVAL);
        assert_null(yearfile_open_write(root, "BTCUSDT", INTERVAL_1D, &schema, 12024, why));
        assert_int_equal(errno, EINVAL);
        assert_null(yearfile_open_write(root, "BTCUSDT", INTERVAL_1H, &schema, 2024, why));
        assert_int_equal(errno, EINVAL);
        schema.columns[4].type = COLUMN_U8; // as some feeders have it; fractions would be lost
        assert_null(yearfile_open_write(root, "BTCUSDT", INTERVAL_1D, &schema, 2024, why));
        assert_int_equal(errno, EINVAL);
        assert_non_null(strstr(why, "its column Volume is u8, not f8"));
        yearfile_bar_schema(INTERVAL_1D, true, &schema);
        assert_null(yearfile_open_read(path_of("BTCUSDT/1D/OHLCV/2023.bin"), why));
        assert_int_equal(errno, ENOENT);
        assert_null(yearfile_open_read(path_of("BTCUSDT/1D/OHLCV/category_name"), why));
        assert_int_equal(errno, EINVAL);
        assert_int_equal(mkdir(path_of("BTCUSDT/1D/OHLCV/2022.bin"), 0700), 0);
        assert_null(yearfile_open_read(path_of("BTCUSDT/1D/OHLCV/2022.bin"), why));
        assert_int_equal(errno, EINVAL);
        // A leftover of a creation that a crash cut short is no obstacle.
        assert_int_equal(rmdir(path_of("BTCUSDT/1D/OHLCV/2022.bin")), 0);
        fd = open(path_of("BTCUSDT/1D/OHLCV/2022.bin.tmp"), O_WRONLY | O_CREAT, 0600);
        assert_int_equal(write(fd, "rest", 4), 4);
        close(fd);
        yearfile_close(open_full(INTERVAL_1D, 2022));
        fd = yeartree_open_bucket(root, "BTCUSDT", INTERVAL_1D, why);
        assert_int_equal(yeartree_create_file(fd, &schema, 2022), -1);
        assert_int_equal(errno, EEXIST);
        close(fd);
}

static void a_file_cut_while_open_is_an_error_not_a_crash(void **state)
{
        struct yearfile *file = open_full(INTERVAL_1D, 2024);
        int64_t open_us = at("2024-12-30");
        struct bar_values values = bar(1);

        (void)state;
        write_one(file, open_us, 1, YEARFILE_NEW);
        assert_int_equal(ftruncate(yearfile_fd(file), HEADER + 10 * 80), 0);
        errno = 0;
        assert_int_equal(yearfile_write_bars(file, &open_us, &values, 1, NULL), -1);
        assert_int_equal(errno, EIO);
        write_one(file, at("2024-01-10"), 1, YEARFILE_NEW);
        assert_int_equal(yearfile_read_bars(file, INT64_MIN, INT64_MAX, 1, false, &open_us, &values), -1);
        assert_int_equal(errno, EIO);
        yearfile_close(file);
}

// ---- readers beside the writer ----

enum { RACE_BARS = 300, RACE_ROUNDS = 1500 };

static atomic_bool race_over;
static atomic_int torn_rows, rows_seen;

// Every value of a bar follows from its first, so that a mixture of two versions shows.
static void check_whole(const struct bar_values *values)
{
        struct bar_values expected = bar(values->open);

        if (memcmp(values, &expected, sizeof(expected)) != 0)
                atomic_fetch_add(&torn_rows, 1);
        atomic_fetch_add(&rows_seen, 1);
}

static void *race_reader(void *path)
{
        char reason[REASON_SIZE];
        struct yearfile *file = yearfile_open_read(path, reason);
        static _Thread_local int64_t open_us[RACE_BARS];
        static _Thread_local struct bar_values bars[RACE_BARS];

        while (!atomic_load(&race_over)) {
                ssize_t count = yearfile_read_bars(file, INT64_MIN, INT64_MAX, RACE_BARS, false, open_us, bars);

                for (ssize_t i = 0; i < count; i++)
                        check_whole(&bars[i]);
        }
        yearfile_close(file);
        return NULL;
}

// A reader that takes no lock, as a stock server: it may see the middle of a rewrite, never of a new row.
static void *race_stock_reader(void *path)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        static _Thread_local uint8_t bytes[RACE_BARS * 80];
        int64_t index;
        struct bar_values values;

        while (!atomic_load(&race_over)) {
                if (pread(fd, bytes, sizeof(bytes), HEADER) != (ssize_t)sizeof(bytes))
                        break;
                for (int i = 0; i < RACE_BARS; i++) {
                        memcpy(&index, bytes + i * 80, 8);
                        memcpy(&values, bytes + i * 80 + 8, sizeof(values));
                        if (index != 0)
                                check_whole(&values);
                }
        }
        close(fd);
        return NULL;
}

// Runs rounds of rewriting RACE_BARS bars with two readers at work.
static void race_rewrites(void)
{
        static int64_t open_us[RACE_BARS];
        static struct bar_values bars[RACE_BARS];
        struct yearfile *file = open_full(INTERVAL_1M, 2024);
        static char path[256];
        pthread_t readers[2];
        mono_time begun = mono_now();

        snprintf(path, sizeof(path), "%s", path_of("BTCUSDT/1Min/OHLCV/2024.bin"));
        atomic_store(&race_over, false);
        atomic_store(&torn_rows, 0);
        atomic_store(&rows_seen, 0);
        for (int i = 0; i < 2; i++)
                assert_int_equal(pthread_create(&readers[i], NULL, race_reader, path), 0);
        for (int round = 0; round < RACE_ROUNDS && mono_since_ms(mono_now(), begun) < 3000; round++) {
                for (int i = 0; i < RACE_BARS; i++) {
                        open_us[i] = at("2024-01-01") + i * US_PER_MIN;
                        bars[i] = bar(round * 1000 + i);
                }
                assert_int_equal(yearfile_write_bars(file, open_us, bars, RACE_BARS, NULL), 0);
        }
        atomic_store(&race_over, true);
        for (int i = 0; i < 2; i++)
                pthread_join(readers[i], NULL);
        yearfile_close(file);
}

static void readers_never_see_half_a_rewritten_row(void **state)
{
        (void)state;
        race_rewrites();
        assert_true(atomic_load(&rows_seen) > RACE_BARS);
        assert_int_equal(atomic_load(&torn_rows), 0);
}

static void a_new_row_shows_only_whole_to_readers_without_locks(void **state)
{
        // Each slot is used once, so whatever a reader finds behind an index was written before it.
        static int64_t open_us[RACE_BARS];
        static struct bar_values bars[RACE_BARS];
        static char path[256];
        pthread_t reader;

        (void)state;
        for (int round = 0; round < 40; round++) {
                tempdir_remove(path_of("BTCUSDT"));
                struct yearfile *file = open_full(INTERVAL_1M, 2024);

                snprintf(path, sizeof(path), "%s", path_of("BTCUSDT/1Min/OHLCV/2024.bin"));
                atomic_store(&race_over, false);
                atomic_store(&torn_rows, 0);
                assert_int_equal(pthread_create(&reader, NULL, race_stock_reader, path), 0);
                for (int i = 0; i < RACE_BARS; i++) {
                        open_us[i] = at("2024-01-01") + i * US_PER_MIN;
                        bars[i] = bar(i + 1);
                }
                nanosleep(&(struct timespec){0, 300000}, NULL);
                for (int i = 0; i < RACE_BARS; i += 50) { // some as runs, some alone
                        assert_int_equal(yearfile_write_bars(file, open_us + i, bars + i, 49, NULL), 0);
                        assert_int_equal(yearfile_write_bars(file, open_us + i + 49, bars + i + 49, 1, NULL), 0);
                }
                atomic_store(&race_over, true);
                pthread_join(reader, NULL);
                yearfile_close(file);
                assert_int_equal(atomic_load(&torn_rows), 0);
        }
}

static int hold_lock(int fd, short type)
{
        struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = HEADER, .l_len = 80};

        return fcntl(fd, F_OFD_SETLK, &lock);
}

static void a_stopped_reader_delays_a_rewrite_by_a_tenth_of_a_second_at_most(void **state)
{
        struct yearfile *file = open_full(INTERVAL_1M, 2024);
        int stranger = open(path_of("BTCUSDT/1Min/OHLCV/2024.bin"), O_RDWR);
        struct bar_values values;
        int64_t open_us;

        (void)state;
        write_one(file, at("2024-01-01"), 1, YEARFILE_NEW);
        assert_int_equal(hold_lock(stranger, F_RDLCK), 0);
        mono_time begun = mono_now();
        write_one(file, at("2024-01-01"), 2, YEARFILE_REWRITTEN);
        assert_in_range(mono_since_ms(mono_now(), begun), YEARFILE_LOCK_WAIT_MS, 10 * YEARFILE_LOCK_WAIT_MS);
        // Other rows, new ones and readers are not held up.
        begun = mono_now();
        write_one(file, at("2024-01-02"), 2, YEARFILE_NEW);
        assert_int_equal(yearfile_read_bars(file, INT64_MIN, INT64_MAX, 1, false, &open_us, &values), 1);
        assert_true(values.open == 2);
        assert_true(mono_since_ms(mono_now(), begun) < YEARFILE_LOCK_WAIT_MS);
        // A reader that finds the row locked for good says so.
        assert_int_equal(hold_lock(stranger, F_WRLCK), 0);
        assert_int_equal(yearfile_read_bars(file, INT64_MIN, INT64_MAX, 1, false, &open_us, &values), -1);
        assert_int_equal(errno, EAGAIN);
        close(stranger); // and with it the lock
        assert_int_equal(yearfile_read_bars(file, INT64_MIN, INT64_MAX, 1, false, &open_us, &values), 1);
        yearfile_close(file);
}

int main(void)
{
#define IN_ROOT(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)
        const struct CMUnitTest tests[] = {
            IN_ROOT(a_new_file_has_the_header_and_size_of_the_format),
            IN_ROOT(the_tree_says_what_each_level_holds),
            IN_ROOT(a_row_lies_at_its_slot_byte_for_byte),
            IN_ROOT(slots_follow_the_calendar),
            IN_ROOT(new_years_day_of_daily_bars_is_in_the_last_slot_of_the_year_before),
            IN_ROOT(bars_of_every_interval_come_back_with_their_open_times),
            IN_ROOT(changes_are_told_and_equal_rows_left_alone),
            IN_ROOT(rows_between_those_written_stay_as_they_are),
            IN_ROOT(bars_out_of_order_or_outside_the_file_are_refused_whole),
            IN_ROOT(ranges_and_limits_choose_rows),
            IN_ROOT(a_row_whose_index_is_not_its_slots_is_no_row_and_is_repaired),
            IN_ROOT(a_five_column_file_takes_five),
            IN_ROOT(a_servers_own_file_of_other_types_is_read),
            IN_ROOT(foreign_files_are_refused_by_name_and_left_alone),
            IN_ROOT(files_of_every_short_length_are_refused),
            IN_ROOT(random_headers_do_no_harm),
            IN_ROOT(other_things_in_the_way_are_refused),
            IN_ROOT(a_file_cut_while_open_is_an_error_not_a_crash),
            IN_ROOT(readers_never_see_half_a_rewritten_row),
            IN_ROOT(a_new_row_shows_only_whole_to_readers_without_locks),
            IN_ROOT(a_stopped_reader_delays_a_rewrite_by_a_tenth_of_a_second_at_most),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
