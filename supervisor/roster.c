// SPDX-License-Identifier: Apache-2.0
#include "supervisor/roster.h"

#include "common/log.h"
#include "config/config.h"
#include "supervisor/children.h"
#include "supervisor/notify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- configuration in force ----

static void set_budget(struct supervisor *supervisor)
{
        const struct settings *settings = &supervisor->settings;

        atomic_store(&supervisor->page->utilization_permille, (uint32_t)(settings->utilization * 1000 + 0.5));
        if (settings->weight_per_minute != 0)
                atomic_store(&supervisor->page->weight_limit, settings->weight_per_minute);
}

void roster_adopt_settings(struct supervisor *supervisor, const struct settings *settings)
{
        supervisor->settings = *settings;
        supervisor->generation++;
        for (uint32_t class = 0; class < CHILD_CLASSES; class ++)
                assign_settings_for(class, settings, &supervisor->parts[class]);
        log_set_level(settings->log_level);
        set_budget(supervisor);
}

// ---- which symbols ----

// Says once why nothing of a symbol comes by stream, until something may again.
static void tell(const char *symbol, enum assign_stream verdict)
{
        static struct symbol_list told;
        bool known = symbol_list_contains(&told, symbol);

        if (verdict == ASSIGN_STREAMED) {
                for (size_t i = 0; known && i < told.count; i++) {
                        if (strcmp(told.names[i], symbol) == 0) {
                                memmove(told.names[i], told.names[--told.count], SYMBOL_SIZE);
                                return;
                        }
                }
                return;
        }
        if (known || symbol_list_add(&told, symbol) != 0)
                return;
        if (verdict == ASSIGN_UNKNOWN)
                log_warn("%s is not in the exchange's catalogue: nothing is streamed; check its spelling with "
                         "`binancefeeder symbols`",
                    symbol);
        else if (verdict == ASSIGN_NOT_TRADING)
                log_warn(
                    "%s does not trade at present: nothing is streamed until it does; its history is still fetched",
                    symbol);
        else
                log_warn("%s has not traded for 24 hours: its stream ends; its history stays", symbol);
}

static void follow(struct supervisor *supervisor)
{
        static struct symbol_list running;
        static size_t told_left_out;

        running = supervisor->followed;
        size_t left_out =
            assign_followed(&supervisor->settings, &supervisor->catalogue, &running, &supervisor->followed);
        if (left_out > 0 && left_out != told_left_out)
                log_error("%zu symbols are left out: one instance follows at most %d", left_out, SYMBOLS_MAX);
        told_left_out = left_out;
}

// Symbols that running stream workers carry now, by slot.
static void current_groups(const struct supervisor *supervisor, struct assign_map *map)
{
        map->count = 0;
        for (uint32_t i = 0; i < supervisor->slots_end; i++) {
                const struct managed *child = supervisor->slots[i];
                if (child == NULL || child->policy.class != CHILD_STREAM || !child->policy.wanted)
                        continue;
                for (size_t j = 0; j < child->symbols_count && map->count < SYMBOLS_MAX; j++) {
                        struct assign_entry *entry = &map->entries[map->count++];
                        memcpy(entry->symbol, child->symbols[j], SYMBOL_SIZE);
                        entry->group = child->slot;
                }
        }
}

static bool is_carried(const struct assign_map *map, const char *symbol)
{
        for (size_t i = 0; i < map->count; i++) {
                if (strcmp(map->entries[i].symbol, symbol) == 0)
                        return true;
        }
        return false;
}

// What is to be told of a symbol. A stream that runs already goes on, and is silent; of `symbols: all` that is the
// exchange's maintenance, and nothing to tell of each.
static enum assign_stream reason_of(const struct supervisor *supervisor, const char *symbol, enum assign_stream verdict)
{
        if (verdict != ASSIGN_STREAMED || supervisor->settings.all_symbols)
                return verdict;
        return assign_stream_of(&supervisor->catalogue, symbol, false);
}

