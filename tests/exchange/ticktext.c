// SPDX-License-Identifier: Apache-2.0
#include "tests/exchange/ticktext.h"

#include "tests/exchange/text.h"

#define EVENT_DELAY_US 1000 // an event is stamped a millisecond after what it tells of

static char *put_number(char *at, const char *key, int64_t value)
{
        return text_put_integer(text_put_string(at, key), value);
}

// Keys end with the opening quote of the value.
static char *put_amount(char *at, const char *key, int64_t value)
{
        at = text_put_decimal(text_put_string(at, key), value);
        *at++ = '"';
        return at;
}

static char *put_name(char *at, const char *key, const char *name)
{
        at = text_put_string(text_put_string(at, key), name);
        *at++ = '"';
        return at;
}

static char *put_flag(char *at, const char *key, bool flag)
{
        return text_put_string(text_put_string(at, key), flag ? "true" : "false");
}

static int64_t unit(int64_t time_us, bool micro)
{
        return micro ? time_us : time_us / 1000;
}

// ---- events ----

char *ticktext_put_trade_event(char *at, const char *symbol, const struct ticks_trade *trade, bool micro)
{
        at = put_number(at, "{\"e\":\"trade\",\"E\":", unit(trade->time_us + EVENT_DELAY_US, micro));
        at = put_name(at, ",\"s\":\"", symbol);
        at = put_number(at, ",\"t\":", trade->id);
        at = put_amount(at, ",\"p\":\"", trade->price);
        at = put_amount(at, ",\"q\":\"", trade->quantity);
        at = put_number(at, ",\"T\":", unit(trade->time_us, micro));
        at = put_flag(at, ",\"m\":", trade->buyer_is_maker);
        return text_put_string(at, ",\"M\":true}");
}

char *ticktext_put_agg_event(char *at, const char *symbol, const struct ticks_agg *agg, bool micro)
{
        at = put_number(at, "{\"e\":\"aggTrade\",\"E\":", unit(agg->time_us + EVENT_DELAY_US, micro));
        at = put_name(at, ",\"s\":\"", symbol);
        at = put_number(at, ",\"a\":", agg->id);
        at = put_amount(at, ",\"p\":\"", agg->price);
        at = put_amount(at, ",\"q\":\"", agg->quantity);
        at = put_number(at, ",\"f\":", agg->first_id);
        at = put_number(at, ",\"l\":", agg->last_id);
        at = put_number(at, ",\"T\":", unit(agg->time_us, micro));
        at = put_flag(at, ",\"m\":", agg->buyer_is_maker);
        return text_put_string(at, ",\"M\":true}");
}

char *ticktext_put_quote_event(char *at, const char *symbol, int64_t id, const struct book_top *top)
{
        at = put_number(at, "{\"u\":", id);
        at = put_name(at, ",\"s\":\"", symbol);
        at = put_amount(at, ",\"b\":\"", top->bid.price);
        at = put_amount(at, ",\"B\":\"", top->bid.quantity);
        at = put_amount(at, ",\"a\":\"", top->ask.price);
        at = put_amount(at, ",\"A\":\"", top->ask.quantity);
        *at++ = '}';
        return at;
}

static char *put_levels(char *at, const char *key, const struct book_level *levels, size_t count)
{
        at = text_put_string(at, key);
        for (size_t i = 0; i < count; i++) {
                at = put_amount(at, i == 0 ? "[\"" : ",[\"", levels[i].price);
                at = put_amount(at, ",\"", levels[i].quantity);
                *at++ = ']';
        }
        *at++ = ']';
        return at;
}

