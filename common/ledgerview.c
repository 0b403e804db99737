// SPDX-License-Identifier: Apache-2.0
#include "common/ledgerview.h"

#include "common/ledgerview_parts.h"
#include "common/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BUSY_TIMEOUT_MS 5000

// ---- opening ----

int ledgerview_note(struct ledgerview *view, const char *what)
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

int64_t ledgerview_meta_number(struct ledgerview *view, const char *key, int64_t otherwise)
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
                int64_t version = ledgerview_meta_number(view, "version", -1);

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
        return sqlite3_exec(view->db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK ? 0
                                                                              : ledgerview_note(view, "cannot be read");
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
                (void)ledgerview_note(view, "cannot be read");
        return query;
}

void ledgerview_copy_text(char *to, size_t size, sqlite3_stmt *row, int column)
{
        const unsigned char *text = sqlite3_column_text(row, column);

        (void)snprintf(to, size, "%s", text != NULL ? (const char *)text : "");
}

int ledgerview_finished(struct ledgerview *view, sqlite3_stmt *query, int code)
{
        int result = code == SQLITE_DONE ? 0 : ledgerview_note(view, "cannot be read to its end");

        sqlite3_finalize(query);
        return result;
}

int64_t ledgerview_count_rows(struct ledgerview *view, const char *text)
{
        sqlite3_stmt *query = ledgerview_prepare(view, text);
        int64_t count = query != NULL && sqlite3_step(query) == SQLITE_ROW ? sqlite3_column_int64(query, 0) : 0;

        sqlite3_finalize(query);
        return count;
}

static void *next_item(struct ledgerview_list *list)
{
        if (list->count == list->capacity) {
                list->capacity = list->capacity > 0 ? list->capacity * 2 : 64;
                list->items = memory_resized(list->items, list->capacity, list->item_size);
        }
        return memset((char *)list->items + list->count * list->item_size, 0, list->item_size);
}

int ledgerview_list_rows(struct ledgerview *view, sqlite3_stmt *query, ledgerview_row *read, const void *context,
    struct ledgerview_list *list)
{
        int code = SQLITE_ERROR;

        if (query == NULL)
                return -1;
        while ((code = sqlite3_step(query)) == SQLITE_ROW)
                list->count += read(context, query, next_item(list)) ? 1 : 0;
        return ledgerview_finished(view, query, code);
}

// ---- meta ----

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
        meta->testnet = ledgerview_meta_number(view, "testnet", 0) != 0;
        meta->exchange_us = ledgerview_meta_number(view, "exchange_us", -1);
        meta->committed_wall_ns = ledgerview_meta_number(view, "committed_wall_ns", 0);
        meta->cursor = ledgerview_meta_number(view, "cursor", 0);
        meta->horizon_us = ledgerview_meta_number(view, "horizon_us", INT64_MAX);
        meta->catalogue_generation = (uint64_t)ledgerview_meta_number(view, "catalogue_generation", 0);
        meta->catalogue_us = ledgerview_meta_number(view, "catalogue_us", -1);
        meta->quarantined = ledgerview_count_rows(view, "SELECT count(*) FROM quarantine");
        ledgerview_end(view);
        return result;
}
