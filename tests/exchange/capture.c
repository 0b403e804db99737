// SPDX-License-Identifier: Apache-2.0
#include "tests/exchange/capture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "tests/exchange/heap.h"
#include "tests/exchange/text.h"
#include "tests/exchange/ticks.h"
#include "tests/exchange/ticktext.h"

#define READ_SIZE ((size_t)1 << 20)

struct capture {
        char symbol[32];
        struct ticks_trade *trades;
        size_t trade_count;
        struct ticks_agg *aggs;
        size_t *diffs; // frames of the fastest depth stream there is
        size_t diff_count;
        char diff_stream[96];
        const char *snapshot; // the recorded answer of depth
        size_t snapshot_length;
        bool snapshot_given;
        size_t applied; // how many diffs are in `book`
        struct capture_book book;
        const struct captures *captures;
        struct capture *next;
};

struct capture_stream {
        char name[96];
        size_t *frames, count;
};

struct captures {
        struct capture_frame *frames;
        size_t frame_count;
        struct capture_stream *streams;
        size_t stream_count;
        struct capture *first;
        char **texts;
        size_t text_count;
        int64_t offset_ns; // from receive time to the exchange's
        bool offset_known;
};

// ---- values in an event ----

// What follows `key` in [text, end), or NULL.
static const char *find_value(const char *text, const char *end, const char *key)
{
        const char *at = memmem(text, (size_t)(end - text), key, strlen(key));
        return at != NULL ? at + strlen(key) : NULL;
}

static int64_t find_integer(const char *text, const char *end, const char *key)
{
        const char *at = find_value(text, end, key);
        return at != NULL ? strtoll(at, NULL, 10) : 0;
}

// `key` ends with the opening quote of the value. -1 when it is no decimal.
static int64_t find_decimal(const char *text, const char *end, const char *key)
{
        const char *at = find_value(text, end, key);
        wide value;
        return at != NULL && text_parse_decimal(at, strcspn(at, "\""), &value) == 0 ? (int64_t)value : -1;
}

// Reads ["price","quantity"] at *at and moves behind it. False at the end of the list.
static bool next_level(const char **at, struct book_level *level)
{
        wide price, quantity;
        *at += strspn(*at, ",");
        if (strncmp(*at, "[\"", 2) != 0) {
                return false;
        }
        const char *first = *at + 2, *second = strstr(first, "\",\"");
        const char *end = second != NULL ? strstr(second + 3, "\"]") : NULL;
        if (end == NULL || text_parse_decimal(first, (size_t)(second - first), &price) != 0 ||
            text_parse_decimal(second + 3, (size_t)(end - second - 3), &quantity) != 0) {
                return false;
        }
        *level = (struct book_level){(int64_t)price, (int64_t)quantity};
        *at = end + 2;
        return true;
}

// ---- loading ----

static struct capture *find_capture(struct captures *captures, const char *symbol)
{
        struct capture **at = &captures->first;
        while (*at != NULL && strcmp((*at)->symbol, symbol) != 0) {
                at = &(*at)->next;
        }
        if (*at == NULL) {
                *at = heap_zeroed(sizeof **at);
                snprintf((*at)->symbol, sizeof(*at)->symbol, "%s", symbol);
                (*at)->captures = captures;
        }
        return *at;
}

static struct capture_stream *find_stream(const struct captures *captures, const char *name)
{
        for (size_t i = 0; i < captures->stream_count; i++) {
                if (strcmp(captures->streams[i].name, name) == 0) {
                        return &captures->streams[i];
                }
        }
        return NULL;
}

static void add_to_stream(struct captures *captures, const char *name, size_t frame)
{
        struct capture_stream *stream = find_stream(captures, name);
        if (stream == NULL) {
                captures->streams = heap_room(captures->streams, captures->stream_count, sizeof *captures->streams);
                stream = &captures->streams[captures->stream_count++];
                memset(stream, 0, sizeof *stream);
                snprintf(stream->name, sizeof stream->name, "%s", name);
        }
        stream->frames = heap_room(stream->frames, stream->count, sizeof *stream->frames);
        stream->frames[stream->count++] = frame;
}

static int add_trade(struct capture *capture, const struct capture_frame *frame)
{
        const char *text = frame->data, *end = text + frame->data_length, *maker = find_value(text, end, "\"m\":");
        struct ticks_trade trade = {.id = frame->last_id, .time_us = find_integer(text, end, "\"T\":") * 1000};
        trade.price = find_decimal(text, end, "\"p\":\"");
        trade.quantity = find_decimal(text, end, "\"q\":\"");
        trade.buyer_is_maker = maker != NULL && *maker == 't';
        if (trade.price < 0 || trade.quantity < 0 ||
            (capture->trade_count > 0 && capture->trades[capture->trade_count - 1].id + 1 != trade.id)) {
                return -1;
        }
        capture->trades = heap_room(capture->trades, capture->trade_count, sizeof *capture->trades);
        capture->trades[capture->trade_count++] = trade;
        return 0;
}

