// SPDX-License-Identifier: Apache-2.0
#include "config/mkts.h"

#include "config/aggregates.h"
#include "config/value.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define OUR_MODULE "binancefeeder_v2.so"
#define OUR_NAME "BinanceFeederV2"
#define OLD_MODULE "binancefeeder.so"

static const struct key_alias old_names[] = {{"query_start", "backfill.start_time"}, {"base_timeframe", "timeframe"},
    {"base_currencies", "quote_assets"}, {NULL, NULL}};

// Names that both MarketStore and our block have.
static const char *const shared_names[] = {"log_level", NULL};

static struct config_place place_of(const struct apply *apply, const struct yaml_item *item)
{
        return (struct config_place){apply->source, item->line, item->column};
}

static const char *text_of(const struct yaml_item *map, const char *key)
{
        const struct yaml_item *item = yaml_item_find(map, key);
        return item != NULL && item->kind == ITEM_TEXT ? item->text : "";
}

static bool is_module(const struct yaml_item *entry, const char *module)
{
        const char *text = text_of(entry, "module");
        const char *slash = strrchr(text, '/');
        return strcmp(slash != NULL ? slash + 1 : text, module) == 0;
}

static bool is_ours(const struct yaml_item *worker)
{
        return is_module(worker, OUR_MODULE) || is_module(worker, OLD_MODULE) ||
               strcmp(text_of(worker, "name"), OUR_NAME) == 0;
}

bool mkts_recognize(const struct yaml_item *root)
{
        return yaml_item_find(root, "bgworkers") != NULL;
}

// The one entry that is ours, or NULL after an error.
static const struct yaml_item *find_worker(const struct apply *apply, const struct yaml_item *root)
{
        const struct yaml_item *workers = yaml_item_find(root, "bgworkers");
        const struct yaml_item *found = NULL;
        if (workers->kind != ITEM_LIST) {
                config_error_add(apply->errors, place_of(apply, workers), "bgworkers",
                    "is not a list; accepted: "
                    "- module: " OUR_MODULE ", name: " OUR_NAME ", config: ...");
                return NULL;
        }
        for (const struct yaml_item *worker = workers->first; worker != NULL; worker = worker->next) {
                if (!is_ours(worker))
                        continue;
                if (found != NULL)
                        config_error_add(apply->errors, place_of(apply, worker), "bgworkers",
                            "a second block for this program; the first is on line %zu", found->line);
                else
                        found = worker;
        }
        if (found == NULL)
                config_error_add(apply->errors, place_of(apply, workers), "bgworkers",
                    "no block for this program; accepted: module: " OUR_MODULE " or name: " OUR_NAME);
        return found;
}

// ---- the old feeder: symbols are base assets, each combined with each of base_currencies ----

static bool quoted_in(const char *symbol, const struct settings *settings)
{
        for (size_t i = 0; i < settings->quote_assets_count; i++) {
                size_t length = strlen(settings->quote_assets[i]);
                size_t symbol_length = strlen(symbol);
                if (symbol_length > length && strcmp(symbol + symbol_length - length, settings->quote_assets[i]) == 0)
                        return true;
        }
        return false;
}

static void combine_one(const struct apply *apply, const struct yaml_item *block, const char *base)
{
        struct settings *settings = apply->settings;
        for (size_t i = 0; i < settings->quote_assets_count; i++) {
                char pair[SYMBOL_SIZE * 2];
                snprintf(pair, sizeof pair, "%s%s", base, settings->quote_assets[i]);
                if (strcmp(base, settings->quote_assets[i]) == 0)
                        continue;
                if (!symbol_is_valid(pair) || symbol_list_add(&settings->symbols, pair) < 0)
                        config_error_add(apply->errors, place_of(apply, block), "symbols",
                            "%s with base_currencies is not a symbol, or one too many", pair);
        }
}

static void combine_assets(const struct apply *apply, const struct yaml_item *block, bool always)
{
        struct settings *settings = apply->settings;
        if (settings->quote_assets_count == 0) {
                // The old feeder's own default.
                snprintf(settings->quote_assets[0], ASSET_SIZE, "USDT");
                settings->quote_assets_count = 1;
        }
        if (settings->symbols.count == 0) {
                settings->all_symbols = true;
                return;
        }
        struct symbol_list bases = settings->symbols;
        memset(&settings->symbols, 0, sizeof settings->symbols);
        for (size_t i = 0; i < bases.count; i++) {
                if (!always && quoted_in(bases.names[i], settings))
                        symbol_list_add(&settings->symbols, bases.names[i]);
                else
                        combine_one(apply, block, bases.names[i]);
        }
        memset(settings->quote_assets, 0, sizeof settings->quote_assets);
        settings->quote_assets_count = 0;
}

// ---- what contradicts us ----

