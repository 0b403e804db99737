// SPDX-License-Identifier: Apache-2.0
#include "supervisor/assign.h"

#include "common/governor.h"
#include "common/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- catalogue ----

static int compare_entries(const void *a, const void *b)
{
        return strcmp(((const struct catalogue_entry *)a)->symbol, ((const struct catalogue_entry *)b)->symbol);
}

static bool entry_is_valid(const struct catalogue_entry *entry)
{
        return memchr(entry->symbol, '\0', sizeof(entry->symbol)) != NULL &&
               memchr(entry->base, '\0', sizeof(entry->base)) != NULL &&
               memchr(entry->quote, '\0', sizeof(entry->quote)) != NULL && symbol_is_valid(entry->symbol);
}

size_t catalogue_adopt(struct catalogue *catalogue, struct catalogue_entry *entries, size_t count)
{
        size_t kept = 0;

        for (size_t i = 0; i < count; i++) {
                if (entry_is_valid(&entries[i]))
                        entries[kept++] = entries[i];
        }
        if (kept > 0)
                qsort(entries, kept, sizeof(*entries), compare_entries);
        free(catalogue->entries);
        *catalogue = (struct catalogue){.known = true, .count = kept, .entries = entries};
        return count - kept;
}

const struct catalogue_entry *catalogue_find(const struct catalogue *catalogue, const char *symbol)
{
        struct catalogue_entry key = {0};

        if (catalogue->count == 0)
                return NULL;
        snprintf(key.symbol, sizeof(key.symbol), "%s", symbol);
        return bsearch(&key, catalogue->entries, catalogue->count, sizeof(key), compare_entries);
}

// ---- what is followed and streamed ----

static bool follow(const struct settings *settings, const char *symbol, struct symbol_list *followed)
{
        if (symbol_list_contains(&settings->exclude_symbols, symbol))
                return true;
        return symbol_list_add(followed, symbol) == 0;
}

size_t assign_followed(const struct settings *settings, const struct catalogue *catalogue,
    const struct symbol_list *running, struct symbol_list *followed)
{
        size_t left_out = 0;

        memset(followed, 0, sizeof(*followed));
        if (!settings->all_symbols) {
                for (size_t i = 0; i < settings->symbols.count; i++)
                        left_out += !follow(settings, settings->symbols.names[i], followed);
                return left_out;
        }
        // Those that run come first: if there is not room for all, nothing that runs is stopped for a newcomer.
        for (size_t i = 0; i < running->count; i++) {
                const struct catalogue_entry *entry = catalogue_find(catalogue, running->names[i]);
                if (entry == NULL || (!entry->ended && settings_want_quote(settings, entry->quote)))
                        left_out += !follow(settings, running->names[i], followed);
        }
        for (size_t i = 0; i < catalogue->count; i++) {
                const struct catalogue_entry *entry = &catalogue->entries[i];
                if (entry->status == SYMBOL_TRADING && !entry->ended && settings_want_quote(settings, entry->quote))
                        left_out += !follow(settings, entry->symbol, followed);
        }
        return left_out;
}

enum assign_stream assign_stream_of(const struct catalogue *catalogue, const char *symbol, bool running)
{
        if (!catalogue->known)
                return ASSIGN_STREAMED;
        const struct catalogue_entry *entry = catalogue_find(catalogue, symbol);
        if (entry == NULL)
                return running ? ASSIGN_STREAMED : ASSIGN_UNKNOWN;
        if (entry->ended)
                return ASSIGN_ENDED;
        return running || entry->status == SYMBOL_TRADING ? ASSIGN_STREAMED : ASSIGN_NOT_TRADING;
}

// ---- groups ----

static size_t bits_of(uint32_t set)
{
        return (size_t)__builtin_popcount(set);
}

size_t assign_symbols_per_connection_max(const struct settings *settings)
{
        size_t streams = bits_of(settings->stream_types & ~(uint32_t)DATA_KLINE);

        if (settings->stream_types & DATA_KLINE)
                streams += bits_of(settings->stream_intervals);
        return STREAMS_PER_CONNECTION_MAX / (streams > 0 ? streams : 1);
}

static size_t divide_up(size_t a, size_t b)
{
        return (a + b - 1) / b;
}

// Symbols a worker may carry, and the number of workers that these symbols may use.
static void group_bounds(const struct settings *settings, size_t symbols, size_t *capacity, size_t *groups_max)
{
        size_t connection_max = assign_symbols_per_connection_max(settings);

        *capacity = settings->symbols_per_worker;
        if (*capacity == 0)
                *capacity = symbols <= STREAM_WORKERS_MAX ? 1 : divide_up(symbols, STREAM_WORKERS_MAX);
        if (*capacity > connection_max)
                *capacity = connection_max;
        *groups_max = divide_up(symbols, *capacity);
        if (settings->symbols_per_worker == 0 && *groups_max < STREAM_WORKERS_MAX)
                *groups_max = STREAM_WORKERS_MAX;
}

// Numbers of groups are sparse (slots, then new ones), so sizes are kept in an array over all of them.
struct group_sizes {
        size_t used; // groups with at least one symbol
        size_t next_new;
        uint16_t of[ASSIGN_NEW_GROUP + SYMBOLS_MAX];
};