static void choose_streamed(
    const struct supervisor *supervisor, const struct assign_map *current, struct symbol_list *streamed)
{
        streamed->count = 0;
        if (!supervisor->settings.realtime_enabled || supervisor->one_shot)
                return;
        for (size_t i = 0; i < supervisor->followed.count; i++) {
                const char *symbol = supervisor->followed.names[i];
                enum assign_stream verdict =
                    assign_stream_of(&supervisor->catalogue, symbol, is_carried(current, symbol));
                tell(symbol, reason_of(supervisor, symbol, verdict));
                if (verdict == ASSIGN_STREAMED)
                        memcpy(streamed->names[streamed->count++], symbol, SYMBOL_SIZE);
        }
        // `symbols: all`: those that ended are not followed any more, so their end is told here.
        for (size_t i = 0; i < current->count; i++) {
                const struct catalogue_entry *entry =
                    catalogue_find(&supervisor->catalogue, current->entries[i].symbol);
                if (entry != NULL && entry->ended)
                        tell(entry->symbol, ASSIGN_ENDED);
        }
}

// ---- stream workers ----

static size_t symbols_of_group(const struct assign_map *map, uint32_t group, char (*symbols)[SYMBOL_SIZE], size_t size)
{
        size_t count = 0;

        for (size_t i = 0; i < map->count && count < size; i++) {
                if (map->entries[i].group == group)
                        memcpy(symbols[count++], map->entries[i].symbol, SYMBOL_SIZE);
        }
        return count;
}

static bool same_symbols(const struct managed *child, const char (*symbols)[SYMBOL_SIZE], size_t count)
{
        if (child->symbols_count != count)
                return false;
        for (size_t i = 0; i < count; i++) {
                bool found = false;
                for (size_t j = 0; j < count && !found; j++)
                        found = strcmp(child->symbols[j], symbols[i]) == 0;
                if (!found)
                        return false;
        }
        return true;
}

static void keep_stream(
    struct supervisor *supervisor, struct managed *child, const struct assign_map *map, bool changed)
{
        static char symbols[SYMBOLS_MAX][SYMBOL_SIZE];
        size_t count = symbols_of_group(map, child->slot, symbols, SYMBOLS_MAX);

        if (count == 0) {
                children_event(supervisor, child, POLICY_UNWANT);
                return;
        }
        bool same = same_symbols(child, (const char(*)[SYMBOL_SIZE])symbols, count);
        if (!same && children_set_symbols(child, (const char(*)[SYMBOL_SIZE])symbols, count) != 0) {
                log_error("stream %s keeps its symbols: no memory", child->name);
                return;
        }
        if (!same || changed)
                children_event(supervisor, child, POLICY_RECONFIGURE);
}

static void add_stream(struct supervisor *supervisor, const struct assign_map *map, uint32_t group)
{
        static char symbols[SYMBOLS_MAX][SYMBOL_SIZE];
        size_t count = symbols_of_group(map, group, symbols, SYMBOLS_MAX);
        struct managed *child = count > 0 ? children_add(supervisor, CHILD_STREAM, symbols[0]) : NULL;

        if (child == NULL)
                return;
        if (children_set_symbols(child, (const char(*)[SYMBOL_SIZE])symbols, count) != 0) {
                log_error("stream %s cannot be started: no memory", symbols[0]);
                return; // it is not wanted, so its slot is freed
        }
        children_event(supervisor, child, POLICY_WANT);
}

