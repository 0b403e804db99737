// SPDX-License-Identifier: Apache-2.0
// The tables of ledger.db, version LEDGER_VERSION. Times are microseconds since 1970, ranges half-open, names as in
// common/ledger.h. A wanted range that ends at 9223372036854775807 goes on for ever.
//
// derived, derived_wanted, touched, differences: bars made here, of what, as far as they are wanted, which are to be
// made anew, and which are not the exchange's own.
//
// Ticks (tick_*): ids of trades and aggregate trades, both ends included, in the numberings of their bucket (epochs).
// tick_triples: blocks that are synced, but to which their index may not yet point (common/tickfile.h).
#ifndef WRITER_SCHEMA_H
#define WRITER_SCHEMA_H

#define LEDGER_SCHEMA                                                                                                  \
        "CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;"                         \
        "CREATE TABLE IF NOT EXISTS buckets(id INTEGER PRIMARY KEY, symbol TEXT NOT NULL, interval TEXT NOT NULL,"     \
        " directory TEXT NOT NULL, followed INTEGER NOT NULL, live INTEGER NOT NULL, looked_at INTEGER NOT NULL,"      \
        " first_bar_us INTEGER NOT NULL, live_from_us INTEGER NOT NULL, live_last_us INTEGER NOT NULL,"                \
        " boundary TEXT, corrected INTEGER NOT NULL, defective INTEGER NOT NULL, why TEXT NOT NULL,"                   \
        " UNIQUE(symbol, interval));"                                                                                  \
        "CREATE TABLE IF NOT EXISTS coverage(bucket INTEGER NOT NULL, start_us INTEGER NOT NULL,"                      \
        " end_us INTEGER NOT NULL, rank INTEGER NOT NULL, source TEXT NOT NULL, PRIMARY KEY(bucket, start_us))"        \
        " WITHOUT ROWID;"                                                                                              \
        "CREATE TABLE IF NOT EXISTS gaps(bucket INTEGER NOT NULL, start_us INTEGER NOT NULL, end_us INTEGER NOT NULL," \
        " state TEXT NOT NULL, note INTEGER NOT NULL, found_us INTEGER NOT NULL, evidence TEXT NOT NULL);"             \
        "CREATE INDEX IF NOT EXISTS gaps_by_bucket ON gaps(bucket, note, start_us);"                                   \
        "CREATE TABLE IF NOT EXISTS wanted(bucket INTEGER NOT NULL, start_us INTEGER NOT NULL,"                        \
        " end_us INTEGER NOT NULL, PRIMARY KEY(bucket, start_us)) WITHOUT ROWID;"                                      \
        "CREATE TABLE IF NOT EXISTS wants(symbol TEXT NOT NULL, interval TEXT NOT NULL, start_us INTEGER NOT NULL,"    \
        " end_us INTEGER NOT NULL);"                                                                                   \
        "CREATE TABLE IF NOT EXISTS troubles(bucket INTEGER NOT NULL, start_us INTEGER NOT NULL,"                      \
        " end_us INTEGER NOT NULL, kind TEXT NOT NULL, attempts INTEGER NOT NULL, retry_wall_ns INTEGER NOT NULL,"     \
        " text TEXT NOT NULL);"                                                                                        \
        "CREATE INDEX IF NOT EXISTS troubles_by_bucket ON troubles(bucket);"                                           \
        "CREATE TABLE IF NOT EXISTS offgrid(bucket INTEGER NOT NULL, slot_us INTEGER NOT NULL,"                        \
        " true_us INTEGER NOT NULL, displaced INTEGER NOT NULL, PRIMARY KEY(bucket, slot_us)) WITHOUT ROWID;"          \
        "CREATE TABLE IF NOT EXISTS derived(bucket INTEGER PRIMARY KEY, source TEXT NOT NULL);"                        \
        "CREATE TABLE IF NOT EXISTS derived_wanted(bucket INTEGER NOT NULL, start_us INTEGER NOT NULL,"                \
        " end_us INTEGER NOT NULL, PRIMARY KEY(bucket, start_us)) WITHOUT ROWID;"                                      \
        "CREATE TABLE IF NOT EXISTS touched(bucket INTEGER NOT NULL, start_us INTEGER NOT NULL,"                       \
        " end_us INTEGER NOT NULL, PRIMARY KEY(bucket, start_us)) WITHOUT ROWID;"                                      \
        "CREATE TABLE IF NOT EXISTS differences(bucket INTEGER NOT NULL, slot_us INTEGER NOT NULL,"                    \
        " found_us INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY(bucket, slot_us)) WITHOUT ROWID;"                 \
        "CREATE TABLE IF NOT EXISTS catalogue(symbol TEXT PRIMARY KEY, base TEXT NOT NULL, quote TEXT NOT NULL,"       \
        " status INTEGER NOT NULL, ended INTEGER NOT NULL, away_since_us INTEGER NOT NULL) WITHOUT ROWID;"             \
        "CREATE TABLE IF NOT EXISTS quarantine(id INTEGER PRIMARY KEY, spool_row INTEGER NOT NULL,"                    \
        " bytes BLOB NOT NULL, reason TEXT NOT NULL, since_wall_ns INTEGER NOT NULL,"                                  \
        " tried_wall_ns INTEGER NOT NULL);"                                                                            \
        "CREATE TABLE IF NOT EXISTS tick_buckets(id INTEGER PRIMARY KEY, symbol TEXT NOT NULL, kind TEXT NOT NULL,"    \
        " directory TEXT NOT NULL, followed INTEGER NOT NULL, live INTEGER NOT NULL, backfill INTEGER NOT NULL,"       \
        " last_id INTEGER NOT NULL, last_us INTEGER NOT NULL, live_from_id INTEGER NOT NULL,"                          \
        " first_us INTEGER NOT NULL, rows INTEGER NOT NULL, tombstones INTEGER NOT NULL, defective INTEGER NOT NULL,"  \
        " boundary TEXT, boundary_us INTEGER NOT NULL, seen_row INTEGER NOT NULL, seen_index INTEGER NOT NULL,"        \
        " history_from_us INTEGER NOT NULL, history_until_us INTEGER NOT NULL, history_first_id INTEGER NOT NULL,"     \
        " history_last_id INTEGER NOT NULL, history_empty INTEGER NOT NULL, end_open INTEGER NOT NULL,"                \
        " newest_id INTEGER NOT NULL, ended_us INTEGER NOT NULL, wanted_first_id INTEGER NOT NULL,"                    \
        " wanted_last_id INTEGER NOT NULL, wanted2_first_id INTEGER NOT NULL, wanted2_last_id INTEGER NOT NULL,"       \
        " why TEXT NOT NULL, UNIQUE(symbol, kind));"                                                                   \
        "CREATE TABLE IF NOT EXISTS tick_epochs(bucket INTEGER NOT NULL, epoch INTEGER NOT NULL,"                      \
        " start_us INTEGER NOT NULL, PRIMARY KEY(bucket, epoch)) WITHOUT ROWID;"                                       \
        "CREATE TABLE IF NOT EXISTS tick_ids(bucket INTEGER NOT NULL, epoch INTEGER NOT NULL,"                         \
        " first_id INTEGER NOT NULL, last_id INTEGER NOT NULL, first_us INTEGER NOT NULL, last_us INTEGER NOT NULL,"   \
        " source TEXT NOT NULL, PRIMARY KEY(bucket, epoch, first_id)) WITHOUT ROWID;"                                  \
        "CREATE TABLE IF NOT EXISTS tick_gaps(bucket INTEGER NOT NULL, number INTEGER NOT NULL,"                       \
        " epoch INTEGER NOT NULL, first_id INTEGER NOT NULL, last_id INTEGER NOT NULL, start_us INTEGER NOT NULL,"     \
        " end_us INTEGER NOT NULL, state TEXT NOT NULL, found_us INTEGER NOT NULL, evidence TEXT NOT NULL,"            \
        " PRIMARY KEY(bucket, number)) WITHOUT ROWID;"                                                                 \
        "CREATE TABLE IF NOT EXISTS tick_troubles(bucket INTEGER NOT NULL, first_id INTEGER NOT NULL,"                 \
        " last_id INTEGER NOT NULL, kind TEXT NOT NULL, attempts INTEGER NOT NULL, retry_wall_ns INTEGER NOT NULL,"    \
        " text TEXT NOT NULL);"                                                                                        \
        "CREATE INDEX IF NOT EXISTS tick_troubles_by_bucket ON tick_troubles(bucket);"                                 \
        "CREATE TABLE IF NOT EXISTS tick_triples(bucket INTEGER NOT NULL, year INTEGER NOT NULL,"                      \
        " second INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL);"

#endif
