// SPDX-License-Identifier: Apache-2.0
#include "tests/exchange/streams.h"

#include <string.h>

#include "tests/exchange/text.h"
#include "tests/exchange/tickstream.h"
#include "tests/exchange/wsfaults.h"

#define EVENT_DELAY_MS 2   // a closing event is stamped two milliseconds after the bar's last one, as on Binance
#define LOOK_AGAIN_MS 1000 // exchange time between looks at a stream that has no bar to offer
#define EVENT_TEXT_MAX 1024

void streams_begin(struct session *session, struct subscription *subscription)
{
        struct exchange *exchange = session->exchange;
        subscription->served = served_find_stream(exchange->served, subscription->name);
        if (subscription->type != STREAM_KLINE) {
                tickstream_prepare(session, subscription);
                return;
        }
        subscription->cursor_ms =
            grid_floor(subscription->interval, simclock_now_ms(&exchange->clock), subscription->zone_ms);
        struct served_stream *served = subscription->served;
        if (exchange->options->blast > 0) {
                if (served->blast_place_ms < 0) {
                        served->blast_place_ms = grid_floor(subscription->interval, exchange->options->start_ms, 0);
                        served->blast_left = exchange->options->blast;
                }
                subscription->cursor_ms = served->blast_place_ms;
        }
}

// ---- text ----

static char *put_price(char *at, const char *key, wide value)
{
        at = text_put_string(at, key);
        at = text_put_decimal(at, value);
        return text_put_string(at, "\"");
}

static char *put_number(char *at, const char *key, int64_t value)
{
        return text_put_integer(text_put_string(at, key), value);
}

static char *put_kline(char *at, const struct session *session, const struct subscription *subscription,
    const struct bar *bar, int64_t event_ms, bool closed)
{
        int64_t unit = session->micro ? 1000 : 1;
        at = put_number(at, "{\"e\":\"kline\",\"E\":", event_ms * unit);
        at = text_put_string(at, ",\"s\":\"");
        at = text_put_string(at, subscription->symbol);
        at = put_number(at, "\",\"k\":{\"t\":", bar->open_ms * unit);
        at = put_number(at, ",\"T\":", text_close_time(bar->close_ms, session->micro));
        at = text_put_string(at, ",\"s\":\"");
        at = text_put_string(at, subscription->symbol);
        at = text_put_string(at, "\",\"i\":\"");
        at = text_put_string(at, grid_interval_name(subscription->interval));
        at = put_number(at, "\",\"f\":", bar->first_id);
        at = put_number(at, ",\"L\":", bar->last_id);
        at = put_price(at, ",\"o\":\"", bar->open);
        at = put_price(at, ",\"c\":\"", bar->close);
        at = put_price(at, ",\"h\":\"", bar->high);
        at = put_price(at, ",\"l\":\"", bar->low);
        at = put_price(at, ",\"v\":\"", bar->volume);
        at = put_number(at, ",\"n\":", bar->trades);
        at = text_put_string(at, closed ? ",\"x\":true" : ",\"x\":false");
        at = put_price(at, ",\"q\":\"", bar->quote_volume);
        at = put_price(at, ",\"V\":\"", bar->taker_base);
        at = put_price(at, ",\"Q\":\"", bar->taker_quote);
        return text_put_string(at, ",\"B\":\"0\"}}");
}

static void send_event(
    struct session *session, struct subscription *subscription, const struct bar *bar, int64_t event_ms, bool closed)
{
        char text[EVENT_TEXT_MAX], *at = text;
        if (session->combined) {
                at = text_put_string(at, "{\"stream\":\"");
                at = text_put_string(at, subscription->name);
                at = text_put_string(at, "\",\"data\":");
        }
        at = put_kline(at, session, subscription, bar, event_ms, closed);
        if (session->combined) {
                at = text_put_string(at, "}");
        }
        wsfaults_send_event(session, subscription, bar, closed, text, (size_t)(at - text));
}

// ---- which event is due ----

