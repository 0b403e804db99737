// SPDX-License-Identifier: Apache-2.0
// Readers beside the writer, with and without locks.
#include "tests/unit/yearfile_rig.h"

#include "common/yearlock.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

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
        // On a busy machine until the readers, too, had their turn.
        for (int round = 0; (round < RACE_ROUNDS && mono_since_ms(mono_now(), begun) < 3000) ||
                            (atomic_load(&rows_seen) <= RACE_BARS && mono_since_ms(mono_now(), begun) < 120000);
             round++) {
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
        assert_in_range(mono_since_ms(mono_now(), begun), YEARFILE_LOCK_WAIT_MS, 600 * YEARFILE_LOCK_WAIT_MS);
        // Other rows, new ones and readers are not held up; on a busy machine the quickest shows it.
        int64_t quickest_ms = INT64_MAX;
        for (int day = 1; day < 30; day++) {
                begun = mono_now();
                write_one(file, at("2024-01-01") + day * US_PER_DAY, 2, YEARFILE_NEW);
                assert_int_equal(yearfile_read_bars(file, INT64_MIN, INT64_MAX, 1, false, &open_us, &values), 1);
                assert_true(values.open == 2);
                int64_t ms = mono_since_ms(mono_now(), begun);
                quickest_ms = ms < quickest_ms ? ms : quickest_ms;
        }
        assert_true(quickest_ms < YEARFILE_LOCK_WAIT_MS);
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
        const struct CMUnitTest tests[] = {
            IN_ROOT(readers_never_see_half_a_rewritten_row),
            IN_ROOT(a_new_row_shows_only_whole_to_readers_without_locks),
            IN_ROOT(a_stopped_reader_delays_a_rewrite_by_a_tenth_of_a_second_at_most),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
