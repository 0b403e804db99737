// SPDX-License-Identifier: Apache-2.0
#include "common/ledgerview.h"

#include "common/ledgerticks.h"
#include "common/ledgerview_parts.h"
#include "common/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BUSY_TIMEOUT_MS 5000
#define LIVE_AGE_US (INT64_C(60) * 1000 * 1000) // a streamed bucket's newest minute is the stream's to bring

// ---- opening ----

static int note(struct ledgerview *view, const char *what)
{
        (void)snprintf(view->error, sizeof(view->error), LEDGER_FILE ": %.60s (%.60s)", what, sqlite3_errmsg(view->db));
        errno = EIO;
        return -1;
}

// Without write permission in the directory SQLite cannot make the -shm that a WAL data base needs; after a clean end
// nothing is in the WAL, and the file alone may be read.
static int open_db(struct ledgerview *view, const char *path)
{
        char uri[PATH_SIZE * 3 + 64], wal[PATH_SIZE + 32];
        struct stat status;
        size_t used = (size_t)snprintf(uri, sizeof(uri), "file:");

        if (sqlite3_open_v2(path, &view->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK &&
            sqlite3_busy_timeout(view->db, BUSY_TIMEOUT_MS) == SQLITE_OK &&
            sqlite3_exec(view->db, "SELECT 1 FROM sqlite_schema", NULL, NULL, NULL) == SQLITE_OK)
                return 0;
        (void)snprintf(wal, sizeof(wal), "%s-wal", path);
        int code = sqlite3_errcode(view->db) & 0xff;
        if ((code != SQLITE_CANTOPEN && code != SQLITE_READONLY) || (stat(wal, &status) == 0 && status.st_size > 0))
                return -1;
        sqlite3_close(view->db);
        for (const char *c = path; *c != '\0' && used + 32 < sizeof(uri); c++) {
                bool plain = strchr("%?#", *c) == NULL;

                used += (size_t)snprintf(uri + used, sizeof(uri) - used, plain ? "%c" : "%%%02X", (unsigned char)*c);
        }
        (void)snprintf(uri + used, sizeof(uri) - used, "?immutable=1");
        if (sqlite3_open_v2(uri, &view->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI, NULL) ==
            SQLITE_OK)
                return 0;
        return -1;
}

static int64_t meta_number(struct ledgerview *view, const char *key, int64_t otherwise)
{
        sqlite3_stmt *query = NULL;
        int64_t value = otherwise;

        if (sqlite3_prepare_v2(view->db, "SELECT value FROM meta WHERE key = ?1", -1, &query, NULL) == SQLITE_OK &&
            sqlite3_bind_text(query, 1, key, -1, SQLITE_STATIC) == SQLITE_OK && sqlite3_step(query) == SQLITE_ROW)
                value = sqlite3_column_int64(query, 0);
        sqlite3_finalize(query);
        return value;
}

struct ledgerview *ledgerview_open(const char *state_directory, char why[REASON_SIZE])
{
        char path[PATH_SIZE + 16];
        struct stat status;
        struct ledgerview *view = memory_zeroed(1, sizeof(*view));

        (void)snprintf(path, sizeof(path), "%s/" LEDGER_FILE, state_directory);
        if (stat(path, &status) < 0) {
                int saved = errno;

                (void)snprintf(why, REASON_SIZE, "%.120s: %s", path,
                    saved == ENOENT ? "there is no ledger here yet" : strerror(saved));
                free(view);
                errno = saved;
                return NULL;
        }
        if (open_db(view, path) == 0) {
                int64_t version = meta_number(view, "version", -1);

                view->has_ticks = version >= LEDGER_VERSION_TICKS;
                if (version >= LEDGER_VERSION_OLDEST && version <= LEDGER_VERSION)
                        return view;
                (void)snprintf(why, REASON_SIZE,
                    version < 0 ? "%.100s is no ledger of ours" : "%.100s has version %lld, this program reads %d",
                    path, (long long)version, LEDGER_VERSION);
        } else {
                (void)snprintf(why, REASON_SIZE, "%.100s: %.50s", path, sqlite3_errmsg(view->db));
        }
        ledgerview_close(view);
        errno = EINVAL;
        return NULL;
}

void ledgerview_close(struct ledgerview *view)
{
        if (view == NULL)
                return;
        sqlite3_close(view->db);
        free(view);
}

const char *ledgerview_error(const struct ledgerview *view)
{
        return view->error;
}

// ---- reading ----

int ledgerview_begin(struct ledgerview *view)
{
        view->error[0] = '\0';
        return sqlite3_exec(view->db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK ? 0 : note(view, "cannot be read");
}

void ledgerview_end(struct ledgerview *view)
{
        if (sqlite3_get_autocommit(view->db) == 0)
                (void)sqlite3_exec(view->db, "COMMIT", NULL, NULL, NULL);
}

sqlite3_stmt *ledgerview_prepare(struct ledgerview *view, const char *text)
{
        sqlite3_stmt *query = NULL;

        if (sqlite3_prepare_v2(view->db, text, -1, &query, NULL) != SQLITE_OK)
                (void)note(view, "cannot be read");
        return query;
}

void ledgerview_copy_text(char *to, size_t size, sqlite3_stmt *row, int column)
{
        const unsigned char *text = sqlite3_column_text(row, column);

        (void)snprintf(to, size, "%s", text != NULL ? (const char *)text : "");
}

// Returns 0 when the query has come to its end in order.
int ledgerview_finished(struct ledgerview *view, sqlite3_stmt *query, int code)
{
        int result = code == SQLITE_DONE ? 0 : note(view, "cannot be read to its end");

        sqlite3_finalize(query);
        return result;
}

static int64_t count_rows(struct ledgerview *view, const char *text)
{
        sqlite3_stmt *query = ledgerview_prepare(view, text);
        int64_t count = query != NULL && sqlite3_step(query) == SQLITE_ROW ? sqlite3_column_int64(query, 0) : 0;

        sqlite3_finalize(query);
        return count;
}

int ledgerview_meta(struct ledgerview *view, struct ledger_meta *meta)
{
        *meta = (struct ledger_meta){0};
        if (ledgerview_begin(view) < 0)
                return -1;
        sqlite3_stmt *query = ledgerview_prepare(view, "SELECT key, value FROM meta");
        int code = SQLITE_ERROR;
        while (query != NULL && (code = sqlite3_step(query)) == SQLITE_ROW) {
                const char *key = (const char *)sqlite3_column_text(query, 0);

                if (strcmp(key, "market") == 0)
                        ledgerview_copy_text(meta->market, sizeof(meta->market), query, 1);
                else if (strcmp(key, "endpoint_class") == 0)
                        ledgerview_copy_text(meta->endpoint_class, sizeof(meta->endpoint_class), query, 1);
        }
        int result = query == NULL ? -1 : ledgerview_finished(view, query, code);
        meta->testnet = meta_number(view, "testnet", 0) != 0;
        meta->exchange_us = meta_number(view, "exchange_us", -1);
        meta->committed_wall_ns = meta_number(view, "committed_wall_ns", 0);
        meta->cursor = meta_number(view, "cursor", 0);
        meta->horizon_us = meta_number(view, "horizon_us", INT64_MAX);
        meta->catalogue_generation = (uint64_t)meta_number(view, "catalogue_generation", 0);
        meta->catalogue_us = meta_number(view, "catalogue_us", -1);
        meta->quarantined = count_rows(view, "SELECT count(*) FROM quarantine");
        ledgerview_end(view);
        return result;
}

// ---- sets of a bucket ----

struct account {
        struct ranges wanted, made; // of the exchange; to be made here
        struct ranges covered, explained;
};

static void account_free(struct account *account)
{
        ranges_free(&account->wanted);
        ranges_free(&account->made);
        ranges_free(&account->covered);
        ranges_free(&account->explained);
}

static int tag_none(const char *name)
{
        (void)name;
        return 0;
}

static int read_set(
    struct ledgerview *view, const char *text, int64_t bucket, int (*tag_of)(const char *name), struct ranges *set)
{
        sqlite3_stmt *query = ledgerview_prepare(view, text);
        int code = SQLITE_ERROR;

        if (query == NULL)
                return -1;
        sqlite3_bind_int64(query, 1, bucket);
        while ((code = sqlite3_step(query)) == SQLITE_ROW) {
                const char *name = (const char *)sqlite3_column_text(query, 2);
                int tag = tag_of(name != NULL ? name : "");

                if (tag >= 0 &&
                    ranges_set(set, sqlite3_column_int64(query, 0), sqlite3_column_int64(query, 1), tag) < 0)
                        break;
        }
        return ledgerview_finished(view, query, code);
}

static int read_account(struct ledgerview *view, int64_t bucket, struct account *account)
{
        if (read_set(view, "SELECT start_us, end_us, '' FROM wanted WHERE bucket = ?1", bucket, tag_none,
                &account->wanted) < 0 ||
            (view->has_ticks && read_set(view, "SELECT start_us, end_us, '' FROM derived_wanted WHERE bucket = ?1",
                                    bucket, tag_none, &account->made) < 0) ||
            read_set(view, "SELECT start_us, end_us, source FROM coverage WHERE bucket = ?1", bucket, bar_source_parse,
                &account->covered) < 0)
                return -1;
        return read_set(view, "SELECT start_us, end_us, state FROM gaps WHERE bucket = ?1 AND note = 0", bucket,
            gap_state_parse, &account->explained);
}

// ---- figures of a bucket ----

// The newest minute of what is streamed, or made of what is, is not yet due.
static int64_t horizon_of(struct ledgerview *view, const struct ledger_bucket *bucket, int64_t now_us)
{
        int64_t known_us = now_us >= 0 ? now_us : meta_number(view, "exchange_us", -1);

        if (known_us < 0)
                return INT64_MIN; // nothing has closed yet, as far as we know
        return interval_floor_us(
            bucket->interval, bucket->live || bucket->made_of[0] != '\0' ? known_us - LIVE_AGE_US : known_us);
}

static void count_covered(const struct account *account, struct ledger_bucket *bucket)
{
        const struct ranges *covered = &account->covered;

        bucket->first_us = bucket->last_us = -1;
        for (size_t i = 0; i < covered->count; i++) {
                int64_t bars = interval_count(bucket->interval, covered->items[i].start_us, covered->items[i].end_us);

                bucket->rows += bars;
                if (!bar_source_is_provisional(covered->items[i].tag))
                        bucket->settled += bars;
        }
        if (covered->count > 0) {
                bucket->first_us = covered->items[0].start_us;
                bucket->last_us = interval_step_us(bucket->interval, covered->items[covered->count - 1].end_us, -1);
        }
}

// What is wanted before the horizon, and what of it is missing: a bar made here does not stand for one that is wanted
// of the exchange. Both sets must be empty.
static int account_missing(
    const struct account *account, int64_t horizon_us, struct ranges *wanted, struct ranges *missing)
{
        struct ranges native = {0}, made = {0}, rest = {0};
        int result = -1;

        if (ranges_copy(&native, &account->covered) < 0)
                goto out;
        for (size_t i = 0; i < account->covered.count; i++) {
                const struct range *range = &account->covered.items[i];

                if (range->tag == BAR_DERIVED && ranges_remove(&native, range->start_us, range->end_us) < 0)
                        goto out;
        }
        if (ranges_missing(&account->wanted, horizon_us, &native, &account->explained, missing) < 0 ||
            ranges_copy(&made, &account->made) < 0 || ranges_subtract(&made, &account->wanted) < 0 ||
            ranges_missing(&made, horizon_us, &account->covered, &account->explained, &rest) < 0)
                goto out;
        for (size_t i = 0; i < rest.count; i++) {
                if (ranges_set(missing, rest.items[i].start_us, rest.items[i].end_us, 0) < 0)
                        goto out;
        }
        if (ranges_copy(wanted, &account->wanted) < 0)
                goto out;
        for (size_t i = 0; i < made.count; i++) {
                if (ranges_set(wanted, made.items[i].start_us, made.items[i].end_us, 0) < 0)
                        goto out;
        }
        result = ranges_clip(wanted, INT64_MIN, horizon_us);
out:
        ranges_free(&native);
        ranges_free(&made);
        ranges_free(&rest);
        return result;
}

static int count_wanted(const struct account *account, int64_t horizon_us, struct ledger_bucket *bucket)
{
        struct ranges wanted = {0}, missing = {0}, explained = {0}, stored = {0};
        int result = -1;

        if (account_missing(account, horizon_us, &wanted, &missing) < 0 ||
            ranges_copy(&explained, &account->explained) < 0 || ranges_subtract(&explained, &account->covered) < 0 ||
            ranges_copy(&stored, &account->covered) < 0 || ranges_subtract(&stored, &missing) < 0)
                goto out;
        bucket->wanted = ranges_bars(&wanted, bucket->interval);
        bucket->wanted_stored = ranges_bars_within(&wanted, &stored, bucket->interval);
        bucket->missing = ranges_bars(&missing, bucket->interval);
        for (size_t i = 0; i < explained.count; i++) {
                const struct ranges one = {.items = &explained.items[i], .count = 1};

                bucket->explained[explained.items[i].tag] += ranges_bars_within(&one, &wanted, bucket->interval);
        }
        result = 0;
out:
        ranges_free(&wanted);
        ranges_free(&missing);
        ranges_free(&explained);
        ranges_free(&stored);
        return result;
}

struct listed {
        int64_t id;
        struct ledger_bucket bucket;
};

// A ledger from before there were ticks has no tables of bars made here either.
static sqlite3_stmt *prepare_buckets(struct ledgerview *view, const char *which)
{
        char text[1024];

        (void)snprintf(text, sizeof(text),
            "SELECT id, symbol, interval, directory, followed, live, first_bar_us, live_from_us, corrected, defective,"
            " why, (SELECT count(*) FROM gaps WHERE bucket = buckets.id AND note = 1 AND state <> 'filled'), %s"
            " FROM buckets %s",
            view->has_ticks ? "(SELECT count(*) FROM differences WHERE bucket = buckets.id),"
                              " (SELECT source FROM derived WHERE bucket = buckets.id)"
                            : "0, NULL",
            which);
        return ledgerview_prepare(view, text);
}

static int read_bucket(sqlite3_stmt *row, struct listed *listed)
{
        struct ledger_bucket *bucket = &listed->bucket;
        const char *interval = (const char *)sqlite3_column_text(row, 2);

        *listed = (struct listed){.id = sqlite3_column_int64(row, 0)};
        if (interval == NULL || interval_parse(interval, &bucket->interval) < 0)
                return -1;
        ledgerview_copy_text(bucket->symbol, sizeof(bucket->symbol), row, 1);
        ledgerview_copy_text(bucket->directory, sizeof(bucket->directory), row, 3);
        bucket->followed = sqlite3_column_int(row, 4) != 0;
        bucket->live = sqlite3_column_int(row, 5) != 0;
        bucket->first_bar_us = sqlite3_column_int64(row, 6);
        bucket->live_from_us = sqlite3_column_int64(row, 7);
        bucket->corrected = sqlite3_column_int64(row, 8);
        bucket->defective = sqlite3_column_int64(row, 9);
        ledgerview_copy_text(bucket->why, sizeof(bucket->why), row, 10);
        bucket->gaps_open = sqlite3_column_int64(row, 11);
        bucket->differences = sqlite3_column_int64(row, 12);
        ledgerview_copy_text(bucket->made_of, sizeof(bucket->made_of), row, 13);
        bucket->made_of[strcspn(bucket->made_of, "!")] = '\0'; // checked
        return 0;
}

// The id of a bucket, with its line. Returns 1, 0 where there is none, or -1.
static int find_bucket(struct ledgerview *view, const char *symbol, enum interval interval, struct listed *listed)
{
        sqlite3_stmt *query = prepare_buckets(view, "WHERE symbol = ?1 AND interval = ?2");
        int result = 0;

        if (query == NULL)
                return -1;
        sqlite3_bind_text(query, 1, symbol, -1, SQLITE_STATIC);
        sqlite3_bind_text(query, 2, interval_name(interval), -1, SQLITE_STATIC);
        int code = sqlite3_step(query);
        if (code == SQLITE_ROW)
                result = read_bucket(query, listed) == 0 ? 1 : note(view, "holds an unknown interval");
        else if (code != SQLITE_DONE)
                result = note(view, "cannot be read");
        sqlite3_finalize(query);
        return result;
}

static int fill_bucket(struct ledgerview *view, struct listed *listed, const struct ranges *wanted, int64_t now_us)
{
        struct account account = {0};
        int result = read_account(view, listed->id, &account);

        if (result == 0 && wanted != NULL)
                result = ranges_copy(&account.wanted, wanted);
        if (wanted != NULL)
                ranges_clear(&account.made);
        if (result == 0) {
                count_covered(&account, &listed->bucket);
                result = count_wanted(&account, horizon_of(view, &listed->bucket, now_us), &listed->bucket);
        }
        account_free(&account);
        return result;
}

int ledgerview_bucket_of(
    struct ledgerview *view, const char *symbol, enum interval interval, int64_t now_us, struct ledger_bucket *bucket)
{
        struct listed listed;

        if (ledgerview_begin(view) < 0)
                return -1;
        int result = find_bucket(view, symbol, interval, &listed);
        if (result == 1 && fill_bucket(view, &listed, NULL, now_us) < 0)
                result = -1;
        ledgerview_end(view);
        if (result == 1)
                *bucket = listed.bucket;
        return result;
}

int ledgerview_range_of(struct ledgerview *view, const char *symbol, enum interval interval, int64_t start_us,
    int64_t end_us, int64_t now_us, struct ledger_bucket *bucket)
{
        struct listed listed;
        struct ranges wanted = {0};

        if (ledgerview_begin(view) < 0)
                return -1;
        int result = find_bucket(view, symbol, interval, &listed);
        if (result == 1) {
                int64_t first_us = listed.bucket.first_bar_us;
                int64_t from_us = first_us >= 0 ? interval_floor_us(interval, first_us) : INT64_MAX;

                if (first_us >= 0 && start_us > from_us)
                        from_us = interval_ceil_us(interval, start_us);
                if (end_us != INT64_MAX)
                        end_us = interval_ceil_us(interval, end_us);
                if (ranges_set(&wanted, from_us, end_us, 0) < 0 || fill_bucket(view, &listed, &wanted, now_us) < 0)
                        result = -1;
        }
        ledgerview_end(view);
        ranges_free(&wanted);
        if (result == 1)
                *bucket = listed.bucket;
        return result;
}

static int list_buckets(struct ledgerview *view, struct listed **list, size_t *count)
{
        size_t capacity = (size_t)count_rows(view, "SELECT count(*) FROM buckets");
        sqlite3_stmt *query = prepare_buckets(view, "ORDER BY symbol, interval");
        int code = SQLITE_ERROR;

        *count = 0;
        *list = memory_zeroed(capacity + 1, sizeof(**list));
        if (query == NULL)
                return -1;
        while (*count < capacity && (code = sqlite3_step(query)) == SQLITE_ROW) {
                if (read_bucket(query, &(*list)[*count]) == 0)
                        (*count)++;
        }
        return ledgerview_finished(view, query, *count == capacity ? SQLITE_DONE : code);
}

static int compare_listed(const void *a, const void *b)
{
        const struct ledger_bucket *left = &((const struct listed *)a)->bucket;
        const struct ledger_bucket *right = &((const struct listed *)b)->bucket;
        int order = strcmp(left->symbol, right->symbol);

        return order != 0 ? order : (int)left->interval - (int)right->interval;
}

int ledgerview_each_bucket(struct ledgerview *view, int64_t now_us, ledgerview_bucket *callback, void *context)
{
        struct listed *list = NULL;
        size_t count = 0;

        if (ledgerview_begin(view) < 0)
                return -1;
        int result = list_buckets(view, &list, &count);
        for (size_t i = 0; i < count && result == 0; i++)
                result = fill_bucket(view, &list[i], NULL, now_us);
        ledgerview_end(view);
        qsort(list, count, sizeof(*list), compare_listed);
        for (size_t i = 0; i < count && result == 0; i++)
                result = callback(context, &list[i].bucket);
        free(list);
        return result;
}

struct totalling {
        struct ledger_totals *totals;
        char symbol[SYMBOL_SIZE];
        int64_t tick_symbols;
};

static int add_bucket(void *context, const struct ledger_bucket *bucket)
{
        struct totalling *totalling = context;
        struct ledger_totals *totals = totalling->totals;

        if (!bucket->followed)
                return 0;
        totals->buckets++;
        totals->symbols += strcmp(totalling->symbol, bucket->symbol) != 0;
        (void)snprintf(totalling->symbol, sizeof(totalling->symbol), "%s", bucket->symbol);
        totals->rows += bucket->rows;
        totals->settled += bucket->settled;
        totals->corrected += bucket->corrected;
        totals->defective += bucket->defective;
        totals->wanted += bucket->wanted;
        totals->wanted_stored += bucket->wanted_stored;
        totals->missing += bucket->missing;
        totals->gaps_open += bucket->gaps_open;
        totals->differences += bucket->differences;
        totals->hindered += bucket->why[0] != '\0';
        for (int i = 0; i < GAP_STATES; i++)
                totals->explained[i] += bucket->explained[i];
        if (bucket->first_bar_us == LEDGER_FIRST_BAR_UNKNOWN && bucket->live_from_us < 0 && bucket->made_of[0] == '\0')
                totals->known = false;
        return 0;
}

static int add_tick(void *context, const struct ledger_tick *tick)
{
        struct totalling *totalling = context;
        struct ledger_totals *totals = totalling->totals;

        if (!tick->followed)
                return 0;
        totals->buckets++;
        totalling->tick_symbols += strcmp(totalling->symbol, tick->symbol) != 0;
        (void)snprintf(totalling->symbol, sizeof(totalling->symbol), "%s", tick->symbol);
        totals->rows += tick->rows;
        totals->settled += tick->rows;
        totals->defective += tick->defective;
        totals->wanted += tick->wanted;
        totals->wanted_stored += tick->wanted - tick->missing - tick->absent;
        totals->explained[GAP_ABSENT] += tick->absent;
        totals->missing += tick->missing;
        totals->gaps_open += tick->gaps_open;
        totals->hindered += tick->why[0] != '\0';
        return 0;
}

int ledgerview_totals(struct ledgerview *view, int64_t now_us, struct ledger_totals *totals)
{
        struct totalling totalling = {.totals = totals};

        *totals = (struct ledger_totals){.known = true};
        if (ledgerview_each_bucket(view, now_us, add_bucket, &totalling) < 0)
                return -1;
        totalling.symbol[0] = '\0';
        if (ledgerview_each_tick(view, add_tick, &totalling) < 0)
                return -1;
        if (totalling.tick_symbols > totals->symbols)
                totals->symbols = totalling.tick_symbols;
        return 0;
}

int ledgerview_coverage(struct ledgerview *view, const char *symbol, enum interval interval, struct ranges *covered)
{
        struct listed listed;
        struct account account = {0};

        ranges_clear(covered);
        if (ledgerview_begin(view) < 0)
                return -1;
        int result = find_bucket(view, symbol, interval, &listed);
        if (result == 1 && (read_account(view, listed.id, &account) < 0 || ranges_copy(covered, &account.covered) < 0))
                result = -1;
        ledgerview_end(view);
        account_free(&account);
        return result;
}

int ledgerview_missing(
    struct ledgerview *view, const char *symbol, enum interval interval, int64_t now_us, struct ranges *missing)
{
        struct listed listed;
        struct account account = {0};
        struct ranges wanted = {0};

        ranges_clear(missing);
        if (ledgerview_begin(view) < 0)
                return -1;
        int result = find_bucket(view, symbol, interval, &listed);
        if (result == 1 &&
            (read_account(view, listed.id, &account) < 0 ||
                account_missing(&account, horizon_of(view, &listed.bucket, now_us), &wanted, missing) < 0))
                result = -1;
        ledgerview_end(view);
        account_free(&account);
        ranges_free(&wanted);
        return result;
}

void *ledgerview_list_next(struct ledgerview_list *list, size_t size)
{
        if (list->count == list->capacity) {
                list->capacity = list->capacity > 0 ? list->capacity * 2 : 64;
                list->items = memory_resized(list->items, list->capacity, size);
        }
        return memset(list->items + list->count++ * size, 0, size);
}

// ---- gaps, troubles, catalogue: read first, told afterwards ----

static int read_gap(sqlite3_stmt *row, struct ledger_gap *gap)
{
        ledgerview_copy_text(gap->symbol, sizeof(gap->symbol), row, 0);
        if (interval_parse((const char *)sqlite3_column_text(row, 1), &gap->interval) < 0)
                return -1;
        gap->start_us = sqlite3_column_int64(row, 2);
        gap->end_us = sqlite3_column_int64(row, 3);
        gap->bars = interval_count(gap->interval, gap->start_us, gap->end_us);
        gap->state = gap_state_parse((const char *)sqlite3_column_text(row, 4));
        gap->found_us = sqlite3_column_int64(row, 5);
        ledgerview_copy_text(gap->evidence, sizeof(gap->evidence), row, 6);
        return gap->state < 0 ? -1 : 0;
}

int ledgerview_each_gap(
    struct ledgerview *view, const char *symbol, uint32_t states, ledgerview_gap *callback, void *context)
{
        struct ledgerview_list told = {0};
        int code = SQLITE_ERROR;

        if (ledgerview_begin(view) < 0)
                return -1;
        sqlite3_stmt *query = ledgerview_prepare(view,
            "SELECT symbol, interval, start_us, end_us, state, found_us, evidence FROM gaps JOIN buckets ON id = bucket"
            " WHERE ?1 IS NULL OR symbol = ?1 ORDER BY symbol, interval, start_us");
        if (query != NULL && symbol != NULL)
                sqlite3_bind_text(query, 1, symbol, -1, SQLITE_STATIC);
        while (query != NULL && (code = sqlite3_step(query)) == SQLITE_ROW) {
                struct ledger_gap *gap = ledgerview_list_next(&told, sizeof(*gap));

                if (read_gap(query, gap) < 0 || (states >> gap->state & 1) == 0)
                        told.count--;
        }
        int result = query == NULL ? -1 : ledgerview_finished(view, query, code);
        ledgerview_end(view);
        for (size_t i = 0; i < told.count && result == 0; i++)
                result = callback(context, (const struct ledger_gap *)(const void *)told.items + i);
        free(told.items);
        return result;
}

// False: of a kind of ticks that this program does not know.
static bool read_trouble(sqlite3_stmt *row, bool is_ticks, struct ledger_trouble *trouble)
{
        int64_t from = sqlite3_column_int64(row, 2), to = sqlite3_column_int64(row, 3);
        enum tick_kind kind;

        ledgerview_copy_text(trouble->symbol, sizeof(trouble->symbol), row, 0);
        ledgerview_copy_text(trouble->of, sizeof(trouble->of), row, 1);
        if (is_ticks && tick_kind_parse(trouble->of, &kind) < 0)
                return false;
        if (is_ticks)
                (void)snprintf(trouble->of, sizeof(trouble->of), "%s", ledger_tick_kind_name(kind));
        trouble->is_ticks = is_ticks;
        trouble->start_us = is_ticks ? -1 : from;
        trouble->end_us = is_ticks ? -1 : to;
        trouble->first_id = is_ticks ? from : -1;
        trouble->last_id = is_ticks ? to : -1;
        ledgerview_copy_text(trouble->kind, sizeof(trouble->kind), row, 4);
        trouble->attempts = sqlite3_column_int64(row, 5);
        trouble->retry_wall_ns = sqlite3_column_int64(row, 6);
        ledgerview_copy_text(trouble->text, sizeof(trouble->text), row, 7);
        return true;
}

static int list_troubles(struct ledgerview *view, const char *text, bool is_ticks, struct ledgerview_list *list)
{
        sqlite3_stmt *query = ledgerview_prepare(view, text);
        int code = SQLITE_ERROR;

        while (query != NULL && (code = sqlite3_step(query)) == SQLITE_ROW) {
                if (!read_trouble(query, is_ticks, ledgerview_list_next(list, sizeof(struct ledger_trouble))))
                        list->count--;
        }
        return query == NULL ? -1 : ledgerview_finished(view, query, code);
}

int ledgerview_each_trouble(struct ledgerview *view, ledgerview_trouble *callback, void *context)
{
        struct ledgerview_list told = {0};

        if (ledgerview_begin(view) < 0)
                return -1;
        int result = list_troubles(view,
            "SELECT symbol, interval, start_us, end_us, kind, attempts, retry_wall_ns, text FROM troubles"
            " JOIN buckets ON id = bucket ORDER BY symbol, interval, start_us",
            false, &told);
        if (result == 0 && view->has_ticks)
                result = list_troubles(view,
                    "SELECT symbol, tick_buckets.kind, tick_troubles.first_id, tick_troubles.last_id,"
                    " tick_troubles.kind, attempts, retry_wall_ns, text FROM tick_troubles"
                    " JOIN tick_buckets ON id = bucket ORDER BY 1, 2, 3",
                    true, &told);
        ledgerview_end(view);
        for (size_t i = 0; i < told.count && result == 0; i++)
                result = callback(context, (const struct ledger_trouble *)(const void *)told.items + i);
        free(told.items);
        return result;
}

int ledgerview_each_difference(
    struct ledgerview *view, const char *symbol, ledgerview_difference *callback, void *context)
{
        struct ledgerview_list told = {0};
        int code = SQLITE_ERROR;

        if (!view->has_ticks)
                return 0;
        if (ledgerview_begin(view) < 0)
                return -1;
        sqlite3_stmt *query = ledgerview_prepare(view,
            "SELECT symbol, interval, slot_us, found_us, text FROM differences JOIN buckets ON id = bucket"
            " WHERE ?1 IS NULL OR symbol = ?1 ORDER BY symbol, interval, slot_us");
        if (query != NULL && symbol != NULL)
                sqlite3_bind_text(query, 1, symbol, -1, SQLITE_STATIC);
        while (query != NULL && (code = sqlite3_step(query)) == SQLITE_ROW) {
                struct ledger_difference *difference = ledgerview_list_next(&told, sizeof(*difference));

                ledgerview_copy_text(difference->symbol, sizeof(difference->symbol), query, 0);
                if (interval_parse((const char *)sqlite3_column_text(query, 1), &difference->interval) < 0)
                        told.count--;
                difference->open_us = sqlite3_column_int64(query, 2);
                difference->found_us = sqlite3_column_int64(query, 3);
                ledgerview_copy_text(difference->text, sizeof(difference->text), query, 4);
        }
        int result = query == NULL ? -1 : ledgerview_finished(view, query, code);
        ledgerview_end(view);
        for (size_t i = 0; i < told.count && result == 0; i++)
                result = callback(context, (const struct ledger_difference *)(const void *)told.items + i);
        free(told.items);
        return result;
}

int ledgerview_each_symbol(struct ledgerview *view, ledgerview_symbol *callback, void *context)
{
        struct ledgerview_list told = {0};
        int code = SQLITE_ERROR;

        if (ledgerview_begin(view) < 0)
                return -1;
        sqlite3_stmt *query =
            ledgerview_prepare(view, "SELECT symbol, base, quote, status, ended FROM catalogue ORDER BY symbol");
        while (query != NULL && (code = sqlite3_step(query)) == SQLITE_ROW) {
                struct catalogue_entry *entry = ledgerview_list_next(&told, sizeof(*entry));

                ledgerview_copy_text(entry->symbol, sizeof(entry->symbol), query, 0);
                ledgerview_copy_text(entry->base, sizeof(entry->base), query, 1);
                ledgerview_copy_text(entry->quote, sizeof(entry->quote), query, 2);
                entry->status = (uint8_t)sqlite3_column_int(query, 3);
                entry->ended = (uint8_t)sqlite3_column_int(query, 4);
        }
        int result = query == NULL ? -1 : ledgerview_finished(view, query, code);
        ledgerview_end(view);
        for (size_t i = 0; i < told.count && result == 0; i++)
                result = callback(context, (const struct catalogue_entry *)(const void *)told.items + i);
        free(told.items);
        return result;
}
