// SPDX-License-Identifier: Apache-2.0
// The blocks of `aggregate`: reading a list of them, printing them, and what cannot be. Used inside config/ only; what
// follows from the blocks is in derivation.h.
#ifndef CONFIG_AGGREGATES_H
#define CONFIG_AGGREGATES_H

#include "config/apply.h"
#include "config/complete.h"

#include <stdio.h>

#define AGGREGATES_SECTION "aggregate"

// True for the rows of the table that are the first block's.
bool aggregates_own(const struct key_row *row);
// True where the user wrote a block.
bool aggregates_are_given(const struct settings *settings);

// A list of blocks, as it stands in a file; replaces what there was.
void aggregates_apply(const struct apply *apply, const struct yaml_item *list);
// Returns 0, or -1 where there are too many.
int aggregates_append(struct settings *settings, const struct aggregation *block);

// Whether a block may be made from `from` (enum aggregate_from, AGGREGATE_BARS + enum interval): it is kept, or made by
// another block.
bool aggregates_source_is_kept(const struct settings *settings, uint32_t from);
// Whether bars of `interval` consist of what `from` is (AGGREGATE_UNSAID: whatever is kept).
bool aggregates_can_make(const struct settings *settings, enum interval interval, uint32_t from);

// Adds what is wrong with the blocks to the errors; takes out a block that makes nothing, with a warning.
void aggregates_complete(struct settings *settings, const struct key_places *places, struct config_errors *errors);

void aggregates_print(const struct settings *settings, FILE *out);

#endif
