// SPDX-License-Identifier: Apache-2.0
// Which symbols are followed, which of them are streamed, and by which worker: pure functions of configuration,
// catalogue and what runs now. Called at the start, on a reload and on every new catalogue; the caller compares the
// result with its children and acts on the difference.
#ifndef SUPERVISOR_ASSIGN_H
#define SUPERVISOR_ASSIGN_H

#include "common/control.h"
#include "config/settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The newest catalogue, sorted by symbol; `known` false: none yet.
struct catalogue {
        bool known;
        size_t count;
        struct catalogue_entry *entries; // owned
};

// Takes `count` entries over (malloc'ed), drops those whose names are not valid, sorts. Returns how many were dropped.
size_t catalogue_adopt(struct catalogue *catalogue, struct catalogue_entry *entries, size_t count);
const struct catalogue_entry *catalogue_find(const struct catalogue *catalogue, const char *symbol);

// Symbols whose data is wanted: those that are named, or, with `symbols: all`, every symbol of the catalogue that
// trades, narrowed by quote_assets, plus those of `running` that have not ended; less exclude_symbols. Returns how many
// did not fit in.
size_t assign_followed(const struct settings *settings, const struct catalogue *catalogue,
    const struct symbol_list *running, struct symbol_list *followed);

// Why a followed symbol has a stream, or has none.
enum assign_stream {
        ASSIGN_STREAMED,
        ASSIGN_UNKNOWN,     // not in the catalogue; one that runs already goes on
        ASSIGN_NOT_TRADING, // not started; one that runs already goes on, for an exchange under maintenance says BREAK
                            // of all
        ASSIGN_ENDED,       // for 24 hours: stopped
};
enum assign_stream assign_stream_of(const struct catalogue *catalogue, const char *symbol, bool running);

// Symbols and the group (worker) of each.
struct assign_map {
        size_t count;
        struct assign_entry {
                char symbol[SYMBOL_SIZE];
                uint32_t group;
        } entries[SYMBOLS_MAX];
};

#define ASSIGN_NEW_GROUP SLOTS_MAX // groups in `next` from here on are new

// Symbols one worker can carry on one connection, by the streams each needs.
size_t assign_symbols_per_connection_max(const struct settings *settings);

// Spreads `streamed` over workers. Symbols stay with their group in `current` (any numbers below ASSIGN_NEW_GROUP)
// unless it has become too large; new symbols get a worker of their own while the number of workers allows it, so that
// a running worker is disturbed only where there is no other way. `next` must not be `current`.
void assign_groups(const struct settings *settings, const struct symbol_list *streamed,
    const struct assign_map *current, struct assign_map *next);

// Backfill workers: `parallelism` of them, even where history is not wanted, for catalogue, settlement and repairs need
// the pool too.
uint32_t assign_backfill_workers(const struct settings *settings);

// The part of the settings that a child of this class reads, everything else zero and free of leftover bytes, so that
// two of them can be compared byte by byte. `log_level` is left out of the comparison by being 0; the caller sets it.
void assign_settings_for(uint32_t class, const struct settings *settings, struct settings *part);

#endif
