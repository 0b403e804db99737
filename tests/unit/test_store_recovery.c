// SPDX-License-Identifier: Apache-2.0
// The store over restarts, with trees and ledgers that others or accidents have left, and on a full disk.
// LINK: workers/writer/derive.c workers/writer/derivekeep.c workers/writer/derivemake.c workers/writer/derivetick.c
// LINK: workers/writer/derivechain.c workers/writer/derivedamage.c workers/writer/deriverows.c
// LINK: workers/writer/barfiles.c workers/writer/barserver.c workers/writer/sink.c
// LINK: workers/writer/sinkparcel.c workers/writer/sinkrule.c
// LINK: -lcurl -lmsgpackc
// LINK: workers/writer/adopt.c workers/writer/apply.c workers/writer/bucketset.c workers/writer/bulk.c
// LINK: workers/writer/catalogue.c workers/writer/coverage.c workers/writer/finish.c workers/writer/gaps.c
// LINK: workers/writer/leases.c workers/writer/ledger.c workers/writer/ledgercommit.c workers/writer/ledgerload.c
// LINK: workers/writer/live.c workers/writer/openfiles.c workers/writer/plan.c workers/writer/planner.c
// LINK: workers/writer/rootlock.c workers/writer/settle.c workers/writer/store.c workers/writer/sync.c
// LINK: workers/writer/troubles.c workers/writer/verdict.c workers/writer/wanted.c workers/writer/sql.c
// LINK: workers/writer/serverstore.c workers/writer/sinkmatch.c workers/writer/ticksink.c workers/writer/tickserver.c
// LINK: workers/writer/tickserverlook.c workers/writer/tickserverdoubles.c
// LINK: workers/writer/sinkread.c workers/writer/sinkwrite.c workers/writer/tickwire.c
// LINK: workers/writer/tickadopt.c
// LINK: workers/writer/idset.c workers/writer/tickbulk.c workers/writer/tickdamage.c workers/writer/tickfiles.c
// LINK: workers/writer/tickledger.c workers/writer/ticklive.c workers/writer/tickplan.c workers/writer/tickset.c
#include "tests/unit/store_rig.h"

#include "workers/writer/rootlock.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/wait.h>

static void a_lagging_cursor_replays_to_the_same_store(void **state)
{
        struct rig *rig = rig_new();

        (void)state;
        rig_open(rig);
        assert_int_equal(store_cursor(rig->store), 0);
        rig_live(rig, RIG_MIN(1400), 3, 0);
        assert_int_equal(store_cursor(rig->store), 0); // not before the sync
        assert_int_equal(store_sync(rig->store), 0);
        assert_int_equal(store_cursor(rig->store), 1);
        rig_live(rig, RIG_MIN(1403), 2, 0);
        rig_close(rig); // as a kill would: no sync

        rig_open(rig);
        assert_int_equal(store_cursor(rig->store), 1);
        assert_int_equal(rig_bucket(rig).rows, 3);
        uint64_t stored = atomic_load(&rig->governor->rows_stored);
        rig->row = 1;
        rig_live(rig, RIG_MIN(1403), 2, 0);
        assert_int_equal(atomic_load(&rig->governor->rows_stored), stored); // they were there
        assert_int_equal(store_sync(rig->store), 0);
        assert_int_equal(rig_bucket(rig).rows, 5);
        assert_int_equal(rig_rows(rig, INT64_MIN, INT64_MAX).rows, 5);
        rig_free(rig);
}

static void a_second_start_fetches_nothing_that_is_covered(void **state)
{
        struct rig *rig = rig_new();

        (void)state;
        rig_open(rig);
        rig_introduce(rig, RIG_T0);
        assert_true(rig_next(rig));
        assert_int_equal(rig_answer_but(rig, 0, RIG_MIN(100), RIG_MIN(110)), 1);
        assert_int_equal(store_sync(rig->store), 0);
        rig_close(rig);
        rig->now_us = RIG_MIN(1500);
        rig_open(rig);
        rig_introduce_catalogue(rig);
        assert_true(rig_next(rig)); // only the hole between
        assert_int_equal(rig->job.kind, JOB_KLINES);
        assert_int_equal(rig->job.start_us, RIG_MIN(1439));
        assert_int_equal(rig->job.end_us, RIG_MIN(1499));
        assert_int_equal(rig_answer(rig, 0), 1);
        assert_false(rig_next(rig));
        assert_int_equal(store_sync(rig->store), 0);
        assert_int_equal(rig_bucket(rig).explained[GAP_ABSENT], 10);
        rig_free(rig);
}

