// SPDX-License-Identifier: Apache-2.0
#include "common/tickfile.h"

#include "common/clock.h"
#include "common/tickfile_parts.h"
#include "common/yearfile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/store_root.h"
#include "tests/unit/tick_events.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOON "2024-03-01T12:00:00"
#define INDEX_END (37024 + INT64_C(24) * 366 * 86400)

static struct tickfile *open_trades(void)
{
        struct tickfile *file = tickfile_open_write(root, "BTCUSDT", TICK_TRADE, 0, 2024, why);

        if (file == NULL)
                fail_msg("%s", why);
        return file;
}

// Trades first_id, first_id + 1, … of one second, each at the millisecond of its id.
static struct tick_rows *trades_of_second(int64_t second, int64_t first_id, int count)
{
        struct tick_rows *rows = tick_rows_new(TICK_TRADE, 0);

        for (int i = 0; i < count; i++)
                add_trade(rows, first_id + i, second * US_PER_S + 1000 * (first_id + i));
        return rows;
}

static void stage(struct tickfile *file, struct tick_rows *rows)
{
        if (tickfile_stage(file, rows, no_damage, NULL, why) != 0)
                fail_msg("%s", why);
        tick_rows_free(rows);
}

static size_t pending_count(const struct tickfile *file)
{
        size_t count;

        tickfile_pending(file, &count);
        return count;
}

// Reads a second's rows, those not yet committed included. Returns 1, 0 where there are none, or -1.
static int read_second(const struct tickfile *file, int64_t second, struct tick_block *block)
{
        struct tick_triple triple;

        tick_block_clear(block);
        int found = tickfile_find_triple(file, second, &triple, why);
        if (found <= 0)
                return found;
        return tickfile_read_block(file, &triple, block, why) == 0 ? 1 : -1;
}

// Rows that the file shows in a second.
static size_t rows_of(const struct tickfile *file, int64_t second)
{
        struct tick_block *block = tick_block_new(tickfile_layout(file));
        int found = read_second(file, second, block);
        size_t count = tick_block_count(block);

        if (found < 0)
                fail_msg("%s", why);
        assert_int_equal(found, count > 0);
        tick_block_free(block);
        return count;
}

// What somebody sees who opens the file now.
static size_t rows_seen(int64_t second)
{
        struct tickfile *file = tickfile_open_read(root, "BTCUSDT", TICK_TRADE, 2024, why);

        if (file == NULL)
                fail_msg("%s", why);
        size_t count = rows_of(file, second);
        tickfile_close(file);
        return count;
}

static int64_t noon(void)
{
        return at(NOON) / US_PER_S;
}

static int64_t header_word(int fd, off_t offset)
{
        int64_t value;

        assert_int_equal(pread(fd, &value, sizeof(value), offset), sizeof(value));
        return value;
}

static void a_new_file_has_a_stock_header_and_a_sparse_index(void **state)
{
        struct tickfile *file = open_trades();
        struct stat status;

        (void)state;
        assert_string_equal(tickfile_name(file), "BTCUSDT/1Sec/TRADE/2024.bin");
        assert_int_equal(header_word(tickfile_fd(file), 0), 2);
        assert_int_equal(header_word(tickfile_fd(file), 264), 2024);
        assert_int_equal(header_word(tickfile_fd(file), 272), 1000000000);
        assert_int_equal(header_word(tickfile_fd(file), 280), 1);  // variable
        assert_int_equal(header_word(tickfile_fd(file), 288), 7);  // without Epoch and Nanoseconds
        assert_int_equal(header_word(tickfile_fd(file), 296), 24); // {index, offset, length}
        assert_int_equal(fstat(tickfile_fd(file), &status), 0);
        assert_int_equal(status.st_size, INDEX_END);
        assert_true(status.st_blocks * 512 < 64 * 1024);
        tickfile_close(file);
}

