// SPDX-License-Identifier: Apache-2.0
// The spool on a real disk. A power loss or kill is a copy of its files while it is open.
// LINK: workers/writer/spool.c workers/writer/spoolage.c workers/writer/sql.c
#include "workers/writer/spool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/tempdir.h"

#define BATCH_BYTES 16384

struct rig {
        char directory[64], path[96];
        struct spool *spool;
        struct spool_reader *reader, *other_reader; // the other one may be in the middle of a batch
        uint64_t sequence;
};

static struct spool *open_spool(const char *path)
{
        char why[REASON_SIZE];
        struct spool *spool = spool_open(path, why);

        assert_non_null(spool);
        return spool;
}

static int set_up(void **state)
{
        struct rig *rig = calloc(1, sizeof(*rig));
        char why[REASON_SIZE];

        assert_non_null(rig);
        assert_int_equal(tempdir_make(rig->directory), 0);
        snprintf(rig->path, sizeof(rig->path), "%s/spool.db", rig->directory);
        rig->spool = open_spool(rig->path);
        rig->reader = spool_reader_open(rig->path, why);
        rig->other_reader = spool_reader_open(rig->path, why);
        assert_true(rig->reader != NULL && rig->other_reader != NULL);
        *state = rig;
        return 0;
}

static int tear_down(void **state)
{
        struct rig *rig = *state;

        spool_reader_close(rig->reader);
        spool_reader_close(rig->other_reader);
        spool_close(rig->spool);
        tempdir_remove(rig->directory);
        free(rig);
        return 0;
}

// Commits `count` batches, each in a transaction of its own, that take `trim_to` along. Returns the newest row.
static int64_t commit(struct rig *rig, int count, int64_t trim_to)
{
        static unsigned char bytes[BATCH_BYTES];
        int64_t row = 0;

        for (int i = 0; i < count; i++) {
                struct spool_batch batch = {
                    .bytes = bytes, .length = sizeof(bytes), .slot = 3, .mark = {7, ++rig->sequence}};

                memset(bytes, (int)rig->sequence, sizeof(bytes));
                assert_int_equal(spool_append(rig->spool, &batch, 1, trim_to), 0);
                row = batch.row;
        }
        return row;
}

// As the two threads of the writer do it after a commit.
static void checkpoint_where_wanted(struct rig *rig)
{
        if (!spool_checkpoint_wanted(rig->spool))
                return;
        assert_int_equal(spool_reader_checkpoint(rig->reader), 0);
        assert_int_equal(spool_checkpoint_rest(rig->spool), 0);
}

static uint64_t rows_of(const struct spool *spool)
{
        uint64_t rows, bytes;

        spool_size(spool, &rows, &bytes);
        assert_int_equal(bytes, rows * BATCH_BYTES);
        return rows;
}

static int64_t size_of(const struct rig *rig, const char *suffix)
{
        char path[128];
        struct stat status;

        snprintf(path, sizeof(path), "%s%s", rig->path, suffix);
        assert_int_equal(stat(path, &status), 0);
        return status.st_size;
}

static void copy_file(const struct rig *rig, const char *suffix, const char *to)
{
        char path[128], target[128];

        snprintf(path, sizeof(path), "%s%s", rig->path, suffix);
        snprintf(target, sizeof(target), "%s/%s%s", rig->directory, to, suffix);
        int in = open(path, O_RDONLY), out = open(target, O_WRONLY | O_CREAT | O_EXCL, 0600);
        assert_true(in >= 0 && out >= 0);
        while (sendfile(out, in, NULL, 1024 * 1024) > 0)
                ;
        close(in);
        close(out);
}

// What a successor finds after a power loss at this moment: data base and WAL, no -shm.
static struct spool *after_power_loss(const struct rig *rig)
{
        char path[96];

        copy_file(rig, "", "lost.db");
        copy_file(rig, "-wal", "lost.db");
        snprintf(path, sizeof(path), "%s/lost.db", rig->directory);
        return open_spool(path);
}

