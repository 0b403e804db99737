// SPDX-License-Identifier: Apache-2.0
// The format to the byte, files of servers, and everything that is no year file of ours.
#include "tests/unit/yearfile_rig.h"

#include "common/yeartree.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

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

int main(void)
{
        const struct CMUnitTest tests[] = {
            IN_ROOT(a_new_file_has_the_header_and_size_of_the_format),
            IN_ROOT(the_tree_says_what_each_level_holds),
            IN_ROOT(a_row_lies_at_its_slot_byte_for_byte),
            IN_ROOT(a_servers_own_file_of_other_types_is_read),
            IN_ROOT(foreign_files_are_refused_by_name_and_left_alone),
            IN_ROOT(files_of_every_short_length_are_refused),
            IN_ROOT(random_headers_do_no_harm),
            IN_ROOT(other_things_in_the_way_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