// Both depth@100ms and depth may have been recorded; either is complete by itself.
static void add_diff(struct capture *capture, const char *stream, size_t frame)
{
        if (capture->diff_count == 0) {
                snprintf(capture->diff_stream, sizeof capture->diff_stream, "%s", stream);
        }
        if (strcmp(capture->diff_stream, stream) == 0) {
                capture->diffs = heap_room(capture->diffs, capture->diff_count, sizeof *capture->diffs);
                capture->diffs[capture->diff_count++] = frame;
        }
}

static int take_event(struct captures *captures, struct capture_frame *frame, const char *name, size_t index)
{
        char symbol[32];
        const char *type = strchr(name, '@'), *end = frame->data + frame->data_length;
        if (type == NULL || (size_t)(type - name) >= sizeof symbol) {
                return -1;
        }
        size_t length = (size_t)(type - name);
        for (size_t i = 0; i < length; i++) {
                symbol[i] = (char)(name[i] >= 'a' && name[i] <= 'z' ? name[i] - 'a' + 'A' : name[i]);
        }
        symbol[length] = '\0';
        struct capture *capture = find_capture(captures, symbol);
        if (strcmp(type, "@trade") == 0) {
                frame->first_id = frame->last_id = find_integer(frame->data, end, "\"t\":");
                return add_trade(capture, frame);
        }
        frame->first_id = frame->last_id = find_integer(frame->data, end, "\"u\":");
        if (strcmp(type, "@depth") == 0 || strcmp(type, "@depth@100ms") == 0) {
                frame->first_id = find_integer(frame->data, end, "\"U\":");
                add_diff(capture, name, index);
        }
        return 0;
}

static void set_due(struct captures *captures, struct capture_frame *frame, int64_t receive_ns)
{
        int64_t event_ms = find_integer(frame->data, frame->data + frame->data_length, "\"E\":");
        if (!captures->offset_known && event_ms > 0) {
                captures->offset_ns = event_ms * 1000000 - receive_ns;
                captures->offset_known = true;
        }
        frame->due_ms = (receive_ns + captures->offset_ns) / 1000000;
        if (captures->frame_count > 0 && frame[-1].due_ms > frame->due_ms) {
                frame->due_ms = frame[-1].due_ms;
        }
}

static int take_line(struct captures *captures, char *line)
{
        static const char wrapper[] = "{\"stream\":\"";
        char name[96], *json = NULL;
        int64_t receive_ns = strtoll(line, &json, 10);
        size_t length = strlen(json);
        if (*json != ' ' || length < 3) {
                return -1;
        }
        json++;
        length--;
        if (strncmp(json, "{\"lastUpdateId\":", 16) == 0 && captures->first != NULL) {
                if (captures->first->snapshot == NULL) {
                        captures->first->snapshot = json;
                        captures->first->snapshot_length = length;
                }
                return 0;
        }
        const char *data = strstr(json, "\",\"data\":");
        const char *stream = json + sizeof wrapper - 1;
        if (strncmp(json, wrapper, sizeof wrapper - 1) != 0 || data == NULL || (size_t)(data - stream) >= sizeof name) {
                return -1;
        }
        snprintf(name, sizeof name, "%.*s", (int)(data - stream), stream);
        captures->frames = heap_room(captures->frames, captures->frame_count, sizeof *captures->frames);
        struct capture_frame *frame = &captures->frames[captures->frame_count];
        *frame = (struct capture_frame){.text = json, .length = length, .data = data + 9};
        frame->data_length = length - (size_t)(frame->data - json) - 1;
        set_due(captures, frame, receive_ns);
        if (take_event(captures, frame, name, captures->frame_count) != 0) {
                return -1;
        }
        add_to_stream(captures, name, captures->frame_count++);
        return 0;
}

// NUL-terminated, or NULL after a message.
static char *unpack(const char *path)
{
        gzFile file = gzopen(path, "rb");
        char *text = NULL;
        size_t size = 0;
        int got = 0;
        if (file == NULL) {
                fprintf(stderr, "exchange: %s: %s\n", path, strerror(errno));
                return NULL;
        }
        do {
                text = heap_grow(text, size + READ_SIZE + 1, 1);
                got = gzread(file, text + size, READ_SIZE);
                size += got > 0 ? (size_t)got : 0;
        } while (got > 0);
        text[size] = '\0';
        gzclose(file);
        if (got < 0 || size == 0) {
                fprintf(stderr, "exchange: %s: cannot be unpacked\n", path);
                free(text);
                return NULL;
        }
        return text;
}