static void remove_ledger(const struct rig *rig)
{
        static const char *const suffixes[] = {"", "-wal", "-shm"};
        char path[PATH_SIZE + 32];

        for (size_t i = 0; i < 3; i++) {
                snprintf(path, sizeof(path), "%s/ledger.db%s", rig->setup.settings.state_directory, suffixes[i]);
                (void)unlink(path);
        }
}

static void a_tree_without_a_ledger_is_adopted(void **state)
{
        struct rig *rig = rig_new();

        (void)state;
        rig_open(rig);
        rig_introduce(rig, RIG_MIN(1400));
        assert_true(rig_next(rig));
        assert_int_equal(rig_answer_but(rig, 0, RIG_MIN(1410), RIG_MIN(1415)), 1);
        assert_int_equal(store_sync(rig->store), 0);
        rig_close(rig);
        remove_ledger(rig);

        rig_open(rig);
        rig_introduce(rig, RIG_MIN(1400));
        assert_true(rig_next(rig)); // what the tree holds is not asked for
        assert_int_equal(rig->job.start_us, RIG_MIN(1410));
        assert_int_equal(rig->job.end_us, RIG_MIN(1415));
        assert_int_equal(rig_answer(rig, 0), 1);
        assert_int_equal(store_sync(rig->store), 0);
        struct ledger_bucket bucket = rig_bucket(rig);
        assert_int_equal(bucket.rows, 39);
        assert_int_equal(bucket.settled, 5); // but confirmed it is not yet
        assert_int_equal(bucket.missing, 0);
        assert_true(rig_next(rig));
        assert_int_equal(rig->job.purpose, JOB_SETTLE);
        rig_free(rig);
}

static void rows_without_an_account_are_not_believed_once_the_bucket_is_ours(void **state)
{
        struct rig *rig = rig_new();

        (void)state;
        rig_open(rig);
        rig_introduce(rig, RIG_MIN(1400));
        assert_true(rig_next(rig));
        rig_begin(rig);
        rig_page(rig, RIG_MIN(1400), RIG_MIN(1439), RIG_MIN(1439), 39);
        struct kline kline = rig_kline(RIG_MIN(1400), 0);
        rig_row(rig, RECORD_KLINE, &kline, sizeof(kline));
        assert_int_equal(rig_chunk(rig), 0);
        rig_close(rig); // a crash in the middle of the first job: after a power loss this row may be torn
        rig_open(rig);
        rig_introduce_catalogue(rig);
        if (rig_next(rig) && rig->job.kind == JOB_LISTING) {
                rig_answer_listing(rig, RIG_MIN(1400));
                assert_true(rig_next(rig));
        }
        assert_int_equal(rig->job.start_us, RIG_MIN(1400));
        assert_int_equal(rig->job.end_us, RIG_MIN(1439));
        rig_free(rig);
}

static void year_files_that_are_gone_are_fetched_again(void **state)
{
        struct rig *rig = rig_new();

        (void)state;
        rig_open(rig);
        rig_introduce(rig, RIG_MIN(1400));
        assert_int_equal(rig_work(rig, 0), 1);
        assert_int_equal(store_sync(rig->store), 0);
        rig_close(rig);
        char path[PATH_SIZE + 64];
        snprintf(path, sizeof(path), "%s/BTCUSDT", rig->setup.settings.root_directory);
        tempdir_remove(path);
        rig_open(rig);
        rig_introduce_catalogue(rig);
        assert_int_equal(rig_work(rig, 0), 1);
        assert_int_equal(rig_rows(rig, INT64_MIN, INT64_MAX).rows, 39);
        rig_free(rig);
}

