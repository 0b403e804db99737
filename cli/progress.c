// SPDX-License-Identifier: Apache-2.0
#include "cli/progress.h"

#include "cli/eta.h"
#include "common/facts.h"
#include "common/memory.h"
#include "common/restweight.h"
#include "common/units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_EVERY_US (US_PER_S / 4)
#define RATE_ROWS_FEW 1000 // below, a rate means nothing, nor what it would still take
#define OVERDUE_MS 5000
#define UNDER_WAY_FEW 10 // missing bars of a followed bucket that are news, not a hole

void progress_begin(struct progress *progress, const char *state_directory)
{
        char why[REASON_SIZE];

        *progress = (struct progress){.state_directory = state_directory, .begun = mono_now()};
        progress->view = ledgerview_open(state_directory, why);
        progress->fresh = progress->view == NULL;
}

void progress_free(struct progress *progress)
{
        if (progress->view != NULL)
                ledgerview_close(progress->view);
        free(progress->items);
        *progress = (struct progress){0};
}

static struct progress_item *append(struct progress *progress)
{
        if (progress->count == progress->capacity) {
                progress->capacity = progress->capacity > 0 ? progress->capacity * 2 : 16;
                progress->items = memory_resized(progress->items, progress->capacity, sizeof(*progress->items));
        }
        struct progress_item *item = &progress->items[progress->count++];
        *item = (struct progress_item){.left_s = -1, .done_first = -1};
        return item;
}

void progress_add(
    struct progress *progress, const char *symbol, enum interval interval, int64_t start_us, int64_t end_us)
{
        struct progress_item *item = append(progress);

        snprintf(item->symbol, sizeof(item->symbol), "%s", symbol);
        item->interval = interval;
        item->name = interval_name(interval);
        item->start_us = start_us;
        item->end_us = end_us;
}

void progress_add_ticks(
    struct progress *progress, const char *symbol, enum tick_kind kind, int64_t start_us, int64_t end_us)
{
        struct progress_item *item = append(progress);

        snprintf(item->symbol, sizeof(item->symbol), "%s", symbol);
        item->is_ticks = true;
        item->kind = kind;
        item->name = ledger_tick_kind_name(kind);
        item->start_us = start_us;
        item->end_us = end_us;
}

const char *progress_format_bucket(const struct progress_item *item, char text[PROGRESS_BUCKET_SIZE])
{
        snprintf(text, PROGRESS_BUCKET_SIZE, "%s/%s", item->symbol,
            item->is_ticks ? tick_group(item->kind) : interval_name(item->interval));
        return text;
}

// ---- reading ----

// True where the ledger should be read now.
static bool is_due(struct progress *progress, const struct governor_page *page)
{
        char why[REASON_SIZE];
        int64_t now_us = mono_now().us;
        uint64_t changes = page != NULL ? atomic_load(&page->ledger_changes) : 0;

        if (progress->view == NULL)
                progress->view = ledgerview_open(progress->state_directory, why);
        if (progress->view == NULL)
                return false;
        bool changed = page == NULL || changes != progress->changes || now_us - progress->read_us >= US_PER_S;
        if (!changed || now_us - progress->read_us < READ_EVERY_US)
                return false;
        progress->changes = changes;
        progress->read_us = now_us;
        return true;
}

static int64_t exchange_now_us(const struct governor_page *page)
{
        return page != NULL ? governor_exchange_now_us(page) : -1;
}

// The rate is the mean since the item began to grow: jobs end in large steps, and what is drawn should be calm.
static void note_growth(const struct progress *progress, struct progress_item *item)
{
        int64_t done = item->tally.stored;
        mono_time now = mono_now();

        if (!item->tally.known)
                return;
        if (tally_is_complete(&item->tally))
                item->completed = true;
        else if (item->tally.missing >= UNDER_WAY_FEW)
                item->completed = false;
        if (item->done_first < 0) {
                item->done_first = progress->fresh ? 0 : done;
                item->begun = progress->fresh ? progress->begun : now;
                item->done = item->done_first;
        }
        if (done == item->done_first && !progress->fresh)
                item->begun = now;
        if (done != item->done)
                item->grown = now;
        item->done = done;
        // Jobs end in steps: until the next one is overdue the last one counts.
        bool overdue = mono_since_ms(now, item->grown) > OVERDUE_MS;
        double seconds = (double)mono_since_ms(overdue ? now : item->grown, item->begun) / 1e3;
        if (done <= item->done_first || seconds <= 0)
                return;
        if (item->tally.missing > 0 || item->rate == 0)
                item->rate = (double)(done - item->done_first) / (seconds > 0.25 ? seconds : 0.25);
        item->left_s = done - item->done_first >= RATE_ROWS_FEW ? (double)item->tally.missing / item->rate : -1;
}

