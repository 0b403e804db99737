// SPDX-License-Identifier: Apache-2.0
#include "cli/facts_draw.h"

#include "common/units.h"

#include <stdio.h>
#include <string.h>

void facts_draw(const struct facts *facts, bool working, struct screen *screen)
{
        char used[UNITS_TEXT_SIZE], budget[UNITS_TEXT_SIZE], span[UNITS_TEXT_SIZE], p50[UNITS_TEXT_SIZE],
            line[SCREEN_LINE_BYTES];
        const char *dot = screen->utf8 ? "·" : "|";
        size_t length =
            (size_t)snprintf(line, sizeof(line), "request weight %s", units_count(facts->weight_used, used));

        if (facts->weight_budget > 0)
                length += (size_t)snprintf(
                    line + length, sizeof(line) - length, " of %s", units_count(facts->weight_budget, budget));
        length += (size_t)snprintf(line + length, sizeof(line) - length, " this minute");
        if (facts->streams > 0)
                length += (size_t)snprintf(line + length, sizeof(line) - length, "  %s  %u of %u streams connected",
                    dot, facts->streams_connected, facts->streams);
        if (working && facts->rows_fetched > 0)
                length += (size_t)snprintf(line + length, sizeof(line) - length, "  %s  %s rows fetched", dot,
                    units_count((int64_t)facts->rows_fetched, used));
        if (facts->p50_us > 0 && !working)
                length += (size_t)snprintf(line + length, sizeof(line) - length, "  %s  bars durable in %s", dot,
                    units_latency_us(facts->p50_us, p50));
        if (facts->spool_bytes > 1024 * 1024)
                snprintf(line + length, sizeof(line) - length, "  %s  %s wait to be stored", dot,
                    units_bytes(facts->spool_bytes, used));
        screen_panel_minor(screen, "%s%s", screen_colour(screen->colour, COLOUR_DIM), line);
        const char *warn = screen_colour(screen->colour, COLOUR_YELLOW);
        // Without a terminal a countdown would be a line every other second.
        if (facts->ban_s > 0)
                screen_panel_line(screen, "%sThe exchange refuses requests (HTTP %u); all wait%s%s%s", warn,
                    facts->ban_status, screen->live ? " for " : "",
                    screen->live ? units_span_s((double)facts->ban_s, span) : "",
                    facts->streams > 0 ? ", streams go on" : "");
        else if (facts->unreachable >= UNREACHABLE_FEW)
                screen_panel_line(
                    screen, "%sThe exchange cannot be reached; it is tried on, ever more slowly up to a minute", warn);
        if (facts->disk_full)
                screen_panel_line(screen, "%sThe disk is full: nothing is acknowledged until there is room", warn);
}