static void check_timezone(const struct apply *apply, const struct yaml_item *root)
{
        static const char *const accepted[] = {"", "UTC", "Etc/UTC", "GMT", "Etc/GMT"};
        const struct yaml_item *item = yaml_item_find(root, "timezone");
        if (item == NULL || yaml_item_is_null(item))
                return;
        for (size_t i = 0; item->kind == ITEM_TEXT && i < sizeof accepted / sizeof accepted[0]; i++)
                if (strcasecmp(item->text, accepted[i]) == 0)
                        return;
        char quoted[CONFIG_QUOTE_SIZE];
        config_error_add(apply->errors, place_of(apply, item), "timezone",
            "%s would move every bar to another slot; accepted: UTC",
            item->kind == ITEM_TEXT ? config_quote(item->text, quoted) : "something else");
}

static void check_compression(const struct apply *apply, const struct yaml_item *root)
{
        const struct yaml_item *item = yaml_item_find(root, "disable_variable_compression");
        if (item == NULL || item->kind != ITEM_TEXT || strcasecmp(item->text, "true") != 0)
                return;
        if (apply->settings->store_type == STORE_FILES)
                config_error_add(apply->errors, place_of(apply, item), "disable_variable_compression",
                    "true does not go with store.type files, which compresses variable buckets; accepted: false");
}

// ---- ondiskagg: what MarketStore derives when rows are written through it, we derive ourselves ----

// "*/1Min/OHLCV": what it is triggered by. `from` is one of enum aggregate_from; unsaid where any timeframe triggers.
static bool read_trigger(const struct apply *apply, const struct yaml_item *trigger, uint32_t *from)
{
        char symbol[64] = "", timeframe[32] = "", group[32] = "", quoted[CONFIG_QUOTE_SIZE];
        const char *on = text_of(trigger, "on");
        enum interval interval;
        int parts = sscanf(on, "%63[^/]/%31[^/]/%31[^/]", symbol, timeframe, group);
        *from = AGGREGATE_UNSAID;
        if (parts >= 3 && strcmp(group, "TRADE") == 0)
                *from = AGGREGATE_TRADE;
        else if (parts >= 2 && interval_parse(timeframe, &interval) == 0)
                *from = AGGREGATE_BARS + interval;
        else if (parts < 2 || strcmp(timeframe, "*") != 0) {
                config_warning_add(apply->errors, place_of(apply, trigger), "triggers",
                    "ondiskagg on %s has no effect here; understood are timeframes of bars, such as */1Min/OHLCV",
                    config_quote(on, quoted));
                return false;
        }
        if (!aggregates_source_is_kept(apply->settings, *from)) {
                config_warning_add(apply->errors, place_of(apply, trigger), "triggers",
                    "ondiskagg on %s has no effect here: that is not kept", config_quote(on, quoted));
                return false;
        }
        if (strcmp(symbol, "*") != 0)
                config_warning_add(apply->errors, place_of(apply, trigger), "triggers",
                    "ondiskagg on %s is taken for all symbols", config_quote(on, quoted));
        return true;
}

static interval_set read_destinations(const struct apply *apply, const struct yaml_item *config, uint32_t from)
{
        const struct yaml_item *list = yaml_item_find(config, "destinations");
        interval_set to = 0;
        if (list == NULL || list->kind != ITEM_LIST)
                return 0;
        for (const struct yaml_item *item = list->first; item != NULL; item = item->next) {
                enum interval interval;
                char quoted[CONFIG_QUOTE_SIZE];
                const char *text = item->kind == ITEM_TEXT ? item->text : "";
                if (interval_parse(text, &interval) == 0 && aggregates_can_make(apply->settings, interval, from))
                        to |= 1u << interval;
                else
                        config_warning_add(apply->errors, place_of(apply, item), "triggers",
                            "ondiskagg's destination %s is left out: it is no interval, or none that can be made here",
                            config_quote(text, quoted));
        }
        return to;
}

static void apply_trigger(const struct apply *apply, const struct yaml_item *trigger)
{
        const struct yaml_item *config = yaml_item_find(trigger, "config");
        struct aggregation block = {0};
        if (!read_trigger(apply, trigger, &block.from))
                return;
        if (config != NULL && config->kind == ITEM_MAP) {
                if (text_of(config, "filter")[0] != '\0')
                        config_warning_add(apply->errors, place_of(apply, trigger), "triggers",
                            "ondiskagg's filter has no effect here: this market never closes");
                block.to = read_destinations(apply, config, block.from);
        }
        if (block.to != 0 && aggregates_append(apply->settings, &block) < 0)
                config_warning_add(apply->errors, place_of(apply, trigger), "triggers",
                    "an ondiskagg too many is left out; accepted: up to %d", AGGREGATES_MAX);
}