static int load_file(struct captures *captures, const char *path)
{
        char *text = unpack(path);
        if (text == NULL) {
                return -1;
        }
        captures->texts = heap_room(captures->texts, captures->text_count, sizeof *captures->texts);
        captures->texts[captures->text_count++] = text;
        long number = 0;
        for (char *rest = text, *line; (line = strsep(&rest, "\n")) != NULL;) {
                number++;
                if (*line != '\0' && take_line(captures, line) != 0) {
                        fprintf(stderr,
                            "exchange: %s: line %ld is no recorded frame, or trades are missing before it\n", path,
                            number);
                        return -1;
                }
        }
        return 0;
}

// ---- what the market learns ----

static void add_to_bar(struct bar *bar, const struct ticks_trade *trade)
{
        wide quote = (wide)trade->price * trade->quantity / BAR_SCALE;
        struct bar one = {.open = trade->price,
            .high = trade->price,
            .low = trade->price,
            .close = trade->price,
            .volume = trade->quantity,
            .quote_volume = quote,
            .taker_base = trade->buyer_is_maker ? 0 : trade->quantity,
            .taker_quote = trade->buyer_is_maker ? 0 : quote,
            .trades = 1,
            .first_id = trade->id,
            .last_id = trade->id};
        bar_add(bar, &one);
}

// Whole bars only: those in which the recording begins and ends are left out.
static void make_bars(const struct capture *capture, struct market_symbol *symbol, enum grid_interval interval)
{
        const struct ticks_trade *trades = capture->trades;
        size_t last = capture->trade_count - 1, i = 0, count = 0;
        int64_t open = grid_ceil(interval, trades[0].time_us / 1000 + 1, 0);
        int64_t end = grid_floor(interval, trades[last].time_us / 1000, 0), price = trades[0].price;
        struct bar *bars = NULL;
        while (i < last && trades[i].time_us < open * 1000) {
                price = trades[i++].price;
        }
        for (; open < end; open = grid_next(interval, open, 0)) {
                bars = heap_room(bars, count, sizeof *bars);
                struct bar *bar = &bars[count++];
                bar_clear(bar);
                bar->open_ms = open;
                bar->close_ms = grid_next(interval, open, 0) - 1;
                for (; trades[i].time_us / 1000 <= bar->close_ms; i++) {
                        add_to_bar(bar, &trades[i]);
                        price = trades[i].price;
                }
                if (bar->trades == 0) {
                        bar_set_flat(bar, price);
                }
        }
        market_set_replay(symbol, interval, bars, count);
}

static void tell_market(struct market *market, struct capture *capture)
{
        struct market_symbol *symbol = market_add_symbol(market, capture->symbol);
        symbol->capture = capture;
        market_set_replay(symbol, GRID_1S, NULL, 0);
        if (capture->trade_count == 0) {
                return;
        }
        capture->aggs = heap_zeroed(capture->trade_count * sizeof *capture->aggs);
        size_t agg_count = ticks_aggregate(capture->trades, capture->trade_count, capture->aggs);
        ticks_set_recorded(symbol, capture->trades, capture->trade_count, capture->aggs, agg_count);
        make_bars(capture, symbol, GRID_1S);
        make_bars(capture, symbol, GRID_1M);
}

struct captures *captures_load(struct market *market, const char *const *paths, int count)
{
        struct captures *captures = heap_zeroed(sizeof *captures);
        for (int i = 0; i < count; i++) {
                if (load_file(captures, paths[i]) != 0) {
                        captures_free(captures);
                        return NULL;
                }
        }
        for (struct capture *at = captures->first; at != NULL; at = at->next) {
                tell_market(market, at);
        }
        return captures;
}

static void book_free(struct capture_book *book)
{
        free(book->bids);
        free(book->asks);
        *book = (struct capture_book){0};
}

void captures_free(struct captures *captures)
{
        while (captures->first != NULL) {
                struct capture *capture = captures->first;
                captures->first = capture->next;
                book_free(&capture->book);
                free(capture->trades);
                free(capture->aggs);
                free(capture->diffs);
                free(capture);
        }
        for (size_t i = 0; i < captures->stream_count; i++) {
                free(captures->streams[i].frames);
        }
        for (size_t i = 0; i < captures->text_count; i++) {
                free(captures->texts[i]);
        }
        free(captures->streams);
        free(captures->texts);
        free(captures->frames);
        free(captures);
}

// ---- frames ----

int64_t captures_start_ms(const struct captures *captures)
{
        return captures->frame_count > 0 ? captures->frames[0].due_ms : 0;
}

bool captures_has(const struct captures *captures, const char *stream)
{
        return find_stream(captures, stream) != NULL;
}