static void what_was_committed_survives_power_loss(void **state)
{
        struct rig *rig = *state;
        static struct mark marks[SLOTS_MAX];

        int64_t newest = commit(rig, 20, 0);
        struct spool *successor = after_power_loss(rig);
        assert_int_equal(rows_of(successor), 20);
        assert_int_equal(spool_newest_row(successor), newest);
        assert_int_equal(spool_load_marks(successor, marks), 0);
        assert_int_equal(marks[3].incarnation, 7);
        assert_int_equal(marks[3].sequence, 20);
        spool_close(successor);
}

static void room_in_the_wal_is_no_data(void **state)
{
        struct rig *rig = *state;

        assert_int_equal(spool_reader_checkpoint(rig->reader), 0);
        struct spool *successor = after_power_loss(rig);
        assert_int_equal(rows_of(successor), 0);
        spool_close(successor);
}

static void a_wal_that_began_anew_survives_power_loss_without_its_old_frames(void **state)
{
        struct rig *rig = *state;
        int64_t newest = 0;

        for (int i = 0; i < 1000; i++) {
                newest = commit(rig, 1, newest);
                checkpoint_where_wanted(rig);
        }
        struct spool *successor = after_power_loss(rig);
        assert_int_equal(rows_of(successor), rows_of(rig->spool));
        assert_int_equal(spool_newest_row(successor), newest);
        spool_close(successor);
}

static void commits_overwrite_the_wal_and_never_make_it_grow(void **state)
{
        struct rig *rig = *state;
        int64_t newest = 0, before = size_of(rig, "-wal");

        assert_true(before >= SPOOL_WAL_BYTES_KEPT);
        for (int i = 0; i < 4 * SPOOL_WAL_BYTES_KEPT / BATCH_BYTES; i++) {
                newest = commit(rig, 1, newest);
                checkpoint_where_wanted(rig);
        }
        assert_int_equal(size_of(rig, "-wal"), before);
}

static int commit_meanwhile(void *context, int64_t row, const void *bytes, size_t length)
{
        struct rig *rig = context;

        (void)row;
        (void)bytes;
        (void)length;
        for (int i = 0; i < 2 * SPOOL_WAL_BYTES_KEPT / BATCH_BYTES; i++) {
                commit(rig, 1, 0);
                checkpoint_where_wanted(rig);
        }
        return 1;
}

static void a_wal_that_a_reader_made_grow_begins_anew_when_it_is_gone(void **state)
{
        struct rig *rig = *state;

        commit(rig, 1, 0);
        assert_int_equal(spool_reader_each(rig->other_reader, 0, 1, commit_meanwhile, rig), 1);
        int64_t grown = size_of(rig, "-wal");
        assert_true(grown > SPOOL_WAL_BYTES_KEPT);
        for (int64_t i = 0; i < 4 * grown / BATCH_BYTES; i++) {
                commit(rig, 1, INT64_MAX);
                checkpoint_where_wanted(rig);
        }
        assert_true(size_of(rig, "-wal") < grown + 2 * SPOOL_CHECKPOINT_BYTES);
}

static int commit_much_and_checkpoint(void *context, int64_t row, const void *bytes, size_t length)
{
        struct rig *rig = context;

        (void)row;
        (void)bytes;
        (void)length;
        commit(rig, 2 * SPOOL_WAL_BYTES_KEPT / BATCH_BYTES, 0);
        assert_int_equal(spool_reader_checkpoint(rig->reader), 0); // not what is newer than this reader
        return 1;
}

static void the_rest_of_a_checkpoint_that_was_left_behind_lets_the_wal_begin_anew(void **state)
{
        struct rig *rig = *state;

        commit(rig, 1, 0);
        assert_int_equal(spool_reader_each(rig->other_reader, 0, 1, commit_much_and_checkpoint, rig), 1);
        int64_t grown = size_of(rig, "-wal");
        assert_int_equal(spool_checkpoint_rest(rig->spool), 0);
        commit(rig, SPOOL_WAL_BYTES_KEPT / BATCH_BYTES, 0);
        assert_int_equal(size_of(rig, "-wal"), grown);
}

