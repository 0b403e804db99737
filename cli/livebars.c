// SPDX-License-Identifier: Apache-2.0
#include "cli/livebars.h"

#include "common/interval.h"
#include "common/units.h"

#include <stdio.h>
#include <string.h>

#define LINES_AT_ONCE_MAX 12 // more than this is not read by anybody
#define FULL_LINE_COLUMNS 108

struct bar {
        char symbol[SYMBOL_SIZE];
        uint32_t interval;
        int64_t open_us;
        double close, volume;
        int64_t received_ns, durable_ns, stored_ns;
};

// The writer may be at work on the entry: its sequence says so before and after. False: not to be had any more.
static bool copy_entry(const struct live_entry *entry, uint64_t sequence, struct bar *bar)
{
        if (atomic_load(&entry->sequence) != sequence)
                return false;
        memcpy(bar->symbol, entry->symbol, SYMBOL_SIZE);
        bar->symbol[SYMBOL_SIZE - 1] = '\0';
        bar->interval = entry->interval;
        bar->open_us = entry->open_us;
        bar->close = entry->close;
        bar->volume = entry->volume;
        bar->received_ns = entry->received_wall_ns;
        bar->durable_ns = entry->durable_wall_ns;
        bar->stored_ns = entry->stored_wall_ns;
        atomic_thread_fence(memory_order_acquire);
        return atomic_load(&entry->sequence) == sequence && bar->interval < INTERVAL_COUNT;
}

void livebars_begin(struct livebars *bars, const struct governor_page *page)
{
        *bars = (struct livebars){.seen = atomic_load(&page->live_sequence)};
}

static void show(const struct bar *bar, struct screen *screen)
{
        char clock[UNITS_TEXT_SIZE], close[UNITS_TEXT_SIZE], volume[UNITS_TEXT_SIZE], durable[UNITS_TEXT_SIZE],
            stored[UNITS_TEXT_SIZE], took[2 * UNITS_TEXT_SIZE + 48] = "", traded[UNITS_TEXT_SIZE + 16] = "";
        bool narrow = screen->live && screen->width < FULL_LINE_COLUMNS;

        if (bar->received_ns > 0 && bar->durable_ns >= bar->received_ns && bar->stored_ns >= bar->received_ns)
                snprintf(took, sizeof(took), "durable %s, stored %s%s",
                    units_latency_us((bar->durable_ns - bar->received_ns) / 1000, durable),
                    units_latency_us((bar->stored_ns - bar->received_ns) / 1000, stored),
                    narrow ? "" : " after it arrived");
        else
                snprintf(took, sizeof(took), "from the spool of an earlier run");
        // What took how long is the news here; the volume goes first where a line would be broken in two.
        if (!narrow)
                snprintf(traded, sizeof(traded), "  vol %12s", units_price(bar->volume, volume));
        units_clock_us(bar->open_us, clock);
        screen_say(screen, "%s  %-12s %-3s  close %s%14s%s%s  %s%s%s", clock, bar->symbol,
            interval_name((enum interval)bar->interval), screen_colour(screen->colour, COLOUR_BOLD),
            units_price(bar->close, close), screen_colour(screen->colour, COLOUR_NONE), traded,
            screen_colour(screen->colour, COLOUR_DIM), took, screen_colour(screen->colour, COLOUR_NONE));
}

void livebars_show(struct livebars *bars, const struct governor_page *page, struct screen *screen)
{
        uint64_t newest = atomic_load(&page->live_sequence);
        uint64_t first = bars->seen + 1;
        struct bar bar;

        if (newest < first)
                return;
        if (newest - first >= LINES_AT_ONCE_MAX) {
                uint64_t left_out = newest - first + 1 - LINES_AT_ONCE_MAX;
                screen_say(screen, "          and %llu more bars closed", (unsigned long long)left_out);
                bars->passed_over += left_out;
                first += left_out;
        }
        for (uint64_t sequence = first; sequence <= newest; sequence++) {
                if (!copy_entry(&page->live[sequence % LIVE_RING_ENTRIES], sequence, &bar))
                        continue;
                show(&bar, screen);
                bars->shown++;
        }
        bars->seen = newest;
}