static void rows_are_seen_by_others_once_committed(void **state)
{
        struct tickfile *file = open_trades();

        (void)state;
        stage(file, trades_of_second(noon(), 1, 10));
        assert_int_equal(pending_count(file), 1);
        assert_int_equal(rows_of(file, noon()), 10);
        assert_int_equal(rows_seen(noon()), 0);
        assert_int_equal(tickfile_commit(file), 0);
        assert_int_equal(pending_count(file), 0);
        assert_int_equal(rows_seen(noon()), 10);
        assert_int_equal(rows_seen(noon() + 1), 0);
        assert_int_equal(rows_seen(noon() - 1), 0);
        tickfile_close(file);
}

static void the_index_is_written_as_a_stock_server_reads_it(void **state)
{
        struct tickfile *file = open_trades();
        int64_t second = at("2024-01-01") / US_PER_S + 99;

        (void)state;
        stage(file, trades_of_second(second, 1, 3));
        assert_int_equal(tickfile_commit(file), 0);
        assert_int_equal(header_word(tickfile_fd(file), 37024 + 24 * 99), 100);
        assert_int_equal(header_word(tickfile_fd(file), 37024 + 24 * 99 + 8), INDEX_END);
        assert_int_equal(header_word(tickfile_fd(file), 37024 + 24 * 99 + 16), tickfile_appended_bytes(file));
        tickfile_close(file);
}

static void late_rows_join_what_is_there(void **state)
{
        struct tickfile *file = open_trades();

        (void)state;
        stage(file, trades_of_second(noon(), 1, 10));
        assert_int_equal(tickfile_commit(file), 0);
        stage(file, trades_of_second(noon(), 5, 10));
        assert_int_equal(rows_seen(noon()), 10);
        assert_int_equal(tickfile_commit(file), 0);
        assert_int_equal(rows_seen(noon()), 14);
        tickfile_close(file);
}

static void rows_that_are_there_already_write_nothing(void **state)
{
        struct tickfile *file = open_trades();

        (void)state;
        stage(file, trades_of_second(noon(), 1, 10));
        assert_int_equal(tickfile_commit(file), 0);
        int64_t appended = tickfile_appended_bytes(file);
        stage(file, trades_of_second(noon(), 1, 10));
        stage(file, trades_of_second(noon(), 3, 4));
        assert_int_equal(pending_count(file), 0);
        assert_int_equal(tickfile_appended_bytes(file), appended);
        tickfile_close(file);
}

static void a_second_staged_twice_is_pending_once_with_all_rows(void **state)
{
        struct tickfile *file = open_trades();
        struct tick_rows *rows = trades_of_second(noon() + 9, 100, 2);

        (void)state;
        stage(file, trades_of_second(noon(), 1, 10));
        stage(file, trades_of_second(noon() + 20, 200, 1));
        stage(file, trades_of_second(noon(), 11, 10));
        stage(file, rows);
        size_t count;
        const struct tick_triple *pending = tickfile_pending(file, &count);
        assert_int_equal(count, 3);
        assert_int_equal(pending[0].second, noon());
        assert_int_equal(pending[1].second, noon() + 9);
        assert_int_equal(pending[2].second, noon() + 20);
        assert_int_equal(tickfile_commit(file), 0);
        assert_int_equal(rows_seen(noon()), 20);
        assert_int_equal(rows_seen(noon() + 9), 2);
        tickfile_close(file);
}

static void seconds_may_come_in_any_order(void **state)
{
        struct tickfile *file = open_trades();
        struct tick_rows *rows = tick_rows_new(TICK_TRADE, 0);

        (void)state;
        for (int64_t i = 0; i < 100; i++)
                add_trade(rows, i, (noon() + i * 7 % 5) * US_PER_S + i);
        stage(file, rows);
        assert_int_equal(tickfile_commit(file), 0);
        for (int64_t i = 0; i < 5; i++)
                assert_int_equal(rows_seen(noon() + i), 20);
        tickfile_close(file);
}

