// SPDX-License-Identifier: Apache-2.0
// Names shared by the writer's ledger (workers/writer/ledger.c writes it) and its read-only view (common/ledgerview.c):
// the file, its schema version, where a bar came from and how far it is believed, and the states of a gap. Pure.
#ifndef COMMON_LEDGER_H
#define COMMON_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#define LEDGER_FILE "ledger.db"
#define LEDGER_VERSION 2
#define LEDGER_VERSION_OLDEST 1 // that is still read, and taken over by the writer
#define LEDGER_VERSION_TICKS 2  // the first that knows ticks; older ones hold bars alone

// first_bar_us where it is no time.
#define LEDGER_FIRST_BAR_NONE (-1)    // the exchange has no bar of this symbol
#define LEDGER_FIRST_BAR_UNKNOWN (-2) // not asked yet

// Where a covered bar came from; the tag of a coverage range.
enum bar_source {
        BAR_DERIVED,     // made here from smaller bars or trades
        BAR_REST_RECENT, // REST, closed less than a minute before the request: REST's newest bars are not final
        BAR_ADOPTED,     // found in the tree, written by another program or before the ledger was lost
        BAR_STREAM,
        BAR_REST,
        BAR_ARCHIVE,
        BAR_SOURCES
};

// Where ids of trades and aggregate trades came from.
enum id_source {
        ID_STREAM,
        ID_REST,
        ID_ARCHIVE,
        ID_ABSENT,  // the exchange answered without them: they do not exist
        ID_ADOPTED, // found at the store server, not of our doing
        ID_SOURCES
};

// A bar of lower rank never replaces one of higher rank; equal: the last wins.
enum bar_rank {
        RANK_DERIVED = 0,
        RANK_REST_RECENT = 5,
        RANK_STREAM = 10,
        RANK_REST = 20,
        RANK_ARCHIVE = 30,
};

const char *bar_source_name(int source); // "stream"
int bar_source_parse(const char *name);  // -1: unknown
int bar_source_rank(int source);
// Stored, but REST or the archive has yet to confirm it. Derived bars are settled with their sources.
bool bar_source_is_provisional(int source);

const char *id_source_name(int source);
int id_source_parse(const char *name); // -1: unknown

enum gap_state {
        GAP_OPEN,           // missing, and why it came to be
        GAP_REPAIRING,      // a job for it is under way
        GAP_FILLED,         // was missing; kept for a while as a record of what happened
        GAP_ABSENT,         // the exchange itself has nothing there
        GAP_MAINTENANCE,    // nor can it: it was closed
        GAP_BEFORE_LISTING, // the symbol had no bar yet
        GAP_LOST,           // cannot be had again
        GAP_UNSTORABLE,     // the exchange has it, the store server cannot keep it
        GAP_DOUBLED,        // of ticks: nothing is missing; the store server has rows there more than once
        GAP_STATES
};

const char *gap_state_name(int state);
int gap_state_parse(const char *name);  // -1: unknown
bool gap_state_is_explained(int state); // nothing is missing there any more

#endif