static void foreign_files_refuse_their_bucket_and_no_other(void **state)
{
        struct rig *rig = rig_new();
        char path[PATH_SIZE + 64], text[REASON_SIZE];

        (void)state;
        assert_int_equal(symbol_list_add(&rig->setup.symbols, "ETHUSDT"), 0);
        rig_open(rig);
        rig_close(rig);
        snprintf(path, sizeof(path), "%s/ETHUSDT/1Min/OHLCV", rig->setup.settings.root_directory);
        for (char *slash = path + strlen(rig->setup.settings.root_directory) + 1; (slash = strchr(slash, '/')) != NULL;
             slash++) {
                *slash = '\0';
                assert_int_equal(mkdir(path, 0755), 0);
                *slash = '/';
        }
        assert_int_equal(mkdir(path, 0755), 0);
        strcat(path, "/2024.bin");
        int fd = open(path, O_WRONLY | O_CREAT, 0644);
        assert_int_equal(write(fd, "not a year file", 15), 15);
        close(fd);

        rig_open(rig);
        rig_introduce_catalogue(rig);
        for (int i = 0; rig_next(rig); i++) {
                assert_true(i < 10);
                assert_string_equal(rig->job.symbol, "BTCUSDT");
                if (rig->job.kind == JOB_LISTING)
                        rig_answer_listing(rig, RIG_MIN(1400));
                else
                        assert_int_equal(rig_answer(rig, 0), 1);
        }
        assert_int_equal(store_sync(rig->store), 0);
        assert_int_equal(rig_bucket(rig).missing, 0);
        assert_true(store_is_exhausted(rig->store, rig->now_us, text));
        assert_non_null(strstr(text, "ETHUSDT"));
        // A live bar of it is passed over; nothing of the file is overwritten.
        struct stream_id stream = rig_stream("ETHUSDT", INTERVAL_1M);
        struct kline kline = rig_kline(RIG_MIN(1439), 0);
        assert_int_equal(rig_append(rig, RECORD_KLINE, &stream, &kline, sizeof(kline)), 0);
        assert_int_equal(rig_try_live(rig), 0);
        struct stat status;
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_size, 15);
        rig_free(rig);
}

static void a_foreign_year_file_met_in_a_job_proves_nothing_absent(void **state)
{
        struct rig *rig = rig_new();
        char path[PATH_SIZE + 64];

        (void)state;
        rig->setup.settings.backfill_start_us = RIG_MIN(-20);
        rig_open(rig);
        rig_introduce(rig, RIG_MIN(-20));
        rig_live(rig, RIG_MIN(1439), 1, 0);
        assert_int_equal(store_sync(rig->store), 0);
        snprintf(path, sizeof(path), "%s/BTCUSDT/1Min/OHLCV/2023.bin", rig->setup.settings.root_directory);
        close(open(path, O_WRONLY | O_CREAT, 0644));
        assert_true(rig_next(rig));
        assert_int_equal(rig->job.start_us, RIG_MIN(-20));
        assert_int_equal(rig_answer(rig, 0), -1);
        assert_int_equal(errno, EBADMSG);
        assert_non_null(strstr(rig->why, "2023.bin"));
        assert_int_equal(store_sync(rig->store), 0);
        struct ledger_bucket bucket = rig_bucket(rig);
        assert_int_equal(bucket.explained[GAP_ABSENT], 0);
        assert_int_equal(bucket.rows, 1);
        assert_non_null(strstr(bucket.why, "2023.bin"));
        // Mended, and told to look again.
        assert_int_equal(unlink(path), 0);
        store_reconfigure(rig->store, &rig->setup);
        for (int tenths = 0; !rig_next(rig); tenths++) {
                assert_true(tenths < 30);
                usleep(100000);
        }
        assert_int_equal(rig_answer(rig, 0), 1);
        assert_int_equal(store_sync(rig->store), 0);
        assert_int_equal(rig_bucket(rig).missing, 0);
        rig_free(rig);
}

static void a_ledger_of_other_endpoints_is_refused(void **state)
{
        struct rig *rig = rig_new();

        (void)state;
        rig_open(rig);
        assert_int_equal(store_sync(rig->store), 0);
        rig_close(rig);
        snprintf(rig->setup.settings.rest_url, URL_SIZE, "https://api.binance.com");
        assert_null(rig_try_open(rig));
        assert_int_equal(rig->exit_code, EXIT_BAD_CONFIG);
        assert_non_null(strstr(rig->why, "data_directory"));
        rig_free(rig);
}

static void damage_ledger(const struct rig *rig, off_t at, size_t bytes)
{
        char path[PATH_SIZE + 32];
        unsigned char rubbish[4096];

        memset(rubbish, 0xa5, sizeof(rubbish));
        snprintf(path, sizeof(path), "%s/ledger.db", rig->setup.settings.state_directory);
        int fd = open(path, O_WRONLY);
        assert_true(fd >= 0);
        assert_int_equal(pwrite(fd, rubbish, bytes, at), bytes);
        close(fd);
}