static void put(struct assign_map *next, struct group_sizes *sizes, const char *symbol, uint32_t group)
{
        struct assign_entry *entry = &next->entries[next->count++];

        snprintf(entry->symbol, sizeof(entry->symbol), "%s", symbol);
        entry->group = group;
        if (sizes->of[group]++ == 0)
                sizes->used++;
}

static uint32_t smallest_group(const struct assign_map *next, const struct group_sizes *sizes)
{
        uint32_t best = next->entries[0].group;

        for (size_t i = 1; i < next->count; i++) {
                if (sizes->of[next->entries[i].group] < sizes->of[best])
                        best = next->entries[i].group;
        }
        return best;
}

static const struct assign_entry *entry_of(const struct assign_map *map, const char *symbol)
{
        for (size_t i = 0; i < map->count; i++) {
                if (strcmp(map->entries[i].symbol, symbol) == 0)
                        return &map->entries[i];
        }
        return NULL;
}

void assign_groups(const struct settings *settings, const struct symbol_list *streamed,
    const struct assign_map *current, struct assign_map *next)
{
        static struct group_sizes sizes; // too large for the stack
        size_t capacity, groups_max;

        memset(&sizes, 0, sizeof(sizes));
        next->count = 0;
        if (streamed->count == 0)
                return;
        group_bounds(settings, streamed->count, &capacity, &groups_max);
        for (size_t i = 0; i < streamed->count; i++) {
                const struct assign_entry *old = entry_of(current, streamed->names[i]);
                if (old != NULL && sizes.of[old->group] < capacity)
                        put(next, &sizes, streamed->names[i], old->group);
        }
        for (size_t i = 0; i < streamed->count; i++) {
                if (entry_of(next, streamed->names[i]) != NULL)
                        continue;
                uint32_t group = next->count > 0 ? smallest_group(next, &sizes) : ASSIGN_NEW_GROUP;
                if (next->count == 0 || sizes.used < groups_max || sizes.of[group] >= capacity)
                        group = (uint32_t)(ASSIGN_NEW_GROUP + sizes.next_new++);
                put(next, &sizes, streamed->names[i], group);
        }
}

uint32_t assign_backfill_workers(const struct settings *settings)
{
        return settings->parallelism > 0 ? settings->parallelism : 1;
}

// ---- settings of a class ----

static void copy_text(char *to, size_t size, const char *from)
{
        snprintf(to, size, "%s", from);
}

static void copy_network(const struct settings *settings, struct settings *part)
{
        part->market = settings->market;
        part->testnet = settings->testnet;
        copy_text(part->rest_url, sizeof(part->rest_url), settings->rest_url);
        copy_text(part->ca_file, sizeof(part->ca_file), settings->ca_file);
        copy_text(part->proxy, sizeof(part->proxy), settings->proxy);
        copy_text(part->data_directory, sizeof(part->data_directory), settings->data_directory);
        copy_text(part->run_directory, sizeof(part->run_directory), settings->run_directory);
        part->buffer_size = settings->buffer_size;
        part->retry_delay_ms = settings->retry_delay_ms;
}

static void copy_realtime(const struct settings *settings, struct settings *part)
{
        part->timeframes = settings->timeframes;
        part->realtime_enabled = settings->realtime_enabled;
        part->stream_types = settings->stream_types;
        part->stream_intervals = settings->stream_intervals;
        part->depth_cadence_ms = settings->depth_cadence_ms;
        part->max_retries = settings->max_retries;
        part->depth_levels = settings->depth_levels;
        part->depth_diffs = settings->depth_diffs;
        part->depth_compare_ms = settings->depth_compare_ms;
        copy_text(part->stream_url, sizeof(part->stream_url), settings->stream_url);
}

static void copy_backfill(const struct settings *settings, struct settings *part)
{
        part->batch_size = settings->batch_size;
        part->weight_per_minute = settings->weight_per_minute;
        part->backfill_source = settings->backfill_source;
        part->backfill_data = settings->backfill_data;
        copy_text(part->archive_url, sizeof(part->archive_url), settings->archive_url);
}

static void copy_gateway(const struct settings *settings, struct settings *part)
{
        copy_text(part->gateway_listen, sizeof(part->gateway_listen), settings->gateway_listen);
        part->store_type = settings->store_type;
        copy_text(part->data_directory, sizeof(part->data_directory), settings->data_directory);
        copy_text(part->root_directory, sizeof(part->root_directory), settings->root_directory);
        copy_text(part->store_url, sizeof(part->store_url), settings->store_url);
        copy_text(part->state_directory, sizeof(part->state_directory), settings->state_directory);
        copy_text(part->run_directory, sizeof(part->run_directory), settings->run_directory);
}

// The writer is compared as a whole; it takes new settings without a restart, so a needless message costs
// nothing.
void assign_settings_for(uint32_t class, const struct settings *settings, struct settings *part)
{
        memset(part, 0, sizeof(*part));
        switch (class) {
        case CHILD_STREAM:
                copy_network(settings, part);
                copy_realtime(settings, part);
                break;
        case CHILD_BACKFILL:
                copy_network(settings, part);
                copy_backfill(settings, part);
                break;
        case CHILD_GATEWAY: copy_gateway(settings, part); break;
        default:
                memcpy(part, settings, sizeof(*part));
                part->given = 0; // who wrote a value does not matter to whoever uses it
                break;
        }
        part->log_level = LOG_LEVEL_DEBUG;
}
