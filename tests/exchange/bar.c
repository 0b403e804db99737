// SPDX-License-Identifier: Apache-2.0
#include "tests/exchange/bar.h"

#include <string.h>

void bar_clear(struct bar *bar)
{
        memset(bar, 0, sizeof *bar);
        bar->first_id = bar->last_id = -1;
}

void bar_add(struct bar *bar, const struct bar *more)
{
        if (more->trades == 0) {
                return;
        }
        if (bar->trades == 0) {
                bar->open = more->open;
                bar->high = more->high;
                bar->low = more->low;
                bar->first_id = more->first_id;
        }
        bar->high = more->high > bar->high ? more->high : bar->high;
        bar->low = more->low < bar->low ? more->low : bar->low;
        bar->close = more->close;
        bar->volume += more->volume;
        bar->quote_volume += more->quote_volume;
        bar->taker_base += more->taker_base;
        bar->taker_quote += more->taker_quote;
        bar->trades += more->trades;
        bar->last_id = more->last_id;
}

void bar_set_flat(struct bar *bar, int64_t price)
{
        bar->open = bar->high = bar->low = bar->close = price;
}