static void a_crash_before_the_commit_leaves_the_old_block(void **state)
{
        struct tickfile *file = open_trades();

        (void)state;
        stage(file, trades_of_second(noon(), 1, 10));
        assert_int_equal(tickfile_commit(file), 0);
        stage(file, trades_of_second(noon(), 11, 5));
        stage(file, trades_of_second(noon() + 1, 16, 5));
        tickfile_close(file);
        assert_int_equal(rows_seen(noon()), 10);
        assert_int_equal(rows_seen(noon() + 1), 0);
        file = open_trades();
        stage(file, trades_of_second(noon(), 11, 5));
        assert_int_equal(tickfile_commit(file), 0);
        assert_int_equal(rows_seen(noon()), 15);
        tickfile_close(file);
}

static void a_crash_after_the_ledgers_commit_is_redone(void **state)
{
        struct tickfile *file = open_trades();
        struct tick_triple kept[8];
        size_t count;

        (void)state;
        stage(file, trades_of_second(noon(), 1, 10));
        assert_int_equal(tickfile_commit(file), 0);
        stage(file, trades_of_second(noon(), 11, 5));
        stage(file, trades_of_second(noon() + 1, 16, 5));
        const struct tick_triple *pending = tickfile_pending(file, &count);
        memcpy(kept, pending, count * sizeof(kept[0]));
        tickfile_close(file);
        for (int turn = 0; turn < 2; turn++) {
                assert_int_equal(
                    tickfile_redo(root, "BTCUSDT", TICK_TRADE, 2024, kept, count, no_damage, NULL, why), 0);
                assert_int_equal(rows_seen(noon()), 15);
                assert_int_equal(rows_seen(noon() + 1), 5);
        }
}

// ---- damage ----

struct damages {
        int count;
        int64_t second;
        char what[REASON_SIZE];
};

static void note_damage(void *context, const struct tickfile *file, int64_t second, const char *what)
{
        struct damages *damages = context;

        (void)file;
        damages->count++;
        damages->second = second;
        snprintf(damages->what, sizeof(damages->what), "%s", what);
}

static void redoing_invents_nothing(void **state)
{
        struct tickfile *file = open_trades();
        const struct {
                struct tick_triple triple;
                const char *what;
        } bad[] = {
            {{noon(), INDEX_END, 1 << 20}, "outside the file"},
            {{noon(), INDEX_END + 1, 10}, "the block"},
            {{noon(), 37024, 100}, "outside the file"},
            {{noon(), INDEX_END, 0}, "outside the file"},
            {{noon(), INDEX_END, -1}, "outside the file"},
            {{noon(), INDEX_END, INT64_C(1) << 40}, "outside the file"},
            {{noon(), INT64_MAX - 5, 10}, "outside the file"},
            {{at("2025-01-01") / US_PER_S, INDEX_END, 0}, "does not lie in the file's year"},
            {{at("2023-12-31T23:59:59") / US_PER_S, INDEX_END, 0}, "does not lie in the file's year"},
        };

        (void)state;
        stage(file, trades_of_second(noon(), 1, 10));
        assert_int_equal(tickfile_commit(file), 0);
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                struct damages damages = {0};

                assert_int_equal(
                    tickfile_redo(root, "BTCUSDT", TICK_TRADE, 2024, &bad[i].triple, 1, note_damage, &damages, why), 0);
                assert_int_equal(damages.count, 1);
                if (strstr(damages.what, bad[i].what) == NULL)
                        fail_msg("%zu: \"%s\" does not say \"%s\"", i, damages.what, bad[i].what);
                assert_int_equal(rows_of(file, noon()), 10);
        }
        tickfile_close(file);
        assert_int_equal(tickfile_redo(root, "BTCUSDT", TICK_TRADE, 2023, &bad[0].triple, 1, no_damage, NULL, why), -1);
        assert_int_equal(errno, ENOENT);
}

