// SPDX-License-Identifier: Apache-2.0
#include "tests/exchange/tickstream.h"

#include <stdlib.h>
#include <string.h>

#include "tests/exchange/capture.h"
#include "tests/exchange/heap.h"
#include "tests/exchange/text.h"
#include "tests/exchange/ticktext.h"
#include "tests/exchange/wsfaults.h"

#define EVENT_DELAY_MS 1   // as stamped by ticktext
#define LOOK_AGAIN_MS 1000 // exchange time between looks at a stream that will have nothing
#define WRAP_MAX 128       // {"stream":"...","data":...}
#define BLAST_CHUNK ((size_t)128 << 10)

// One event: which ids it tells of, when it is due, and which time faults know it by.
struct event {
        int64_t first_id, last_id, due_ms, time_ms;
};

// Of the whole program, which has one thread: the changes of a diff, a partial book, and room for an event's text.
static struct book_changes changes;
static char *scratch;
static size_t scratch_size;

static char *scratch_for(size_t levels)
{
        size_t size = WRAP_MAX + TICKTEXT_ROW_MAX + levels * TICKTEXT_LEVEL_MAX + WS_HEADER_MAX + 1;
        if (size > scratch_size) {
                scratch = heap_grow(scratch, size, 1);
                scratch_size = size;
        }
        return scratch;
}

// ---- where a subscription begins ----

static int64_t first_id_after(const struct subscription *subscription, const struct ticks_symbol *of, int64_t now)
{
        switch (subscription->type) {
        case STREAM_TRADE: return ticks_last_trade(of, now + 1) + 1;
        case STREAM_AGG: return ticks_last_agg(of, now + 1) + 1;
        case STREAM_QUOTE: return book_next_quote(of, book_last_update(of, now) + 1);
        default: return book_last_update(of, now - now % subscription->period_ms - 1) + 1;
        }
}

// After a wipe the ids begin anew, and so does whoever was subscribed before it.
static void begin(struct session *session, struct subscription *subscription, const struct ticks_symbol *of)
{
        struct exchange *exchange = session->exchange;
        struct served_stream *served = subscription->served;
        bool wiped = subscription->life_ms >= 0;
        subscription->life_ms = of->symbol->listed_ms;
        if (exchange->options->blast > 0) {
                if (served->blast_place_ms < 0) {
                        served->blast_place_ms = first_id_after(subscription, of, exchange->options->start_ms);
                        served->blast_left = exchange->options->blast;
                }
                subscription->cursor_id = served->blast_place_ms;
        } else {
                subscription->cursor_id =
                    wiped ? 1 : first_id_after(subscription, of, simclock_now_ms(&exchange->clock));
        }
        subscription->emission =
            served_add_emission(exchange->served, subscription->name, session->conn->serial, subscription->life_ms);
}

// ---- which event is next ----

// False when there will be none as things stand.
static bool next_trade(const struct subscription *subscription, const struct ticks_symbol *of, struct event *event)
{
        struct ticks_trade trade;
        struct ticks_agg agg;
        event->first_id = event->last_id = subscription->cursor_id;
        if (subscription->type == STREAM_TRADE) {
                if (!ticks_get_trade(of, event->first_id, &trade)) {
                        return false;
                }
                event->time_ms = trade.time_us / 1000;
        } else {
                if (!ticks_get_agg(of, event->first_id, &agg)) {
                        return false;
                }
                event->time_ms = agg.time_us / 1000;
        }
        event->due_ms = event->time_ms + EVENT_DELAY_MS;
        return true;
}

static bool next_update(const struct subscription *subscription, const struct ticks_symbol *of, struct event *event)
{
        struct ticks_agg agg;
        int64_t updates = of->symbol->updates_per_agg, period = subscription->period_ms;
        event->first_id = event->last_id = subscription->cursor_id;
        if (!ticks_get_agg(of, (event->first_id - 1) / updates + 1, &agg)) {
                return false;
        }
        event->time_ms = book_update_time_us(of, event->first_id) / 1000;
        event->due_ms = event->time_ms;
        if (subscription->type != STREAM_QUOTE) {
                event->due_ms = event->time_ms - event->time_ms % period + period;
        }
        return true;
}

static bool next_event(const struct subscription *subscription, const struct ticks_symbol *of, struct event *event)
{
        return subscription->type == STREAM_TRADE || subscription->type == STREAM_AGG
                   ? next_trade(subscription, of, event)
                   : next_update(subscription, of, event);
}

static int64_t id_after(const struct subscription *subscription, const struct ticks_symbol *of, int64_t id)
{
        return subscription->type == STREAM_QUOTE ? book_next_quote(of, id + 1) : id + 1;
}

// ---- text ----

