// SPDX-License-Identifier: Apache-2.0
#include "config/aggregates.h"

#include "common/aggregate.h"
#include "config/derivation.h"
#include "config/value.h"
#include "config/valueprint.h"

#include <string.h>

bool aggregates_own(const struct key_row *row)
{
        return strncmp(row->name, AGGREGATES_SECTION ".", strlen(AGGREGATES_SECTION ".")) == 0;
}

bool aggregates_are_given(const struct settings *settings)
{
        return key_is_given(settings, "aggregate.from") || key_is_given(settings, "aggregate.to") ||
               key_is_given(settings, "aggregate.check");
}

// ---- reading: each block takes the way of a single one, whose rows point to the first place ----

static void clear_first(struct settings *settings)
{
        for (size_t i = 0; i < key_rows_count; i++)
                if (aggregates_own(&key_rows[i]))
                        value_set_default(settings, &key_rows[i], CONFIG_RUN);
}

static bool read_block(const struct apply *apply, const struct yaml_item *item)
{
        struct config_place place = {apply->source, item->line, item->column};
        size_t errors_before = apply->errors->count;
        if (item->kind != ITEM_MAP) {
                config_error_add(
                    apply->errors, place, AGGREGATES_SECTION, "is not a mapping; accepted: the keys from, to, check");
                return false;
        }
        clear_first(apply->settings);
        apply_section(apply, AGGREGATES_SECTION, item);
        if (apply->errors->count > errors_before)
                return false;
        if (apply->settings->aggregates[0].to == 0)
                config_error_add(apply->errors, place, "aggregate.to", "is missing; accepted: %s", interval_names());
        return apply->settings->aggregates[0].to != 0;
}

void aggregates_apply(const struct apply *apply, const struct yaml_item *list)
{
        struct settings *settings = apply->settings;
        struct aggregation blocks[AGGREGATES_MAX];
        size_t count = 0;
        memset(blocks, 0, sizeof blocks);
        for (const struct yaml_item *item = list->first; item != NULL; item = item->next) {
                if (count == AGGREGATES_MAX) {
                        config_error_add(apply->errors, (struct config_place){apply->source, item->line, item->column},
                            AGGREGATES_SECTION, "too many blocks; accepted: up to %d", AGGREGATES_MAX);
                        break;
                }
                if (read_block(apply, item))
                        memcpy(&blocks[count++], &settings->aggregates[0], sizeof blocks[0]);
        }
        memcpy(settings->aggregates, blocks, sizeof blocks);
}

int aggregates_append(struct settings *settings, const struct aggregation *block)
{
        for (size_t i = 0; i < AGGREGATES_MAX; i++) {
                if (settings->aggregates[i].to != 0)
                        continue;
                settings->aggregates[i].from = block->from;
                settings->aggregates[i].to = block->to;
                settings->aggregates[i].check = block->check;
                return 0;
        }
        return -1;
}

// ---- what cannot be ----

// The same before and after the keys that follow others are filled in. Whether streams and history are enabled does not
// matter: what is stored already can be worked with.
bool aggregates_source_is_kept(const struct settings *settings, uint32_t from)
{
        bool own_data = key_is_given(settings, "backfill.data");
        uint32_t history = own_data ? settings->backfill_data : settings->stream_types, stream = settings->stream_types;
        interval_set kept = 0;
        if (from == AGGREGATE_TRADE)
                return ((history | stream) & DATA_TRADE) != 0;
        if (from == AGGREGATE_AGG_TRADE)
                return ((history | stream) & DATA_AGG_TRADE) != 0;
        if ((history & DATA_KLINE) != 0)
                kept |=
                    key_is_given(settings, "backfill.interval") ? settings->backfill_intervals : settings->timeframes;
        if ((stream & DATA_KLINE) != 0)
                kept |=
                    key_is_given(settings, "realtime.update_freq") ? settings->stream_intervals : settings->timeframes;
        else if ((stream & (DATA_TRADE | DATA_AGG_TRADE)) != 0)
                kept |= settings->timeframes; // made of them without asking
        for (size_t i = 0; i < AGGREGATES_MAX; i++)
                kept |= settings->aggregates[i].to;
        return from == AGGREGATE_UNSAID || (kept >> (from - AGGREGATE_BARS) & 1) != 0;
}

bool aggregates_can_make(const struct settings *settings, enum interval interval, uint32_t from)
{
        if (from == AGGREGATE_UNSAID)
                from = derivation_source(settings);
        return from < AGGREGATE_BARS || aggregate_is_multiple(interval, (enum interval)(from - AGGREGATE_BARS));
}