static double weight_left(const struct progress_item *item)
{
        const struct tally *tally = &item->tally;
        uint32_t page = !item->is_ticks ? KLINES_WEIGHT : item->kind == TICK_TRADE ? TRADES_WEIGHT : AGG_TRADES_WEIGHT;

        return tally->made_here || tally->why[0] != '\0' ? 0 : eta_weight(tally->missing, page);
}

// A rate of a few seconds may be that of the burst which the budget allows at first.
static void mind_budget(struct progress *progress, const struct governor_page *page)
{
        uint32_t budget = page != NULL ? facts_weight_budget(page) : 0;
        size_t count = 0;

        if (budget == 0 || progress->count == 0)
                return;
        struct eta_item *items = memory_zeroed(progress->count, sizeof(*items));
        for (size_t i = 0; i < progress->count; i++) {
                double weight = weight_left(&progress->items[i]);
                if (weight > 0)
                        items[count++] = (struct eta_item){.number = i, .weight = weight};
        }
        eta_share(items, count, budget);
        for (size_t i = 0; i < count; i++) {
                struct progress_item *item = &progress->items[items[i].number];
                // Of what waits its turn it is not known when that comes.
                if (item->left_s >= 0 && items[i].left_s > item->left_s)
                        item->left_s = items[i].left_s;
        }
        free(items);
}

struct following {
        struct progress *progress;
        size_t seen;
};

// The item of that name; the same ones come in the same order, mostly. NULL: it is new.
static struct progress_item *find_item(struct following *following, const char *symbol, const char *name)
{
        struct progress *progress = following->progress;

        for (size_t i = following->seen; i < progress->count; i++) {
                if (strcmp(progress->items[i].name, name) == 0 && strcmp(progress->items[i].symbol, symbol) == 0) {
                        following->seen = i + 1;
                        return &progress->items[i];
                }
        }
        following->seen = progress->count + 1;
        return NULL;
}

static int follow_bucket(void *context, const struct ledger_bucket *bucket)
{
        struct following *following = context;
        struct progress *progress = following->progress;

        if (!bucket->followed)
                return 0;
        struct progress_item *item = find_item(following, bucket->symbol, interval_name(bucket->interval));
        if (item == NULL) {
                progress_add(progress, bucket->symbol, bucket->interval, INT64_MIN, INT64_MAX);
                item = &progress->items[progress->count - 1];
        }
        tally_take(bucket, &item->tally);
        note_growth(progress, item);
        return 0;
}

// Ticks that are streamed alone have no history to wait for.
static int follow_tick(void *context, const struct ledger_tick *tick)
{
        struct following *following = context;
        struct progress *progress = following->progress;

        if (!tick->followed || !tick->backfill)
                return 0;
        struct progress_item *item = find_item(following, tick->symbol, ledger_tick_kind_name(tick->kind));
        if (item == NULL) {
                progress_add_ticks(progress, tick->symbol, tick->kind, INT64_MIN, INT64_MAX);
                item = &progress->items[progress->count - 1];
        }
        tally_take_ticks(tick, &item->tally);
        note_growth(progress, item);
        return 0;
}

void progress_follow(struct progress *progress, const struct governor_page *page)
{
        struct following following = {.progress = progress};

        if (!is_due(progress, page))
                return;
        // A failed read is tried again with the next change.
        (void)ledgerview_each_bucket(progress->view, exchange_now_us(page), follow_bucket, &following);
        following.seen = 0;
        (void)ledgerview_each_tick(progress->view, follow_tick, &following);
        mind_budget(progress, page);
}

static int count_item(
    const struct progress *progress, struct progress_item *item, int64_t end_us, const struct governor_page *page)
{
        if (item->is_ticks)
                return tally_count_ticks(
                    progress->view, item->symbol, item->kind, item->start_us, end_us, &item->tally);
        return tally_count(progress->view, item->symbol, item->interval, item->start_us,
            interval_floor_us(item->interval, end_us), exchange_now_us(page), &item->tally);
}

void progress_count(struct progress *progress, const struct governor_page *page, bool now)
{
        struct ledger_meta meta;

        if ((!is_due(progress, page) && !now) || progress->view == NULL || ledgerview_meta(progress->view, &meta) != 0)
                return;
        for (size_t i = 0; i < progress->count; i++) {
                struct progress_item *item = &progress->items[i];
                int64_t end_us = item->end_us < meta.horizon_us ? item->end_us : meta.horizon_us;
                if (end_us == INT64_MAX)
                        continue; // what "now" is, only the exchange can say
                // A failed read is tried again with the next change.
                if (count_item(progress, item, end_us, page) == 0)
                        note_growth(progress, item);
        }
        mind_budget(progress, page);
}

