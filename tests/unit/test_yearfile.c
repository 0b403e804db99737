// SPDX-License-Identifier: Apache-2.0
// Rows and slots: what is written comes back, where the calendar says.
#include "tests/unit/yearfile_rig.h"

#include <errno.h>
#include <time.h>

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
                struct slot_place place = yearslot_locate(cases[i].timeframe_ns, open_us);

                assert_int_equal(place.year, cases[i].year);
                assert_int_equal(place.position, cases[i].position);
                assert_int_equal(place.index, cases[i].position + 1);
                assert_int_equal(
                    yearslot_index_us(cases[i].timeframe_ns, place.year, place.index), open_us - open_us % slot_us);
        }
        assert_int_equal(yearslot_count(minute, 2024), 527040);
        assert_int_equal(yearslot_count(day, 2023), 365);
        assert_int_equal(yearslot_count(day, 2024), 366);
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
                        int year = yearslot_locate(timeframe_ns, next_us).year;

                        for (; count < CHUNK && yearslot_locate(timeframe_ns, next_us).year == year; count++) {
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

int main(void)
{
        const struct CMUnitTest tests[] = {
            IN_ROOT(slots_follow_the_calendar),
            IN_ROOT(new_years_day_of_daily_bars_is_in_the_last_slot_of_the_year_before),
            IN_ROOT(bars_of_every_interval_come_back_with_their_open_times),
            IN_ROOT(changes_are_told_and_equal_rows_left_alone),
            IN_ROOT(rows_between_those_written_stay_as_they_are),
            IN_ROOT(bars_out_of_order_or_outside_the_file_are_refused_whole),
            IN_ROOT(ranges_and_limits_choose_rows),
            IN_ROOT(a_row_whose_index_is_not_its_slots_is_no_row_and_is_repaired),
            IN_ROOT(a_five_column_file_takes_five),
            IN_ROOT(a_file_cut_while_open_is_an_error_not_a_crash),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