static void a_damaged_ledger_is_refused_by_name(void **state)
{
        (void)state;
        for (int page = 0; page < 4; page++) {
                struct rig *rig = rig_new();

                rig_open(rig);
                rig_live(rig, RIG_MIN(1400), 3, 0);
                assert_int_equal(store_sync(rig->store), 0);
                rig_close(rig);
                rig_open(rig); // checkpoints
                rig_close(rig);
                damage_ledger(rig, (off_t)page * 4096, 4096);
                assert_null(rig_try_open(rig));
                assert_int_equal(rig->exit_code, EXIT_TRY_LATER);
                assert_non_null(strstr(rig->why, "ledger.db"));
                assert_non_null(strstr(rig->why, "away"));
                rig_free(rig);
        }
}

static void a_ledger_with_rows_we_never_write_is_refused(void **state)
{
        struct rig *rig = rig_new();
        char path[PATH_SIZE + 32];
        sqlite3 *db;

        (void)state;
        rig_open(rig);
        rig_live(rig, RIG_MIN(1400), 3, 0);
        assert_int_equal(store_sync(rig->store), 0);
        rig_close(rig);
        snprintf(path, sizeof(path), "%s/ledger.db", rig->setup.settings.state_directory);
        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, "UPDATE coverage SET start_us = start_us + 1", NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(db);
        assert_null(rig_try_open(rig));
        assert_non_null(strstr(rig->why, "coverage"));
        rig_free(rig);
}

static void a_batch_kept_aside_is_tried_again_after_a_day(void **state)
{
        struct rig *rig = rig_new();
        struct stream_id stream = rig_stream("BTCUSDT", INTERVAL_1M);
        struct kline kline = rig_kline(RIG_MIN(1400), 0);
        char path[PATH_SIZE + 32];
        size_t length;
        sqlite3 *db;

        (void)state;
        rig_open(rig);
        assert_int_equal(rig_append(rig, RECORD_KLINE, &stream, &kline, sizeof(kline)), 0);
        const void *bytes = batch_seal(rig->builder, 1, &length);
        assert_int_equal(store_quarantine(rig->store, bytes, length, 5, "test"), 0);
        assert_int_equal(store_sync(rig->store), 0);
        assert_int_equal(store_cursor(rig->store), 5);
        assert_int_equal(rig_rows(rig, INT64_MIN, INT64_MAX).rows, 0);
        rig_close(rig);
        snprintf(path, sizeof(path), "%s/ledger.db", rig->setup.settings.state_directory);
        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db, "UPDATE quarantine SET tried_wall_ns = 1", NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(db);
        rig_open(rig);
        assert_int_equal(store_sync(rig->store), 0);
        assert_int_equal(rig_rows(rig, INT64_MIN, INT64_MAX).rows, 1);
        assert_int_equal(store_sync(rig->store), 0);
        assert_int_equal(store_cursor(rig->store), 5);
        rig_free(rig);
}

static void one_writer_at_a_time(void **state)
{
        struct rig *rig = rig_new();
        char why[REASON_SIZE];

        (void)state;
        rig_open(rig);
        assert_int_equal(rootlock_take(rig->setup.settings.root_directory, 100, why), -1);
        assert_int_equal(errno, EWOULDBLOCK);
        rig_close(rig);
        int fd = rootlock_take(rig->setup.settings.root_directory, 0, why);
        assert_true(fd >= 0);
        close(fd);
        rig_free(rig);
}

static void a_marketstore_server_is_recognised_by_its_wal_file(void **state)
{
        struct rig *rig = rig_new();
        char path[PATH_SIZE + 64], why[REASON_SIZE];
        int ready[2];

        (void)state;
        rig_open(rig);
        snprintf(path, sizeof(path), "%s/WALFile.1700000000.walfile", rig->setup.settings.root_directory);
        close(open(path, O_WRONLY | O_CREAT, 0600));
        assert_false(rootlock_server_is_at_work(rig->setup.settings.root_directory, 0, why)); // left by a dead one
        assert_int_equal(pipe(ready), 0);
        pid_t child = fork();
        if (child == 0) {
                int fd = open(path, O_WRONLY);

                (void)!write(ready[1], "x", 1);
                pause();
                _exit(fd);
        }
        char byte;
        assert_int_equal(read(ready[0], &byte, 1), 1);
        bool found = rootlock_server_is_at_work(rig->setup.settings.root_directory, 0, why);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        assert_true(found);
        assert_non_null(strstr(why, "store.type: server"));
        close(ready[0]);
        close(ready[1]);
        rig_free(rig);
}