// Overwrites the block of a second with zeros.
static void damage_block(struct tickfile *file, int64_t second)
{
        static const char zeros[16];
        struct tick_triple triple;

        assert_int_equal(tick_index_find(tickfile_index(file), second, &triple), 1);
        assert_int_equal(pwrite(tickfile_fd(file), zeros, sizeof(zeros), triple.offset), sizeof(zeros));
}

static void a_damaged_block_is_told_and_replaced_by_what_comes(void **state)
{
        struct tickfile *file = open_trades();
        struct tick_rows *rows = trades_of_second(noon(), 100, 3);
        struct tick_block *block = tick_block_new(tickfile_layout(file));
        struct damages damages = {0};

        (void)state;
        stage(file, trades_of_second(noon(), 1, 10));
        stage(file, trades_of_second(noon() + 7, 20, 10));
        assert_int_equal(tickfile_commit(file), 0);
        damage_block(file, noon());
        assert_int_equal(read_second(file, noon(), block), -1);
        assert_int_equal(errno, EBADMSG);
        assert_non_null(strstr(why, "BTCUSDT/1Sec/TRADE/2024.bin: 2024-03-01T12:00:00Z: the block"));
        assert_int_equal(tickfile_stage(file, rows, note_damage, &damages, why), 0);
        assert_int_equal(damages.count, 1);
        assert_int_equal(damages.second, noon());
        assert_int_equal(tickfile_commit(file), 0);
        assert_int_equal(rows_seen(noon()), 3);
        tick_rows_free(rows);
        tick_block_free(block);
        tickfile_close(file);
}

// ---- years, columns ----

static void rows_of_other_years_are_passed_over(void **state)
{
        struct tick_rows *rows = tick_rows_new(TICK_TRADE, 0);

        (void)state;
        add_trade(rows, 1, at("2023-12-31T23:59:59.999999"));
        add_trade(rows, 2, at("2024-01-01"));
        add_trade(rows, 3, at("2024-12-31T23:59:59.999999"));
        add_trade(rows, 4, at("2025-01-01"));
        struct tickfile *file = open_trades();
        assert_int_equal(tickfile_stage(file, rows, no_damage, NULL, why), 0);
        assert_int_equal(pending_count(file), 2);
        assert_int_equal(rows_of(file, at("2024-01-01") / US_PER_S), 1);
        assert_int_equal(rows_of(file, at("2024-12-31T23:59:59") / US_PER_S), 1);
        assert_int_equal(rows_of(file, at("2025-01-01") / US_PER_S), 0);
        assert_int_equal(tickfile_commit(file), 0);
        tickfile_close(file);
        tick_rows_free(rows);
}

static void a_book_of_another_depth_is_refused_and_its_depth_is_told(void **state)
{
        struct tickfile *file = tickfile_open_write(root, "BTCUSDT", TICK_DEPTH, 10, 2024, why);
        unsigned levels = 0;

        (void)state;
        assert_non_null(file);
        tickfile_close(file);
        assert_null(tickfile_open_write(root, "BTCUSDT", TICK_DEPTH, 20, 2024, why));
        assert_int_equal(errno, EINVAL);
        assert_null(tickfile_open_write(root, "BTCUSDT", TICK_DEPTH, 20, 2025, why));
        assert_int_equal(errno, EINVAL);
        assert_non_null(strstr(why, "42 columns"));
        assert_int_equal(tickfile_bucket_levels(root, "BTCUSDT", &levels, why), 0);
        assert_int_equal(levels, 10);
        assert_int_equal(tickfile_bucket_levels(root, "ETHUSDT", &levels, why), -1);
        assert_int_equal(errno, ENOENT);
}

static void bars_are_no_ticks(void **state)
{
        char path[PATH_SIZE];

        (void)state;
        tickfile_close(open_trades());
        snprintf(path, sizeof(path), "%s/BTCUSDT/1Sec/TRADE/2024.bin", root);
        int fd = open(path, O_WRONLY);
        const int64_t minute_ns = INT64_C(60000000000);
        assert_int_equal(pwrite(fd, &minute_ns, sizeof(minute_ns), 272), sizeof(minute_ns));
        close(fd);
        assert_null(tickfile_open_read(root, "BTCUSDT", TICK_TRADE, 2024, why));
        assert_int_equal(errno, EINVAL);
        assert_non_null(strstr(why, "not a second"));
        assert_null(tickfile_open_read(root, "BTCUSDT", TICK_QUOTE, 2024, why));
        assert_int_equal(errno, ENOENT);
}