const struct progress_item *progress_newly_complete(struct progress *progress)
{
        for (size_t i = 0; i < progress->count; i++) {
                if (!progress->items[i].completed || progress->items[i].announced)
                        continue;
                progress->items[i].announced = true;
                return &progress->items[i];
        }
        return NULL;
}

size_t progress_completed(const struct progress *progress)
{
        size_t completed = 0;

        for (size_t i = 0; i < progress->count; i++)
                completed += progress->items[i].completed;
        return completed;
}

bool progress_is_complete(const struct progress *progress)
{
        for (size_t i = 0; i < progress->count; i++) {
                if (!tally_is_complete(&progress->items[i].tally))
                        return false;
        }
        return progress->count > 0;
}

bool progress_may_go_on(const struct progress *progress)
{
        for (size_t i = 0; i < progress->count; i++) {
                const struct tally *tally = &progress->items[i].tally;
                if (!tally_is_complete(tally) && tally->why[0] == '\0')
                        return true;
        }
        return false;
}

struct tally progress_total(const struct progress *progress)
{
        struct tally total = {.known = true};

        for (size_t i = 0; i < progress->count; i++)
                tally_add(&total, &progress->items[i].tally);
        return total;
}

// ---- drawing ----

static double share_of(const struct tally *tally)
{
        return tally->wanted > 0 ? (double)(tally->wanted - tally->missing) / (double)tally->wanted : 1;
}

static void draw_item(const struct progress_item *item, int name_width, struct screen *screen)
{
        char bar[SCREEN_BAR_SIZE], share[UNITS_TEXT_SIZE], done[UNITS_TEXT_SIZE], wanted[UNITS_TEXT_SIZE],
            rate[UNITS_TEXT_SIZE], span[UNITS_TEXT_SIZE], left[UNITS_TEXT_SIZE + 16];
        const struct tally *tally = &item->tally;
        const char *name = item->name;
        int cells = screen->width > 90 ? 24 : screen->width > 70 ? 12 : 6;

        if (tally->why[0] != '\0') {
                screen_panel_line(screen, "%-12s %-*s  %s%s", item->symbol, name_width, name,
                    screen_colour(screen->colour, COLOUR_RED), tally->why);
                return;
        }
        if (!tally->known) {
                // The newest ids are asked for once REST is sure to have them.
                screen_panel_line(screen, "%-12s %-*s  %s%s%s", item->symbol, name_width, name,
                    screen_colour(screen->colour, COLOUR_DIM),
                    item->is_ticks ? "its first and last id are looked for, which takes some 10 s"
                                   : "no rows stored yet",
                    screen_colour(screen->colour, COLOUR_NONE));
                return;
        }
        if (item->completed)
                snprintf(left, sizeof(left), "complete");
        else if (item->left_s < 0)
                snprintf(left, sizeof(left), "waiting its turn");
        else
                snprintf(left, sizeof(left), "%s left", units_span_s(item->left_s, span));
        if (item->done - item->done_first >= RATE_ROWS_FEW)
                snprintf(rate, sizeof(rate), "%s rows/s", units_count((int64_t)item->rate, span));
        else
                rate[0] = '\0';
        screen_panel_line(screen, "%-12s %-*s  %s%s%s %7s  %10s of %s rows  %15s  %s", item->symbol, name_width, name,
            screen_colour(screen->colour, item->completed ? COLOUR_GREEN : COLOUR_NONE),
            screen_bar(share_of(tally), cells, screen->utf8, bar), screen_colour(screen->colour, COLOUR_NONE),
            units_share(tally->wanted - tally->missing, tally->wanted, share), units_count(tally->stored, done),
            units_count(tally->wanted, wanted), rate, left);
}

void progress_draw(const struct progress *progress, struct screen *screen, bool all, size_t lines_max)
{
        struct tally rest = {.known = true};
        size_t drawn = 0, complete = 0, hidden = 0;
        char missing[UNITS_TEXT_SIZE];
        int name_width = 3;

        for (size_t i = 0; i < progress->count; i++) {
                int length = (int)strlen(progress->items[i].name);
                name_width = length > name_width ? length : name_width;
        }
        for (size_t i = 0; i < progress->count; i++) {
                const struct progress_item *item = &progress->items[i];
                complete += item->completed;
                if (item->completed && !all)
                        continue;
                if (drawn < lines_max) {
                        draw_item(item, name_width, screen);
                        drawn++;
                } else {
                        hidden++;
                        tally_add(&rest, &item->tally);
                }
        }
        if (hidden > 0)
                screen_panel_line(screen, "and %zu more, %s rows missing", hidden, units_count(rest.missing, missing));
        if (complete > 0 && !all && complete < progress->count)
                screen_panel_line(screen, "%zu of %zu are complete", complete, progress->count);
}