static void apply_streams(struct supervisor *supervisor, bool changed)
{
        static struct assign_map current, next;
        static struct symbol_list streamed;
        uint32_t existing = supervisor->slots_end, group = ASSIGN_NEW_GROUP;

        current_groups(supervisor, &current);
        choose_streamed(supervisor, &current, &streamed);
        assign_groups(&supervisor->settings, &streamed, &current, &next);
        for (uint32_t i = 0; i < existing; i++) {
                struct managed *child = supervisor->slots[i];
                if (child != NULL && child->policy.class == CHILD_STREAM && child->policy.wanted)
                        keep_stream(supervisor, child, &next, changed);
        }
        for (size_t i = 0; i < next.count; i++) {
                // New groups come in the order of their numbers.
                if (next.entries[i].group == group)
                        add_stream(supervisor, &next, group++);
        }
}

// ---- the pool, the gateway, the writer ----

static void apply_pool(struct supervisor *supervisor, bool changed)
{
        bool present[PARALLELISM_MAX + 1] = {false};
        uint32_t wanted = assign_backfill_workers(&supervisor->settings);
        char name[SYMBOL_SIZE];

        for (uint32_t i = 0; i < supervisor->slots_end; i++) {
                struct managed *child = supervisor->slots[i];
                if (child == NULL || child->policy.class != CHILD_BACKFILL || !child->policy.wanted)
                        continue;
                unsigned long number = strtoul(child->name, NULL, 10);
                if (number > wanted) {
                        children_event(supervisor, child, POLICY_UNWANT);
                        continue;
                }
                present[number] = true;
                if (changed)
                        children_event(supervisor, child, POLICY_RECONFIGURE);
        }
        for (uint32_t number = 1; number <= wanted && number <= PARALLELISM_MAX; number++) {
                if (present[number])
                        continue;
                snprintf(name, sizeof(name), "%u", number);
                struct managed *child = children_add(supervisor, CHILD_BACKFILL, name);
                if (child != NULL)
                        children_event(supervisor, child, POLICY_WANT);
        }
}

// A one-shot run has nothing to serve for long, and its address may be a running instance's.
static void apply_gateway(struct supervisor *supervisor, bool changed)
{
        bool wanted = supervisor->settings.gateway_listen[0] != '\0' && !supervisor->one_shot;

        for (uint32_t i = 0; i < supervisor->slots_end; i++) {
                struct managed *child = supervisor->slots[i];
                if (child == NULL || child->policy.class != CHILD_GATEWAY || !child->policy.wanted)
                        continue;
                if (!wanted || changed)
                        children_event(supervisor, child, wanted ? POLICY_RECONFIGURE : POLICY_UNWANT);
                return;
        }
        struct managed *child =
            wanted ? children_add(supervisor, CHILD_GATEWAY, child_class_name(CHILD_GATEWAY)) : NULL;
        if (child != NULL)
                children_event(supervisor, child, POLICY_WANT);
}

// The writer takes new settings and symbols without a restart; one that refused the old ones is started again.
static void apply_writer(struct supervisor *supervisor, bool changed)
{
        struct managed *writer = supervisor->writer;

        if (writer == NULL || !changed)
                return;
        if (policy_has_process(writer->policy.state))
                children_send_setup(supervisor, writer);
        else if (writer->policy.state == POLICY_FAILED)
                children_event(supervisor, writer, POLICY_RECONFIGURE);
}

int roster_start_writer(struct supervisor *supervisor)
{
        follow(supervisor);
        supervisor->writer = children_add(supervisor, CHILD_WRITER, child_class_name(CHILD_WRITER));
        if (supervisor->writer == NULL)
                return -1;
        children_event(supervisor, supervisor->writer, POLICY_WANT);
        return 0;
}

// ---- change ----

struct change {
        bool of[CHILD_CLASSES]; // the part of the settings that this class reads
        bool log_level;
};