// Renames a group's directory: a file of the other type where none is expected.
static void move_group(const char *from, const char *to)
{
        char old[PATH_SIZE], new[PATH_SIZE];

        snprintf(old, sizeof(old), "%s/BTCUSDT/1Sec/%s", root, from);
        snprintf(new, sizeof(new), "%s/BTCUSDT/1Sec/%s", root, to);
        assert_int_equal(rename(old, new), 0);
}

static void fixed_and_variable_records_are_not_mistaken(void **state)
{
        struct yearfile_schema schema;
        char path[PATH_SIZE];

        (void)state;
        yearfile_bar_schema(INTERVAL_1S, true, &schema);
        struct yearfile *bars = yearfile_open_write(root, "BTCUSDT", INTERVAL_1S, &schema, 2024, why);
        assert_non_null(bars);
        yearfile_close(bars);
        move_group("OHLCV", "TRADE");
        assert_null(tickfile_open_read(root, "BTCUSDT", TICK_TRADE, 2024, why));
        assert_int_equal(errno, EINVAL);
        assert_non_null(strstr(why, "TRADE/2024.bin: holds records of fixed length, no ticks"));
        assert_null(tickfile_open_write(root, "BTCUSDT", TICK_TRADE, 0, 2024, why));
        assert_int_equal(errno, EINVAL);

        move_group("TRADE", "WAS_OHLCV");
        tickfile_close(open_trades());
        move_group("TRADE", "OHLCV");
        snprintf(path, sizeof(path), "%s/BTCUSDT/1Sec/OHLCV/2024.bin", root);
        assert_null(yearfile_open_read(path, why));
        assert_int_equal(errno, EINVAL);
        assert_non_null(strstr(why, "OHLCV/2024.bin: holds records of variable length, no bars"));
}

// Half an index that is being written, or damage.
static void a_triple_with_another_slots_index_is_none(void **state)
{
        struct tickfile *file = open_trades();
        const int64_t foreign = 12345;
        off_t offset = 37024 + 24 * (noon() - at("2024-01-01") / US_PER_S);

        (void)state;
        stage(file, trades_of_second(noon(), 1, 10));
        assert_int_equal(tickfile_commit(file), 0);
        assert_int_equal(pwrite(tickfile_fd(file), &foreign, sizeof(foreign), offset), sizeof(foreign));
        assert_int_equal(rows_of(file, noon()), 0);
        tickfile_close(file);
}

static void a_triple_is_repointed_when_its_reader_is_done(void **state)
{
        struct tickfile *file = open_trades(), *reader;
        struct flock lock = {.l_type = F_RDLCK,
            .l_whence = SEEK_SET,
            .l_start = 37024 + 24 * (noon() - at("2024-01-01") / US_PER_S),
            .l_len = 24};

        (void)state;
        stage(file, trades_of_second(noon(), 1, 10));
        assert_int_equal(tickfile_commit(file), 0);
        reader = tickfile_open_read(root, "BTCUSDT", TICK_TRADE, 2024, why);
        assert_non_null(reader);
        assert_int_equal(fcntl(tickfile_fd(reader), F_OFD_SETLK, &lock), 0);
        stage(file, trades_of_second(noon(), 11, 10));
        mono_time begun = mono_now();
        assert_int_equal(tickfile_commit(file), 0);
        assert_true(mono_since_ms(mono_now(), begun) >= YEARFILE_LOCK_WAIT_MS - 1);
        tickfile_close(reader);
        assert_int_equal(rows_seen(noon()), 20);
        tickfile_close(file);
}