static void send_closed(struct session *session, struct subscription *subscription, struct bar *bar)
{
        struct served_stream *served = subscription->served;
        struct bar sent = *bar;
        if (served->first_open_ms < 0) {
                served->first_open_ms = bar->open_ms;
        }
        served->last_open_ms = bar->open_ms;
        served->closed++;
        subscription->updated_trades = -1;
        wsfaults_spoil_bar(session, subscription, &sent);
        send_event(session, subscription, &sent, bar->close_ms + EVENT_DELAY_MS, true);
}

static bool update_is_due(const struct subscription *subscription, const struct bar *bar, int64_t now)
{
        int64_t cadence = subscription->interval == GRID_1S ? 1000 : 2000;
        return now - subscription->updated_ms >= cadence && bar->trades != subscription->updated_trades;
}

static void send_update(struct session *session, struct subscription *subscription, const struct bar *bar, int64_t now)
{
        subscription->updated_ms = now;
        subscription->updated_trades = bar->trades;
        subscription->served->updates++;
        send_event(session, subscription, bar, now, false);
}

// As fast as the socket takes them; the exchange's clock follows the newest event.
static bool emit_blast(struct session *session, struct subscription *subscription, const struct market_series *series)
{
        struct exchange *exchange = session->exchange;
        struct served_stream *served = subscription->served;
        struct bar bar;
        int64_t place = market_next_place(series, subscription->cursor_ms);
        if (place == MARKET_NEVER || served->blast_left <= 0 ||
            !market_get_bar(series, place, MARKET_NEVER - 1, &bar)) {
                return false;
        }
        market_number_bar(series, place, &bar);
        subscription->cursor_ms = place + 1;
        if (subscription->cursor_ms > served->blast_place_ms) {
                served->blast_place_ms = subscription->cursor_ms;
                served->blast_left--;
        }
        if (bar.close_ms + EVENT_DELAY_MS > simclock_now_ms(&exchange->clock)) {
                simclock_set(&exchange->clock, bar.close_ms + EVENT_DELAY_MS);
        }
        send_closed(session, subscription, &bar);
        return true;
}

static bool emit_due(
    struct session *session, struct subscription *subscription, const struct market_series *series, int64_t now)
{
        struct bar bar;
        int64_t place = market_next_place(series, subscription->cursor_ms);
        subscription->due_ms = now + LOOK_AGAIN_MS;
        if (place > now) {
                subscription->due_ms = place < subscription->due_ms ? place : subscription->due_ms;
                return false;
        }
        if (!market_get_bar(series, place, now, &bar)) {
                return false;
        }
        market_number_bar(series, place, &bar);
        if (bar.close_ms + EVENT_DELAY_MS <= now) {
                subscription->cursor_ms = place + 1;
                subscription->due_ms = now;
                send_closed(session, subscription, &bar);
                return true;
        }
        if (update_is_due(subscription, &bar, now)) {
                send_update(session, subscription, &bar, now);
        }
        int64_t closes = bar.close_ms + EVENT_DELAY_MS;
        subscription->due_ms = closes < subscription->due_ms ? closes : subscription->due_ms;
        return false;
}

bool streams_emit(struct session *session, struct subscription *subscription)
{
        struct exchange *exchange = session->exchange;
        int64_t now = simclock_now_ms(&exchange->clock);
        bool blast = exchange->options->blast > 0;
        if (subscription->type == STREAM_SILENT || (!blast && now < subscription->due_ms)) {
                return false;
        }
        if (subscription->type == STREAM_RECORDED) {
                return tickstream_emit_recorded(session, subscription);
        }
        struct market_symbol *symbol = market_find_symbol(exchange->market, subscription->symbol);
        if (symbol == NULL) {
                subscription->due_ms = now + LOOK_AGAIN_MS; // it may be listed later
                return false;
        }
        if (subscription->type != STREAM_KLINE) {
                return blast ? tickstream_blast(session, subscription, symbol)
                             : tickstream_emit(session, subscription, symbol);
        }
        const struct market_series series = {exchange->market, symbol, subscription->interval, subscription->zone_ms};
        return blast ? emit_blast(session, subscription, &series) : emit_due(session, subscription, &series, now);
}