char *ticktext_put_diff_event(char *at, const char *symbol, int64_t event_ms, int64_t from, int64_t to,
    const struct book_changes *changes, bool micro)
{
        at = put_number(at, "{\"e\":\"depthUpdate\",\"E\":", micro ? event_ms * 1000 : event_ms);
        at = put_name(at, ",\"s\":\"", symbol);
        at = put_number(at, ",\"U\":", from);
        at = put_number(at, ",\"u\":", to);
        at = put_levels(at, ",\"b\":[", changes->bids, changes->bid_count);
        at = put_levels(at, ",\"a\":[", changes->asks, changes->ask_count);
        *at++ = '}';
        return at;
}

char *ticktext_put_book(char *at, int64_t id, const struct book_level *bids, size_t bid_count,
    const struct book_level *asks, size_t ask_count)
{
        at = put_number(at, "{\"lastUpdateId\":", id);
        at = put_levels(at, ",\"bids\":[", bids, bid_count);
        at = put_levels(at, ",\"asks\":[", asks, ask_count);
        *at++ = '}';
        return at;
}

// ---- rows of REST ----

char *ticktext_put_trade_row(char *at, const struct ticks_trade *trade, bool micro)
{
        wide quote = (wide)trade->price * trade->quantity / BAR_SCALE;
        at = put_number(at, "{\"id\":", trade->id);
        at = put_amount(at, ",\"price\":\"", trade->price);
        at = put_amount(at, ",\"qty\":\"", trade->quantity);
        at = text_put_decimal(text_put_string(at, ",\"quoteQty\":\""), quote);
        at = put_number(at, "\",\"time\":", unit(trade->time_us, micro));
        at = put_flag(at, ",\"isBuyerMaker\":", trade->buyer_is_maker);
        return text_put_string(at, ",\"isBestMatch\":true}");
}

char *ticktext_put_agg_row(char *at, const struct ticks_agg *agg, bool micro, bool tombstone)
{
        at = put_number(at, "{\"a\":", agg->id);
        at = tombstone ? text_put_string(at, ",\"p\":\"0\",\"q\":\"0\"")
                       : put_amount(put_amount(at, ",\"p\":\"", agg->price), ",\"q\":\"", agg->quantity);
        at = put_number(at, ",\"f\":", tombstone ? -1 : agg->first_id);
        at = put_number(at, ",\"l\":", tombstone ? -1 : agg->last_id);
        at = put_number(at, ",\"T\":", unit(agg->time_us, micro));
        at = put_flag(at, ",\"m\":", agg->buyer_is_maker);
        return text_put_string(at, ",\"M\":true}");
}

// ---- lines of the ledger ----

static char *put_field(char *at, int64_t amount)
{
        at = text_put_decimal(at, amount);
        *at++ = ',';
        return at;
}

static char *put_end(char *at, bool buyer_is_maker)
{
        return text_put_string(at, buyer_is_maker ? ",1\n" : ",0\n");
}

char *ticktext_put_trade_line(char *at, const struct ticks_trade *trade)
{
        at = text_put_integer(at, trade->id);
        *at++ = ',';
        at = put_field(at, trade->price);
        at = put_field(at, trade->quantity);
        at = text_put_integer(at, trade->time_us);
        return put_end(at, trade->buyer_is_maker);
}

char *ticktext_put_agg_line(char *at, const struct ticks_agg *agg)
{
        at = text_put_integer(at, agg->id);
        *at++ = ',';
        at = put_field(at, agg->price);
        at = put_field(at, agg->quantity);
        at = text_put_integer(at, agg->first_id);
        at = put_number(at, ",", agg->last_id);
        at = put_number(at, ",", agg->time_us);
        return put_end(at, agg->buyer_is_maker);
}

char *ticktext_put_quote_line(char *at, int64_t id, const struct book_top *top, int64_t time_us)
{
        at = text_put_integer(at, id);
        *at++ = ',';
        at = put_field(at, top->bid.price);
        at = put_field(at, top->bid.quantity);
        at = put_field(at, top->ask.price);
        at = put_field(at, top->ask.quantity);
        at = text_put_integer(at, time_us);
        *at++ = '\n';
        return at;
}