static char *put_data(char *at, const struct subscription *subscription, const struct ticks_symbol *of,
    const struct event *event, bool micro)
{
        struct ticks_trade trade;
        struct ticks_agg agg;
        struct book_top top;
        switch (subscription->type) {
        case STREAM_TRADE:
                ticks_get_trade(of, event->first_id, &trade);
                return ticktext_put_trade_event(at, subscription->symbol, &trade, micro);
        case STREAM_AGG:
                ticks_get_agg(of, event->first_id, &agg);
                return ticktext_put_agg_event(at, subscription->symbol, &agg, micro);
        case STREAM_QUOTE:
                book_get_top(of, event->first_id, &top);
                return ticktext_put_quote_event(at, subscription->symbol, event->first_id, &top);
        default:
                return ticktext_put_diff_event(
                    at, subscription->symbol, event->due_ms, event->first_id, event->last_id, &changes, micro);
        }
}

static char *put_partial(char *at, const struct subscription *subscription, const struct ticks_symbol *of, int64_t id)
{
        struct book_level bids[SUBSCRIPTION_LEVELS_MAX], asks[SUBSCRIPTION_LEVELS_MAX];
        size_t bid_count = book_get_bids(of, id, subscription->levels, bids);
        size_t ask_count = book_get_asks(of, id, subscription->levels, asks);
        return ticktext_put_book(at, id, bids, bid_count, asks, ask_count);
}

static char *put_event(char *at, const struct session *session, const struct subscription *subscription,
    const struct ticks_symbol *of, const struct event *event, bool micro)
{
        if (session->combined) {
                at = text_put_string(at, "{\"stream\":\"");
                at = text_put_string(at, subscription->name);
                at = text_put_string(at, "\",\"data\":");
        }
        at = subscription->type == STREAM_PARTIAL ? put_partial(at, subscription, of, event->last_id)
                                                  : put_data(at, subscription, of, event, micro);
        if (session->combined) {
                *at++ = '}';
        }
        return at;
}

static size_t levels_of(
    const struct subscription *subscription, const struct ticks_symbol *of, const struct event *event)
{
        if (subscription->type == STREAM_DEPTH) {
                book_get_changes(of, event->first_id, event->last_id, &changes);
                return changes.bid_count + changes.ask_count;
        }
        return 2 * subscription->levels;
}

// ---- sending ----

static void send_event(struct session *session, struct subscription *subscription, const struct ticks_symbol *of,
    const struct event *event)
{
        const struct wsfaults_tick tick = {event->first_id, event->last_id, event->time_ms};
        char *text = scratch_for(levels_of(subscription, of, event));
        bool micro = session->micro != wsfaults_swaps_unit(session, subscription, &tick);
        char *end = put_event(text, session, subscription, of, event, micro);
        wsfaults_send_tick(session, subscription, &tick, text, (size_t)(end - text));
}

bool tickstream_emit(struct session *session, struct subscription *subscription, struct market_symbol *symbol)
{
        struct exchange *exchange = session->exchange;
        const struct ticks_symbol of = {exchange->market, symbol};
        int64_t now = simclock_now_ms(&exchange->clock);
        struct event event;
        if (subscription->life_ms != symbol->listed_ms && ticks_exist(&of)) {
                begin(session, subscription, &of);
        }
        subscription->due_ms = now + LOOK_AGAIN_MS;
        if (!ticks_exist(&of) || !next_event(subscription, &of, &event)) {
                return false;
        }
        if (event.due_ms > now) {
                subscription->due_ms = event.due_ms < subscription->due_ms ? event.due_ms : subscription->due_ms;
                return false;
        }
        if (subscription->type == STREAM_DEPTH || subscription->type == STREAM_PARTIAL) {
                event.last_id = book_last_update(&of, event.due_ms - 1);
        }
        subscription->due_ms = now;
        send_event(session, subscription, &of, &event);
        subscription->cursor_id = id_after(subscription, &of, event.last_id);
        return true;
}

// ---- captures ----

void tickstream_prepare(struct session *session, struct subscription *subscription)
{
        struct exchange *exchange = session->exchange;
        if (exchange->captures == NULL) {
                return;
        }
        const struct market_symbol *symbol = market_find_symbol(exchange->market, subscription->symbol);
        if (captures_has(exchange->captures, subscription->name)) {
                subscription->type = STREAM_RECORDED;
                if (exchange->capture_waits) {
                        exchange->capture_waits = false;
                        simclock_set_speed(&exchange->clock, exchange->options->speed);
                }
                int64_t now = simclock_now_ms(&exchange->clock);
                subscription->cursor_id = (int64_t)captures_passed(exchange->captures, subscription->name, now);
                subscription->emission =
                    served_add_emission(exchange->served, subscription->name, session->conn->serial, symbol->listed_ms);
        } else if (symbol != NULL && symbol->capture != NULL && subscription->type >= STREAM_QUOTE) {
                subscription->type = STREAM_SILENT; // of a book only what was recorded is known
        }
}