static interval_set can_be_made(const struct settings *settings, uint32_t from)
{
        interval_set set = 0;
        for (unsigned i = 0; i < INTERVAL_COUNT; i++)
                if (aggregates_can_make(settings, (enum interval)i, from))
                        set |= 1u << i;
        return set;
}

struct checking {
        const struct settings *settings;
        struct config_errors *errors;
        struct config_place from, to;
};

static void check_source(const struct checking *checking, uint32_t from)
{
        char native[128];
        interval_set_format(derivation_native(checking->settings), native);
        if (from == AGGREGATE_UNSAID)
                config_error_add(checking->errors, checking->to, "aggregate.to",
                    "there is nothing to make bars from; accepted: with kline, trade or agg_trade in stream_type");
        else if (from < AGGREGATE_BARS)
                config_error_add(checking->errors, checking->from, "aggregate.from",
                    "%s is not kept; accepted: with %s in stream_type or backfill.data%s%s",
                    from == AGGREGATE_TRADE ? "trade" : "agg_trade", from == AGGREGATE_TRADE ? "trade" : "agg_trade",
                    native[0] != '\0' ? ", or " : "", native);
        else
                config_error_add(checking->errors, checking->from, "aggregate.from",
                    "%s is not kept; accepted: an interval that is fetched or streamed%s%s%s",
                    interval_name((enum interval)(from - AGGREGATE_BARS)), native[0] != '\0' ? " (" : "", native,
                    native[0] != '\0' ? ")" : "");
}

static void check_targets(const struct checking *checking, const struct aggregation *block, uint32_t from)
{
        interval_set possible = can_be_made(checking->settings, from);
        char accepted[128];
        for (unsigned i = 0; i < INTERVAL_COUNT; i++) {
                if ((block->to & ~possible & 1u << i) == 0)
                        continue;
                config_error_add(checking->errors, checking->to, "aggregate.to",
                    "%s does not consist of whole bars of %s; accepted: %s", interval_name((enum interval)i),
                    interval_name((enum interval)(from - AGGREGATE_BARS)), interval_set_format(possible, accepted));
        }
}

static void check_block(const struct checking *checking, const struct aggregation *block, interval_set *seen)
{
        uint32_t from = block->from != AGGREGATE_UNSAID ? block->from : derivation_source(checking->settings);
        char twice[128];
        if (from == AGGREGATE_UNSAID || !aggregates_source_is_kept(checking->settings, from))
                check_source(checking, from);
        else
                check_targets(checking, block, from);
        if ((*seen & block->to) != 0)
                config_error_add(checking->errors, checking->to, "aggregate.to",
                    "%s is made by two blocks; accepted: each interval once",
                    interval_set_format(*seen & block->to, twice));
        *seen |= block->to;
}

void aggregates_complete(struct settings *settings, const struct key_places *places, struct config_errors *errors)
{
        struct checking checking = {.settings = settings, .errors = errors};
        interval_set seen = 0;
        if (places != NULL) {
                checking.from = places->at[key_find("aggregate.from") - key_rows];
                checking.to = places->at[key_find("aggregate.to") - key_rows];
        }
        if (settings->aggregates[0].to == 0) {
                if (settings->aggregates[0].from != AGGREGATE_UNSAID || settings->aggregates[0].check)
                        config_warning_add(
                            errors, checking.from, AGGREGATES_SECTION, "makes nothing: `to` names no interval");
                memset(&settings->aggregates[0], 0, sizeof settings->aggregates[0]);
        }
        for (size_t i = 0; i < AGGREGATES_MAX && settings->aggregates[i].to != 0; i++)
                check_block(&checking, &settings->aggregates[i], &seen);
}

// ---- printing ----

static void print_value(const struct settings *first, const char *name, FILE *out)
{
        char full[KEY_VARIABLE_SIZE];
        snprintf(full, sizeof full, AGGREGATES_SECTION ".%s", name);
        fprintf(out, "%s: ", name);
        value_print(first, key_find(full), 0, out);
}

void aggregates_print(const struct settings *settings, FILE *out)
{
        static struct settings shifted; // the rows print the first block
        if (settings->aggregates[0].to == 0)
                return;
        fprintf(out, AGGREGATES_SECTION ":\n");
        for (size_t i = 0; i < AGGREGATES_MAX && settings->aggregates[i].to != 0; i++) {
                memcpy(&shifted.aggregates[0], &settings->aggregates[i], sizeof shifted.aggregates[0]);
                fputs("    - {", out);
                if (shifted.aggregates[0].from != AGGREGATE_UNSAID) {
                        print_value(&shifted, "from", out);
                        fputs(", ", out);
                }
                print_value(&shifted, "to", out);
                fputs(", ", out);
                print_value(&shifted, "check", out);
                fputs("}\n", out);
        }
}
