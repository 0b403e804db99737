// SPDX-License-Identifier: Apache-2.0
#include "tests/exchange/page.h"

static size_t fill_forward(const struct page_query *query, struct bar *bars)
{
        const struct market_series *series = &query->series;
        size_t count = 0;
        // A shifted bar may open inside the window though its place lies before it.
        int64_t at = query->start_ms - market_shift_max(series->market);
        while (count < query->limit) {
                int64_t place = market_next_place(series, at);
                if (place > query->now_ms || (query->has_end && place > query->end_ms) ||
                    !market_get_bar(series, place, query->now_ms, &bars[count])) {
                        break;
                }
                if (bars[count].open_ms >= query->start_ms &&
                    (!query->has_end || bars[count].open_ms <= query->end_ms)) {
                        count++;
                }
                at = place + 1;
        }
        return count;
}

static void reverse(struct bar *bars, size_t count)
{
        for (size_t i = 0; i < count / 2; i++) {
                struct bar bar = bars[i];
                bars[i] = bars[count - 1 - i];
                bars[count - 1 - i] = bar;
        }
}

static size_t fill_backward(const struct page_query *query, struct bar *bars)
{
        const struct market_series *series = &query->series;
        size_t count = 0;
        int64_t at = query->has_end && query->end_ms < query->now_ms ? query->end_ms : query->now_ms;
        while (count < query->limit) {
                int64_t place = market_previous_place(series, at);
                if (place == -MARKET_NEVER) {
                        break;
                }
                if (market_get_bar(series, place, query->now_ms, &bars[count]) &&
                    (!query->has_end || bars[count].open_ms <= query->end_ms)) {
                        count++;
                }
                at = place - 1;
        }
        reverse(bars, count);
        return count;
}

size_t page_fill(const struct page_query *query, struct bar *bars)
{
        return query->has_start ? fill_forward(query, bars) : fill_backward(query, bars);
}
