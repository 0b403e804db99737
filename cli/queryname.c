// SPDX-License-Identifier: Apache-2.0
#include "cli/queryname.h"

#include "common/ledgerticks.h"
#include "common/ledgerview.h"

#include <stdio.h>
#include <string.h>

// Of any bucket: all of a symbol's have the same name.
static bool find(struct ledgerview *view, const char *symbol, char known[BUCKET_SYMBOL_SIZE])
{
        struct ledger_bucket bars;
        struct ledger_tick ticks;

        known[0] = '\0';
        for (int i = 0; i < INTERVAL_COUNT && known[0] == '\0'; i++) {
                if (ledgerview_bucket_of(view, symbol, (enum interval)i, -1, &bars) == 1)
                        snprintf(known, BUCKET_SYMBOL_SIZE, "%s", bars.directory);
        }
        for (unsigned i = 0; i < TICK_KINDS && known[0] == '\0'; i++) {
                if (ledgerview_tick_of(view, symbol, (enum tick_kind)i, &ticks) == 1)
                        snprintf(known, BUCKET_SYMBOL_SIZE, "%s", ticks.directory);
        }
        return known[0] != '\0';
}

bool queryname_resolve(const struct settings *settings, const char *symbol, char known[BUCKET_SYMBOL_SIZE])
{
        char name[SYMBOL_SIZE], why[REASON_SIZE];
        const char *reason;

        if (symbol_normalize(symbol, name, &reason) != 0)
                return false;
        struct ledgerview *view = ledgerview_open(settings->state_directory, why);
        if (view == NULL)
                return false;
        bool found = find(view, name, known);
        ledgerview_close(view);
        return found && strcmp(known, symbol) != 0;
}