static void apply(struct supervisor *supervisor, const struct change *change)
{
        static struct symbol_list before;

        if (supervisor->phase != PHASE_RUN)
                return; // whoever is started now would only be stopped again
        before = supervisor->followed;
        follow(supervisor);
        bool followed_changed = memcmp(&before, &supervisor->followed, sizeof(before)) != 0;
        // The writer first: it should know a symbol before its data comes.
        apply_writer(supervisor, followed_changed || change->of[CHILD_WRITER] || change->log_level);
        if (!supervisor->workers_started)
                return;
        if (change->log_level) {
                for (uint32_t i = 0; i < supervisor->slots_end; i++) {
                        if (supervisor->slots[i] != NULL && supervisor->slots[i] != supervisor->writer)
                                children_send_setup(supervisor, supervisor->slots[i]);
                }
        }
        apply_streams(supervisor, change->of[CHILD_STREAM]);
        apply_pool(supervisor, change->of[CHILD_BACKFILL]);
        apply_gateway(supervisor, change->of[CHILD_GATEWAY]);
}

void roster_apply(struct supervisor *supervisor)
{
        static const struct change none;

        apply(supervisor, &none);
}

void roster_adopt_catalogue(struct supervisor *supervisor, struct catalogue_entry *entries, size_t count)
{
        size_t dropped = catalogue_adopt(&supervisor->catalogue, entries, count);

        log_debug("catalogue: %zu symbols, %zu with names that are not followed", supervisor->catalogue.count, dropped);
        roster_apply(supervisor);
}

// ---- reload ----

static int read_again(struct supervisor *supervisor, struct settings *wanted, char why[REASON_SIZE])
{
        static struct config_errors errors;

        memset(&errors, 0, sizeof(errors));
        int result = config_read(supervisor->config_path, supervisor->one_shot ? CONFIG_ONE_SHOT : CONFIG_RUN,
            wall_now().ns / 1000, wanted, &errors);
        if (result == 0)
                config_keep_fixed(&supervisor->settings, wanted, &errors);
        for (size_t i = 0; i < errors.warnings_count && i < CONFIG_WARNINGS_MAX; i++)
                log_warn("%s", errors.warnings[i]);
        for (size_t i = 0; i < errors.count && i < CONFIG_ERRORS_MAX; i++)
                log_error("%s", errors.text[i]);
        if (result == 0)
                return 0;
        if (errors.count > CONFIG_ERRORS_MAX)
                log_error("and %zu more mistakes", errors.count - CONFIG_ERRORS_MAX);
        snprintf(why, REASON_SIZE, "the file has %zu mistake%s; the old configuration stays", errors.count,
            errors.count == 1 ? "" : "s");
        return -1;
}

static struct change compare(const struct supervisor *supervisor, const struct settings *wanted)
{
        static struct settings part;
        struct change change = {.log_level = wanted->log_level != supervisor->settings.log_level};

        for (uint32_t class = 0; class < CHILD_CLASSES; class ++) {
                assign_settings_for(class, wanted, &part);
                change.of[class] = memcmp(&part, &supervisor->parts[class], sizeof(part)) != 0;
        }
        return change;
}

int roster_reload(struct supervisor *supervisor, char why[REASON_SIZE])
{
        static struct settings wanted;

        if (supervisor->phase != PHASE_RUN) {
                snprintf(why, REASON_SIZE, "stopping; nothing is read");
                return -1;
        }
        notify_send("RELOADING=1\nMONOTONIC_USEC=%lld", (long long)mono_now().us);
        int result = read_again(supervisor, &wanted, why);
        if (result == 0) {
                struct change change = compare(supervisor, &wanted);
                // Whoever mended what a bucket was refused for reloads a file that says what it said before.
                change.of[CHILD_WRITER] = true;
                roster_adopt_settings(supervisor, &wanted);
                apply(supervisor, &change);
                snprintf(why, REASON_SIZE, "%zu symbols followed, %zu stream and %zu backfill workers",
                    supervisor->followed.count, children_wanted(supervisor, CHILD_STREAM),
                    children_wanted(supervisor, CHILD_BACKFILL));
        }
        notify_send("READY=1");
        if (result == 0)
                log_info("configuration read again from %s: %s", supervisor->config_path, why);
        else
                log_error("reload refused: %s", why);
        return result;
}