static void an_outgrown_wal_is_truncated_and_has_its_room_again(void **state)
{
        struct rig *rig = *state;

        while (!spool_truncation_is_due(rig->spool))
                commit(rig, 1, 0);
        assert_true(size_of(rig, "-wal") > SPOOL_WAL_BYTES_MAX);
        uint64_t rows = rows_of(rig->spool);
        assert_int_equal(spool_truncate_wal(rig->spool), 0);
        assert_false(spool_truncation_is_due(rig->spool));
        assert_int_equal(size_of(rig, "-wal"), SPOOL_WAL_BYTES_KEPT);
        struct spool *successor = after_power_loss(rig);
        assert_int_equal(rows_of(successor), rows);
        spool_close(successor);
}

static void much_that_is_applied_is_deleted_little_by_little(void **state)
{
        struct rig *rig = *state;
        int64_t newest = commit(rig, 500, 0);

        assert_true(spool_trim_is_due(rig->spool, newest));
        assert_int_equal(spool_append(rig->spool, NULL, 0, newest), 0);
        assert_in_range(rows_of(rig->spool), 500 - SPOOL_TRIM_BYTES / BATCH_BYTES, 499);
        uint64_t left = rows_of(rig->spool);
        commit(rig, 1, newest); // takes more along than it brings
        assert_true(rows_of(rig->spool) < left);
        for (int i = 0; i < 500 && spool_trim_is_due(rig->spool, newest); i++)
                assert_int_equal(spool_append(rig->spool, NULL, 0, newest), 0);
        assert_false(spool_trim_is_due(rig->spool, newest));
        assert_int_equal(rows_of(rig->spool), 1);
        struct spool *successor = after_power_loss(rig);
        assert_int_equal(rows_of(successor), 1);
        spool_close(successor);
}

static void where_nothing_is_left_nothing_is_due(void **state)
{
        struct rig *rig = *state;
        int64_t ahead = commit(rig, 3, 0) + 1000; // a cursor that outlived its spool

        assert_true(spool_trim_is_due(rig->spool, ahead));
        assert_int_equal(spool_append(rig->spool, NULL, 0, ahead), 0);
        assert_int_equal(rows_of(rig->spool), 0);
        assert_false(spool_trim_is_due(rig->spool, ahead));
}

static void a_damaged_one_is_refused_with_its_cure(void **state)
{
        struct rig *rig = *state;
        char path[128], why[REASON_SIZE] = "";

        snprintf(path, sizeof(path), "%s/damaged.db", rig->directory);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        for (int i = 0; i < 1000; i++)
                fputs("damaged\n", file);
        assert_int_equal(fclose(file), 0);
        assert_null(spool_open(path, why));
        assert_int_equal(errno, EBADMSG);
        assert_non_null(strstr(why, "move it and its -wal, -shm away"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test_setup_teardown(what_was_committed_survives_power_loss, set_up, tear_down),
            cmocka_unit_test_setup_teardown(room_in_the_wal_is_no_data, set_up, tear_down),
            cmocka_unit_test_setup_teardown(
                a_wal_that_began_anew_survives_power_loss_without_its_old_frames, set_up, tear_down),
            cmocka_unit_test_setup_teardown(commits_overwrite_the_wal_and_never_make_it_grow, set_up, tear_down),
            cmocka_unit_test_setup_teardown(
                a_wal_that_a_reader_made_grow_begins_anew_when_it_is_gone, set_up, tear_down),
            cmocka_unit_test_setup_teardown(
                the_rest_of_a_checkpoint_that_was_left_behind_lets_the_wal_begin_anew, set_up, tear_down),
            cmocka_unit_test_setup_teardown(an_outgrown_wal_is_truncated_and_has_its_room_again, set_up, tear_down),
            cmocka_unit_test_setup_teardown(much_that_is_applied_is_deleted_little_by_little, set_up, tear_down),
            cmocka_unit_test_setup_teardown(where_nothing_is_left_nothing_is_due, set_up, tear_down),
            cmocka_unit_test_setup_teardown(a_damaged_one_is_refused_with_its_cure, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
