// SPDX-License-Identifier: Apache-2.0
// What the files behind common/ledgerview.h share: ledgerview.c (opening, reading), ledgeraccount.c and ledgerbars.c
// (buckets of bars), ledgerlists.c (gaps, troubles, differences, catalogue), ledgerticks.c. Nobody else includes it.
#ifndef COMMON_LEDGERVIEW_PARTS_H
#define COMMON_LEDGERVIEW_PARTS_H

#include "common/ledgerview.h"

#include <sqlite3.h>

struct ledgerview {
        sqlite3 *db;
        bool has_ticks; // false: a ledger from before there were any
        char error[REASON_SIZE];
};

// Leaves a message with the data base's own in ledgerview_error(). Returns -1 with EIO.
int ledgerview_note(struct ledgerview *view, const char *what);
// One short read transaction. Returns 0 or -1.
int ledgerview_begin(struct ledgerview *view);
void ledgerview_end(struct ledgerview *view);
// NULL: ledgerview_error() says why.
sqlite3_stmt *ledgerview_prepare(struct ledgerview *view, const char *text);
// The first column of a query's first row, 0 where there is none.
int64_t ledgerview_count_rows(struct ledgerview *view, const char *text);
int64_t ledgerview_meta_number(struct ledgerview *view, const char *key, int64_t otherwise);
void ledgerview_copy_text(char *to, size_t size, sqlite3_stmt *row, int column);
// Finalizes a query that gave `code` last. Returns 0 where it has come to its end in order, else -1.
int ledgerview_finished(struct ledgerview *view, sqlite3_stmt *query, int code);

// Rows are read first and told to the callback after the transaction. `items` is free()d by its user.
struct ledgerview_list {
        size_t item_size; // bytes
        void *items;
        size_t count, capacity;
};

// Reads a row into an item, which comes zeroed; false: the row is left out.
typedef bool ledgerview_row(const void *context, sqlite3_stmt *row, void *item);
// Adds an item for each row of a query (NULL: it could not be prepared) and finalizes it. Returns 0 or -1.
int ledgerview_list_rows(struct ledgerview *view, sqlite3_stmt *query, ledgerview_row *read, const void *context,
    struct ledgerview_list *list);

#endif