// Does another stream of this session have to send a frame before this one?
static bool must_wait(const struct session *session, const struct capture_frame *frame)
{
        for (size_t i = 0; i < session->count; i++) {
                const struct subscription *other = &session->subscriptions[i];
                const struct capture_frame *next = NULL;
                if (other->type == STREAM_RECORDED) {
                        next = captures_frame(session->exchange->captures, other->name, (size_t)other->cursor_id);
                }
                if (next != NULL && next < frame) {
                        return true;
                }
        }
        return false;
}

bool tickstream_emit_recorded(struct session *session, struct subscription *subscription)
{
        struct exchange *exchange = session->exchange;
        const struct capture_frame *frame =
            captures_frame(exchange->captures, subscription->name, (size_t)subscription->cursor_id);
        int64_t now = simclock_now_ms(&exchange->clock);
        if (frame == NULL || frame->due_ms > now) {
                subscription->due_ms = frame == NULL ? MARKET_NEVER : frame->due_ms;
                return false;
        }
        if (must_wait(session, frame)) {
                return true;
        }
        const struct wsfaults_tick tick = {frame->first_id, frame->last_id, frame->due_ms};
        size_t length = session->combined ? frame->length : frame->data_length;
        char *text = scratch_for(length / TICKTEXT_LEVEL_MAX + 1);
        memcpy(text, session->combined ? frame->text : frame->data, length);
        wsfaults_send_tick(session, subscription, &tick, text, length);
        subscription->cursor_id++;
        return true;
}

// ---- as fast as the socket takes them ----

// Puts the header before a text that was written WS_HEADER_MAX behind `frame`. Returns the end of the frame.
static char *close_frame(char *frame, char *end)
{
        uint8_t header[WS_HEADER_MAX];
        size_t length = (size_t)(end - frame) - WS_HEADER_MAX, used = ws_put_header(header, WS_TEXT, true, length);
        memmove(frame + used, frame + WS_HEADER_MAX, length);
        memcpy(frame, header, used);
        return frame + used + length;
}

static bool blast_one(struct session *session, struct subscription *subscription, const struct ticks_symbol *of,
    struct served_blast *blast)
{
        struct event event;
        struct evbuffer_iovec space;
        if (!next_event(subscription, of, &event)) {
                return false;
        }
        if (subscription->type == STREAM_DEPTH || subscription->type == STREAM_PARTIAL) {
                event.last_id += session->exchange->options->blast_updates - 1;
                event.due_ms = book_update_time_us(of, event.last_id) / 1000 + 1;
        }
        size_t levels = levels_of(subscription, of, &event);
        size_t size = WRAP_MAX + TICKTEXT_ROW_MAX + levels * TICKTEXT_LEVEL_MAX + WS_HEADER_MAX;
        evbuffer_reserve_space(blast->frames, (ev_ssize_t)size, &space, 1);
        char *frame = space.iov_base;
        char *end = put_event(frame + WS_HEADER_MAX, session, subscription, of, &event, session->micro);
        space.iov_len = (size_t)(close_frame(frame, end) - frame);
        evbuffer_commit_space(blast->frames, &space, 1);
        served_note_emission(subscription->emission, event.first_id, event.last_id);
        subscription->cursor_id = id_after(subscription, of, event.last_id);
        blast->time_ms = event.due_ms;
        return true;
}

// All frames before the first is sent: while they are taken, the exchange shall cost no more than sending does.
static void blast_prepare(struct session *session, struct subscription *subscription, const struct ticks_symbol *of)
{
        struct served_stream *served = subscription->served;
        bool more = true;
        while (more && served->blast_left > 0) {
                struct served_blast *blast = served_add_blast(served);
                while (more && served->blast_left > 0 && evbuffer_get_length(blast->frames) < BLAST_CHUNK) {
                        more = blast_one(session, subscription, of, blast);
                        served->blast_left -= more;
                }
        }
        served->blast_place_ms = subscription->cursor_id;
}

bool tickstream_blast(struct session *session, struct subscription *subscription, struct market_symbol *symbol)
{
        struct exchange *exchange = session->exchange;
        const struct ticks_symbol of = {exchange->market, symbol};
        if (!ticks_exist(&of)) {
                return false;
        }
        if (subscription->life_ms != symbol->listed_ms) {
                begin(session, subscription, &of);
                blast_prepare(session, subscription, &of);
        }
        int64_t time_ms = served_take_blast(subscription->served, bufferevent_get_output(session->conn->bev));
        if (time_ms > simclock_now_ms(&exchange->clock)) {
                simclock_set(&exchange->clock, time_ms);
        }
        return time_ms >= 0;
}