static void a_full_disk_loses_nothing(void **state)
{
        struct rig *rig = rig_new();
        struct stream_id stream = rig_stream("BTCUSDT", INTERVAL_1M);
        char path[PATH_SIZE + 64];

        (void)state;
        snprintf(path, sizeof(path), "%.400s/data", rig->directory);
        assert_int_equal(mkdir(path, 0755), 0);
        if (mount("tmpfs", path, "tmpfs", 0, "size=256k") != 0) {
                rig_free(rig);
                skip();
        }
        rig_open(rig);
        rig_introduce(rig, RIG_T0);
        snprintf(path, sizeof(path), "%s/ballast", rig->setup.settings.root_directory);
        int fd = open(path, O_WRONLY | O_CREAT, 0600), error = 0;
        char block[4096] = "x";
        assert_true(rig_next(rig)); // the bucket is looked at before the disk fills
        for (int pages = 0; pages < 30; pages++)
                assert_int_equal(write(fd, block, sizeof(block)), sizeof(block));
        // One job of 1,439 bars needs 115 KB beside header and ballast: it does not fit.
        rig_begin(rig);
        rig_page(rig, RIG_T0, RIG_MIN(1000), RIG_MIN(1000), 1000);
        struct kline kline;
        int chunk = 0;
        for (int i = 0; i < 1000; i++) {
                kline = rig_kline(RIG_MIN(i), 0);
                if (rig_append(rig, RECORD_KLINE, &stream, &kline, sizeof(kline)) == 0) {
                        rig->rows++;
                        rig->crc = crc32c(rig->crc, &kline, sizeof(kline));
                        continue;
                }
                struct batch_view view = rig_seal(rig);
                while (store_apply_bulk(rig->store, rig->job.lease, &view, rig->why) < 0) {
                        assert_true(errno == ENOSPC);
                        error = errno;
                        assert_int_equal(ftruncate(fd, 0), 0); // there is room again: the same chunk once more
                }
                rig->chunks++;
                chunk++;
                i--;
                for (int pages = 0; chunk == 1 && pages < 18; pages++)
                        (void)!write(fd, block, sizeof(block));
        }
        rig_page(rig, RIG_MIN(1000), RIG_MIN(1439), RIG_MIN(1000), 0);
        rig_append_end(rig);
        struct batch_view view = rig_seal(rig);
        int result;
        while ((result = store_apply_bulk(rig->store, rig->job.lease, &view, rig->why)) < 0) {
                assert_int_equal(errno, ENOSPC);
                error = errno;
                assert_int_equal(ftruncate(fd, 0), 0);
        }
        assert_int_equal(result, 1);
        assert_int_equal(error, ENOSPC); // it did happen
        assert_int_equal(store_sync(rig->store), 0);
        assert_int_equal(rig_bucket(rig).rows, 1000);
        assert_int_equal(rig_rows(rig, INT64_MIN, INT64_MAX).rows, 1000);
        close(fd);
        rig_close(rig);
        snprintf(path, sizeof(path), "%.400s/data", rig->directory);
        assert_int_equal(umount(path), 0);
        rig_free(rig);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(a_lagging_cursor_replays_to_the_same_store),
            cmocka_unit_test(a_second_start_fetches_nothing_that_is_covered),
            cmocka_unit_test(a_tree_without_a_ledger_is_adopted),
            cmocka_unit_test(rows_without_an_account_are_not_believed_once_the_bucket_is_ours),
            cmocka_unit_test(year_files_that_are_gone_are_fetched_again),
            cmocka_unit_test(foreign_files_refuse_their_bucket_and_no_other),
            cmocka_unit_test(a_foreign_year_file_met_in_a_job_proves_nothing_absent),
            cmocka_unit_test(a_ledger_of_other_endpoints_is_refused),
            cmocka_unit_test(a_damaged_ledger_is_refused_by_name),
            cmocka_unit_test(a_ledger_with_rows_we_never_write_is_refused),
            cmocka_unit_test(a_batch_kept_aside_is_tried_again_after_a_day),
            cmocka_unit_test(one_writer_at_a_time),
            cmocka_unit_test(a_marketstore_server_is_recognised_by_its_wal_file),
            cmocka_unit_test(a_full_disk_loses_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