static void apply_triggers(const struct apply *apply, const struct yaml_item *root)
{
        const struct yaml_item *triggers = yaml_item_find(root, "triggers");
        if (triggers == NULL || triggers->kind != ITEM_LIST || aggregates_are_given(apply->settings))
                return; // our own block says what is to be made
        for (const struct yaml_item *trigger = triggers->first; trigger != NULL; trigger = trigger->next)
                if (is_module(trigger, "ondiskagg.so"))
                        apply_trigger(apply, trigger);
}

// Our keys beside the block would be ignored in silence otherwise.
static void check_misplaced(const struct apply *apply, const struct yaml_item *root)
{
        for (const struct yaml_item *item = root->first; item != NULL; item = item->next) {
                bool shared = false;
                for (size_t i = 0; shared_names[i] != NULL; i++)
                        shared = shared || strcmp(item->key, shared_names[i]) == 0;
                if (!shared && (key_find(item->key) != NULL || key_is_section(item->key)))
                        config_error_add(apply->errors,
                            (struct config_place){apply->source, item->key_line, item->key_column}, item->key,
                            "stands outside the block of " OUR_NAME "; accepted: inside its config");
        }
}

void mkts_apply_block(const struct apply *apply, const struct yaml_item *root)
{
        const struct yaml_item *worker = find_worker(apply, root);
        check_misplaced(apply, root);
        if (worker == NULL)
                return;
        const struct yaml_item *block = yaml_item_find(worker, "config");
        if (block != NULL && block->kind != ITEM_MAP) {
                if (!yaml_item_is_null(block))
                        config_error_add(
                            apply->errors, place_of(apply, block), "config", "is not a mapping; accepted: our keys");
                block = NULL;
        }
        struct apply with_old_names = *apply;
        with_old_names.aliases = old_names;
        size_t errors_before = apply->errors->count;
        apply_map(&with_old_names, block);
        bool old = is_module(worker, OLD_MODULE);
        if (apply->errors->count == errors_before && (old || yaml_item_find(block, "base_currencies") != NULL))
                combine_assets(apply, block != NULL ? block : worker, old);
        check_timezone(apply, root);
        check_compression(apply, root);
}

static void apply_default(const struct apply *apply, const struct yaml_item *root, const char *theirs, const char *ours)
{
        const struct yaml_item *item = yaml_item_find(root, theirs);
        if (item != NULL && !yaml_item_is_null(item) && !key_is_given(apply->settings, ours))
                apply_value(apply, key_find(ours), item);
}

// host:port of the server that the file is for; false where it names no port or the text does not fit.
static bool their_address(const struct settings *settings, const char *host, char *address, size_t size)
{
        const char *bare = strchr(host, ':') != NULL ? "[" : "";
        int length = snprintf(
            address, size, "%s%s%s:%u", bare, host, bare[0] != '\0' ? "]" : "", (unsigned)settings->mkts_listen_port);

        return settings->mkts_listen_port != 0 && length > 0 && (size_t)length < size;
}

// A store.type server without a URL is the server that the file is for.
static void apply_url(const struct apply *apply, const struct yaml_item *root)
{
        struct settings *settings = apply->settings;
        const char *host = text_of(root, "listen_host");
        bool any = host[0] == '\0' || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
        char address[URL_SIZE - sizeof("http://")];

        if (settings->store_type == STORE_SERVER && !key_is_given(settings, "store.url") &&
            their_address(settings, any ? "127.0.0.1" : host, address, sizeof(address)))
                (void)snprintf(settings->store_url, sizeof(settings->store_url), "http://%s", address);
}

// With files we serve in the server's stead, so its clients find us where they found it. A server listens everywhere
// where no host is said; we do not, for nothing protects what is served.
static void apply_listen(const struct apply *apply, const struct yaml_item *root)
{
        struct settings *settings = apply->settings;
        const char *host = text_of(root, "listen_host");
        char address[sizeof(settings->gateway_listen)];

        if (settings->store_type == STORE_FILES && !key_is_given(settings, "gateway.listen") &&
            settings->gateway_listen[0] != '\0' &&
            their_address(settings, host[0] == '\0' ? "127.0.0.1" : host, address, sizeof(address)))
                memcpy(settings->gateway_listen, address, sizeof(address));
}

void mkts_apply_defaults(const struct apply *apply, const struct yaml_item *root)
{
        const struct yaml_item *directory = yaml_item_find(root, "root_directory");
        apply_default(apply, root, "log_level", "log_level");
        apply_default(apply, root, "listen_port", "store.mkts_port");
        apply_url(apply, root);
        apply_listen(apply, root);
        apply_triggers(apply, root);
        if (!apply->settings->testnet)
                apply_default(apply, root, "root_directory", "store.root_directory");
        else if (directory != NULL && !key_is_given(apply->settings, "store.root_directory"))
                config_warning_add(apply->errors, place_of(apply, directory), "root_directory",
                    "is not used with testnet: its data is kept apart, below data_directory");
}