const struct capture_frame *captures_frame(const struct captures *captures, const char *stream, size_t n)
{
        const struct capture_stream *found = find_stream(captures, stream);
        return found != NULL && n < found->count ? &captures->frames[found->frames[n]] : NULL;
}

size_t captures_passed(const struct captures *captures, const char *stream, int64_t now_ms)
{
        const struct capture_stream *found = find_stream(captures, stream);
        size_t low = 0, high = found != NULL ? found->count : 0;
        while (low < high) {
                size_t middle = (low + high) / 2;
                if (captures->frames[found->frames[middle]].due_ms < now_ms) {
                        low = middle + 1;
                } else {
                        high = middle;
                }
        }
        return low;
}

// ---- the book ----

// Sets one level of a side that is sorted by `direction` (1: rising, -1: falling).
static void set_level(struct book_level **levels, size_t *count, int direction, const struct book_level *level)
{
        size_t low = 0, high = *count;
        while (low < high) {
                size_t middle = (low + high) / 2;
                if (((*levels)[middle].price - level->price) * direction < 0) {
                        low = middle + 1;
                } else {
                        high = middle;
                }
        }
        bool there = low < *count && (*levels)[low].price == level->price;
        if (there && level->quantity > 0) {
                (*levels)[low] = *level;
        } else if (there) {
                (*count)--;
                memmove(*levels + low, *levels + low + 1, (*count - low) * sizeof **levels);
        } else if (level->quantity > 0) {
                *levels = heap_room(*levels, *count, sizeof **levels);
                memmove(*levels + low + 1, *levels + low, (*count - low) * sizeof **levels);
                (*levels)[low] = *level;
                (*count)++;
        }
}

static void apply(struct capture_book *book, const char *text, size_t length, const char *bids, const char *asks)
{
        struct book_level level;
        for (const char *at = find_value(text, text + length, bids); at != NULL && next_level(&at, &level);) {
                set_level(&book->bids, &book->bid_count, -1, &level);
        }
        for (const char *at = find_value(text, text + length, asks); at != NULL && next_level(&at, &level);) {
                set_level(&book->asks, &book->ask_count, 1, &level);
        }
}

static void restart_book(struct capture *capture)
{
        book_free(&capture->book);
        apply(&capture->book, capture->snapshot, capture->snapshot_length, "\"bids\":[", "\"asks\":[");
        capture->book.id =
            find_integer(capture->snapshot, capture->snapshot + capture->snapshot_length, "\"lastUpdateId\":");
        capture->applied = 0;
}

const struct capture_book *capture_find_book(struct capture *capture, int64_t id)
{
        if (capture->snapshot == NULL) {
                return NULL;
        }
        if (capture->book.id == 0 || capture->book.id > id) {
                restart_book(capture);
        }
        for (; capture->applied < capture->diff_count; capture->applied++) {
                const struct capture_frame *frame = &capture->captures->frames[capture->diffs[capture->applied]];
                if (frame->last_id > id) {
                        break;
                }
                if (frame->last_id > capture->book.id) {
                        apply(&capture->book, frame->data, frame->data_length, "\"b\":[", "\"a\":[");
                        capture->book.id = frame->last_id;
                }
        }
        return capture->book.id <= id ? &capture->book : NULL;
}

static void write_book(const struct capture_book *book, size_t limit, struct evbuffer *out)
{
        struct evbuffer_iovec space;
        size_t bids = book->bid_count < limit ? book->bid_count : limit;
        size_t asks = book->ask_count < limit ? book->ask_count : limit;
        evbuffer_reserve_space(out, (ev_ssize_t)((bids + asks) * TICKTEXT_LEVEL_MAX + TICKTEXT_ROW_MAX), &space, 1);
        char *end = ticktext_put_book(space.iov_base, book->id, book->bids, bids, book->asks, asks);
        space.iov_len = (size_t)(end - (char *)space.iov_base);
        evbuffer_commit_space(out, &space, 1);
}

int capture_write_depth(struct capture *capture, int64_t now_ms, size_t limit, struct evbuffer *out)
{
        if (capture->snapshot == NULL) {
                return -1;
        }
        size_t passed = captures_passed(capture->captures, capture->diff_stream, now_ms + 1);
        int64_t id = passed > 0 ? capture->captures->frames[capture->diffs[passed - 1]].last_id : 0;
        const struct capture_book *book = capture->snapshot_given ? capture_find_book(capture, id) : NULL;
        if (book == NULL) { // the first time, or the recorded answer is still ahead
                capture->snapshot_given = true;
                evbuffer_add(out, capture->snapshot, capture->snapshot_length);
                return 0;
        }
        write_book(book, limit, out);
        return 0;
}
