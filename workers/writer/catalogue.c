// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/catalogue.h"

#include "common/symbol.h"

#include <stdlib.h>
#include <string.h>

// Index of `symbol`, or of where it belongs.
static size_t position_of(const struct catalogue *catalogue, const char *symbol)
{
        size_t low = 0, high = catalogue->count;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (strcmp(catalogue->entries[middle].symbol, symbol) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

const struct catalogue_entry *catalogue_find(const struct catalogue *catalogue, const char *symbol)
{
        size_t index = position_of(catalogue, symbol);

        if (index == catalogue->count || strcmp(catalogue->entries[index].symbol, symbol) != 0)
                return NULL;
        return &catalogue->entries[index];
}

void catalogue_restore(struct catalogue *catalogue, const struct catalogue_entry *entry, int64_t away_since_us)
{
        if (catalogue->count == catalogue->capacity) {
                size_t capacity = catalogue->capacity > 0 ? catalogue->capacity * 2 : 512;
                struct catalogue_entry *entries = realloc(catalogue->entries, capacity * sizeof(*entries));
                store_require_memory(entries != NULL ? 0 : -1);
                catalogue->entries = entries;
                int64_t *away = realloc(catalogue->away_since_us, capacity * sizeof(*away));
                store_require_memory(away != NULL ? 0 : -1);
                catalogue->away_since_us = away;
                catalogue->capacity = capacity;
        }
        size_t index = position_of(catalogue, entry->symbol), behind = catalogue->count - index;
        memmove(catalogue->entries + index + 1, catalogue->entries + index, behind * sizeof(*catalogue->entries));
        memmove(catalogue->away_since_us + index + 1, catalogue->away_since_us + index,
            behind * sizeof(*catalogue->away_since_us));
        catalogue->entries[index] = *entry;
        catalogue->away_since_us[index] = away_since_us;
        catalogue->count++;
}

static bool text_is_terminated(const char *text, size_t size)
{
        return memchr(text, '\0', size) != NULL;
}

// `row` NULL: the symbol is not in the newest catalogue.
static void take(struct catalogue *catalogue, const char *symbol, const struct record_symbol *row, int64_t now_us)
{
        struct catalogue_entry entry = {0};
        int64_t away_since_us = -1;
        size_t index = position_of(catalogue, symbol);
        bool known = catalogue_find(catalogue, symbol) != NULL;

        if (known) {
                entry = catalogue->entries[index];
                away_since_us = catalogue->away_since_us[index];
        }
        if (row != NULL) {
                memcpy(entry.symbol, row->symbol, sizeof(entry.symbol));
                memcpy(entry.base, row->base, sizeof(entry.base));
                memcpy(entry.quote, row->quote, sizeof(entry.quote));
                entry.status = row->status;
        } else {
                entry.status = SYMBOL_UNKNOWN;
        }
        bool away = row == NULL || row->status == SYMBOL_BREAK;
        if (!away)
                away_since_us = -1;
        else if (away_since_us < 0)
                away_since_us = now_us;
        entry.ended = away && now_us >= 0 && away_since_us >= 0 && now_us - away_since_us >= CATALOGUE_ENDED_US;
        if (!known) {
                catalogue_restore(catalogue, &entry, away_since_us);
                return;
        }
        catalogue->entries[index] = entry;
        catalogue->away_since_us[index] = away_since_us;
}

size_t catalogue_replace(struct catalogue *catalogue, const struct record_symbol *rows, size_t count, int64_t now_us)
{
        struct catalogue newest = {0};
        size_t skipped = 0;

        for (size_t i = 0; i < count; i++) {
                const struct record_symbol *row = &rows[i];
                struct catalogue_entry entry = {0};

                if (!text_is_terminated(row->symbol, SYMBOL_SIZE) || !text_is_terminated(row->base, ASSET_SIZE) ||
                    !text_is_terminated(row->quote, ASSET_SIZE) || !symbol_is_valid(row->symbol)) {
                        skipped++;
                        continue;
                }
                take(catalogue, row->symbol, row, now_us);
                memcpy(entry.symbol, row->symbol, sizeof(entry.symbol));
                if (catalogue_find(&newest, row->symbol) == NULL)
                        catalogue_restore(&newest, &entry, -1);
        }
        for (size_t i = 0; i < catalogue->count; i++) {
                if (catalogue_find(&newest, catalogue->entries[i].symbol) == NULL)
                        take(catalogue, catalogue->entries[i].symbol, NULL, now_us);
        }
        catalogue_free(&newest);
        catalogue->generation++;
        catalogue->taken_us = now_us;
        catalogue->dirty = true;
        return skipped;
}

void catalogue_note_time(struct catalogue *catalogue, int64_t now_us)
{
        if (catalogue->generation == 0 || catalogue->taken_us >= 0)
                return;
        catalogue->taken_us = now_us;
        catalogue->dirty = true;
}

void catalogue_free(struct catalogue *catalogue)
{
        free(catalogue->entries);
        free(catalogue->away_since_us);
        catalogue->entries = NULL;
        catalogue->away_since_us = NULL;
        catalogue->count = catalogue->capacity = 0;
}