// ---- many seconds at once ----

static void runs_with_holes_old_and_new_seconds_are_all_committed(void **state)
{
        struct tickfile *file = open_trades();
        struct tick_rows *rows = tick_rows_new(TICK_TRADE, 0);

        (void)state;
        for (int64_t i = 0; i < 10000; i += 3)
                add_trade(rows, i, (noon() + i) * US_PER_S);
        stage(file, rows);
        assert_int_equal(tickfile_commit(file), 0);
        rows = tick_rows_new(TICK_TRADE, 0);
        for (int64_t i = 9999; i >= 0; i--) {
                if (i % 7 != 0)
                        add_trade(rows, 20000 + i, (noon() + i) * US_PER_S + 1);
        }
        stage(file, rows);
        assert_int_equal(tickfile_commit(file), 0);
        for (int64_t i = 0; i < 10000; i++) {
                size_t wanted = (size_t)(i % 3 == 0) + (i % 7 != 0);

                if (rows_of(file, noon() + i) != wanted)
                        fail_msg("second %lld has not %zu rows", (long long)i, wanted);
        }
        tickfile_close(file);
}

// ---- beside a reader ----

#define GROWTHS 300

static void *grow_two_seconds(void *nothing)
{
        struct tickfile *file = open_trades();

        (void)nothing;
        for (int64_t id = 1; id <= GROWTHS; id++) {
                struct tick_rows *rows = tick_rows_new(TICK_TRADE, 0);

                add_trade(rows, id, noon() * US_PER_S + id);
                add_trade(rows, id, (noon() + 170) * US_PER_S + id);
                stage(file, rows);
                assert_int_equal(tickfile_commit(file), 0);
        }
        tickfile_close(file);
        return NULL;
}

// A triple is never seen half, and what was seen once is seen again.
static void a_reader_sees_every_second_grow(void **state)
{
        pthread_t writer;
        size_t before[2] = {0, 0};

        (void)state;
        tickfile_close(open_trades());
        assert_int_equal(pthread_create(&writer, NULL, grow_two_seconds, NULL), 0);
        struct tickfile *file = tickfile_open_read(root, "BTCUSDT", TICK_TRADE, 2024, why);
        assert_non_null(file);
        while (before[0] < GROWTHS || before[1] < GROWTHS) {
                for (int i = 0; i < 2; i++) {
                        size_t count = rows_of(file, noon() + 170 * i);

                        assert_true(count >= before[i]);
                        before[i] = count;
                }
        }
        assert_int_equal(pthread_join(writer, NULL), 0);
        tickfile_close(file);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            IN_ROOT(a_new_file_has_a_stock_header_and_a_sparse_index),
            IN_ROOT(rows_are_seen_by_others_once_committed),
            IN_ROOT(the_index_is_written_as_a_stock_server_reads_it),
            IN_ROOT(late_rows_join_what_is_there),
            IN_ROOT(rows_that_are_there_already_write_nothing),
            IN_ROOT(a_second_staged_twice_is_pending_once_with_all_rows),
            IN_ROOT(seconds_may_come_in_any_order),
            IN_ROOT(a_crash_before_the_commit_leaves_the_old_block),
            IN_ROOT(a_crash_after_the_ledgers_commit_is_redone),
            IN_ROOT(redoing_invents_nothing),
            IN_ROOT(a_damaged_block_is_told_and_replaced_by_what_comes),
            IN_ROOT(rows_of_other_years_are_passed_over),
            IN_ROOT(a_book_of_another_depth_is_refused_and_its_depth_is_told),
            IN_ROOT(bars_are_no_ticks),
            IN_ROOT(fixed_and_variable_records_are_not_mistaken),
            IN_ROOT(a_triple_with_another_slots_index_is_none),
            IN_ROOT(a_triple_is_repointed_when_its_reader_is_done),
            IN_ROOT(a_reader_sees_every_second_grow),
            IN_ROOT(runs_with_holes_old_and_new_seconds_are_all_committed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
