// SPDX-License-Identifier: Apache-2.0
// What ledger.c (opening), ledgerload.c and ledgercommit.c share: the connection and its prepared statements.
#ifndef WRITER_LEDGERDB_H
#define WRITER_LEDGERDB_H

#include <sqlite3.h>
#include <stdint.h>

enum statement {
        PUT_META,
        PUT_BUCKET,
        DROP_COVERAGE,
        PUT_COVERAGE,
        DROP_EXPLAINED,
        DROP_NOTES,
        PUT_GAP,
        DROP_WANTED,
        PUT_WANTED,
        DROP_TROUBLES,
        PUT_TROUBLE,
        PUT_OFFGRID,
        PUT_SYMBOL,
        PUT_WANT,
        PUT_MADE,
        DROP_MADE_WANTED,
        PUT_MADE_WANTED,
        DROP_TOUCHED,
        PUT_TOUCHED,
        PUT_DIFFERENCE,
        DROP_DIFFERENCE,
        PUT_TICK_BUCKET,
        DROP_TICK_EPOCHS,
        PUT_TICK_EPOCH,
        DROP_TICK_IDS,
        PUT_TICK_IDS,
        DROP_TICK_GAP,
        PUT_TICK_GAP,
        DROP_TICK_TROUBLES,
        PUT_TICK_TROUBLE,
        PUT_TICK_TRIPLE,
        STATEMENTS
};

struct ledger {
        sqlite3 *db;
        sqlite3_stmt *statements[STATEMENTS];
};

// `text` NULL: the number.
int ledger_put_meta(struct ledger *ledger, const char *key, const char *text, int64_t number);

#endif
