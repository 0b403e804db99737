// SPDX-License-Identifier: Apache-2.0
#include "common/catalog.h"

#include "common/json.h"
#include "common/memory.h"
#include "common/symbol.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RAW_WINDOW_S 300

static uint8_t status_of(const char *text)
{
        static const char *const names[] = {
            [SYMBOL_TRADING] = "TRADING",
            [SYMBOL_BREAK] = "BREAK",
            [SYMBOL_HALT] = "HALT",
            [SYMBOL_END_OF_DAY] = "END_OF_DAY",
            [SYMBOL_CANCEL_ONLY] = "CANCEL_ONLY",
        };

        for (uint8_t i = 1; i < sizeof(names) / sizeof(names[0]); i++) {
                if (strcmp(text, names[i]) == 0)
                        return i;
        }
        return SYMBOL_UNKNOWN;
}

static const char *string_of(const cJSON *object, const char *key)
{
        return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

static int64_t unit_seconds(const char *unit)
{
        static const struct {
                const char *name;
                int64_t seconds;
        } units[] = {{"SECOND", 1}, {"MINUTE", 60}, {"HOUR", 3600}, {"DAY", 86400}};

        for (size_t i = 0; unit != NULL && i < sizeof(units) / sizeof(units[0]); i++) {
                if (strcmp(unit, units[i].name) == 0)
                        return units[i].seconds;
        }
        return 0;
}

// The smaller of what is known and this limit, brought to `window_s` seconds.
static uint32_t narrow_limit(uint32_t known, const cJSON *rule, int64_t window_s)
{
        int64_t count, limit, unit_s = unit_seconds(string_of(rule, "interval"));

        if (unit_s == 0 || !json_whole_number(rule, "intervalNum", &count) || count < 1 || count > 86400 ||
            !json_whole_number(rule, "limit", &limit) || limit < 1 || limit > 1000000000)
                return known;
        int64_t scaled = limit * window_s / (unit_s * count);
        if (scaled < 1 || scaled > UINT32_MAX)
                return known;
        return known == 0 || scaled < known ? (uint32_t)scaled : known;
}

static void read_limits(const cJSON *rules, struct catalog *catalog)
{
        const cJSON *rule;

        cJSON_ArrayForEach(rule, rules)
        {
                const char *type = string_of(rule, "rateLimitType");

                if (type != NULL && strcmp(type, "REQUEST_WEIGHT") == 0)
                        catalog->weight_limit = narrow_limit(catalog->weight_limit, rule, 60);
                else if (type != NULL && strcmp(type, "RAW_REQUESTS") == 0)
                        catalog->raw_limit = narrow_limit(catalog->raw_limit, rule, RAW_WINDOW_S);
        }
}

static bool read_symbol(const cJSON *item, struct record_symbol *record)
{
        const char *name = string_of(item, "symbol"), *base = string_of(item, "baseAsset"),
                   *quote = string_of(item, "quoteAsset"), *status = string_of(item, "status");

        if (name == NULL || base == NULL || quote == NULL || status == NULL || !symbol_is_valid(name) ||
            !symbol_is_valid(base) || !symbol_is_valid(quote))
                return false;
        *record = (struct record_symbol){.status = status_of(status)};
        memcpy(record->symbol, name, strlen(name));
        memcpy(record->base, base, strlen(base));
        memcpy(record->quote, quote, strlen(quote));
        return true;
}

static void skip_symbol(struct catalog *catalog, const cJSON *item)
{
        const char *name = string_of(item, "symbol");

        if (catalog->skipped++ == 0)
                snprintf(catalog->skipped_name, sizeof(catalog->skipped_name), "%s", name == NULL ? "" : name);
}

static int read_symbols(const cJSON *list, struct catalog *catalog, char why[REASON_SIZE])
{
        const cJSON *item;
        int size = cJSON_GetArraySize(list);

        if (!cJSON_IsArray(list) || size == 0 || size > CATALOG_SYMBOLS_MAX) {
                snprintf(why, REASON_SIZE, "exchangeInfo without a list of 1 to %d symbols", CATALOG_SYMBOLS_MAX);
                return -1;
        }
        catalog->symbols = memory_zeroed((size_t)size, sizeof(catalog->symbols[0]));
        cJSON_ArrayForEach(item, list)
        {
                if (read_symbol(item, &catalog->symbols[catalog->count]))
                        catalog->count++;
                else
                        skip_symbol(catalog, item);
        }
        if (catalog->count == 0) {
                snprintf(why, REASON_SIZE, "exchangeInfo without one readable symbol");
                catalog_free(catalog);
                return -1;
        }
        return 0;
}

int catalog_parse(const char *body, size_t length, struct catalog *catalog, char why[REASON_SIZE])
{
        *catalog = (struct catalog){0};
        cJSON *json = json_parse(body, length, why);
        if (json == NULL)
                return -1;
        read_limits(cJSON_GetObjectItemCaseSensitive(json, "rateLimits"), catalog);
        int result = read_symbols(cJSON_GetObjectItemCaseSensitive(json, "symbols"), catalog, why);
        cJSON_Delete(json);
        return result;
}

void catalog_free(struct catalog *catalog)
{
        free(catalog->symbols);
        *catalog = (struct catalog){0};
}

const char *catalog_status_name(uint8_t status)
{
        switch (status) {
        case SYMBOL_TRADING: return "trading";
        case SYMBOL_BREAK: return "break";
        case SYMBOL_HALT: return "halt";
        case SYMBOL_END_OF_DAY: return "end of day";
        case SYMBOL_CANCEL_ONLY: return "cancel only";
        default: return "unknown";
        }
}
