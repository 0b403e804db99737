// SPDX-License-Identifier: Apache-2.0
#include "tests/exchange/replay.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/exchange/heap.h"
#include "tests/exchange/text.h"
#include "tests/exchange/zipread.h"

#define MICROSECONDS_FROM INT64_C(100000000000000)
#define FILE_SIZE_MAX (1L << 28)

struct collection {
        char symbol[24];
        enum grid_interval interval;
        struct bar *bars;
        size_t count;
        struct collection *next;
};

// nftw() has no argument for its callback; loading happens once, before the loop starts.
static struct collection *collections;
static int load_result;

// ---- rows ----

static int parse_field(const char **at, const char *end, wide *value)
{
        const char *from = *at;
        while (from < end && (*from == '"' || *from == ' ')) {
                from++;
        }
        const char *to = from;
        while (to < end && *to != ',' && *to != '"') {
                to++;
        }
        *at = to;
        while (*at < end && **at != ',') {
                (*at)++;
        }
        *at += *at < end;
        return text_parse_decimal(from, (size_t)(to - from), value);
}

static int64_t to_ms(wide scaled)
{
        int64_t value = (int64_t)(scaled / BAR_SCALE);
        return value >= MICROSECONDS_FROM ? value / 1000 : value;
}

int replay_parse_row(const char *row, size_t length, struct bar *bar)
{
        wide values[11];
        const char *at = row, *end = row + length;
        for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
                if (parse_field(&at, end, &values[i]) != 0) {
                        return -1;
                }
        }
        bar_clear(bar);
        bar->open_ms = to_ms(values[0]);
        bar->open = (int64_t)values[1];
        bar->high = (int64_t)values[2];
        bar->low = (int64_t)values[3];
        bar->close = (int64_t)values[4];
        bar->volume = values[5];
        bar->close_ms = to_ms(values[6]);
        bar->quote_volume = values[7];
        bar->trades = (int64_t)(values[8] / BAR_SCALE);
        bar->taker_base = values[9];
        bar->taker_quote = values[10];
        return bar->close_ms >= bar->open_ms ? 0 : -1;
}

static void collect(const char *symbol, enum grid_interval interval, const struct bar *bar)
{
        struct collection *at = collections;
        while (at != NULL && (strcmp(at->symbol, symbol) != 0 || at->interval != interval)) {
                at = at->next;
        }
        if (at == NULL) {
                at = heap_zeroed(sizeof *at);
                snprintf(at->symbol, sizeof at->symbol, "%s", symbol);
                at->interval = interval;
                at->next = collections;
                collections = at;
        }
        at->bars = heap_grow(at->bars, at->count + 1, sizeof *at->bars);
        at->bars[at->count++] = *bar;
}

static int collect_csv(const char *symbol, enum grid_interval interval, const char *text)
{
        struct bar bar;
        for (const char *line = text; *line != '\0';) {
                size_t length = strcspn(line, "\r\n");
                bool header = *line < '0' || *line > '9'; // futures files have one, spot files never
                if (length > 0 && !header) {
                        if (replay_parse_row(line, length, &bar) != 0) {
                                return -1;
                        }
                        collect(symbol, interval, &bar);
                }
                line += length;
                line += strspn(line, "\r\n");
        }
        return 0;
}

static int collect_json(const char *symbol, enum grid_interval interval, const char *text)
{
        struct bar bar;
        const char *at = strchr(text, '[');
        if (at == NULL) {
                return -1;
        }
        while ((at = strchr(at + 1, '[')) != NULL) {
                size_t length = strcspn(at + 1, "]");
                if (replay_parse_row(at + 1, length, &bar) != 0) {
                        return -1;
                }
                collect(symbol, interval, &bar);
        }
        return 0;
}

// ---- files ----

// NUL-terminated, or NULL after a message.
static char *read_file(const char *path, size_t *size)
{
        FILE *file = fopen(path, "rb");
        if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
                fprintf(stderr, "exchange: %s: %s\n", path, strerror(errno));
                return NULL;
        }
        long length = ftell(file);
        rewind(file);
        char *bytes = length >= 0 && length <= FILE_SIZE_MAX ? heap_zeroed((size_t)length + 1) : NULL;
        *size = bytes != NULL ? fread(bytes, 1, (size_t)length, file) : 0;
        fclose(file);
        if (bytes == NULL || *size != (size_t)length) {
                fprintf(stderr, "exchange: %s: cannot be read\n", path);
                free(bytes);
                return NULL;
        }
        return bytes;
}

// Splits SYM-IV-... Returns false when the name is not of that form.
static bool split_name(const char *name, char symbol[24], enum grid_interval *interval)
{
        char text[8];
        const char *dash = strchr(name, '-');
        const char *end = dash != NULL ? strchr(dash + 1, '-') : NULL;
        if (end == NULL || dash == name || dash - name >= 24 || end - dash > (long)sizeof text) {
                return false;
        }
        snprintf(symbol, 24, "%.*s", (int)(dash - name), name);
        snprintf(text, sizeof text, "%.*s", (int)(end - dash - 1), dash + 1);
        return grid_parse_archive_interval(text, interval);
}

static int load_zip(const char *path, const char *symbol, enum grid_interval interval)
{
        size_t size, unpacked;
        const char *error;
        char *bytes = read_file(path, &size);
        if (bytes == NULL) {
                return -1;
        }
        char *csv = zipread_first((const uint8_t *)bytes, size, &unpacked, &error);
        free(bytes);
        if (csv == NULL || collect_csv(symbol, interval, csv) != 0) {
                fprintf(stderr, "exchange: %s: %s\n", path, csv == NULL ? error : "a row that is no kline");
                free(csv);
                return -1;
        }
        free(csv);
        return 0;
}

static int load_page(const char *path, const char *symbol, enum grid_interval interval)
{
        size_t size;
        char *text = read_file(path, &size);
        int result = text != NULL ? collect_json(symbol, interval, text) : -1;
        if (text != NULL && result != 0) {
                fprintf(stderr, "exchange: %s: no page of klines\n", path);
        }
        free(text);
        return result;
}

static bool ends_with(const char *text, const char *tail)
{
        size_t length = strlen(text), tail_length = strlen(tail);
        return length >= tail_length && strcmp(text + length - tail_length, tail) == 0;
}

// Pages come first and zips later, so that stable sorting lets the archive win (see keep_last).
static bool want_zips;

static int visit(const char *path, const struct stat *status, int type, struct FTW *place)
{
        const char *name = path + place->base;
        char symbol[24];
        enum grid_interval interval;
        (void)status;
        if (type != FTW_F) {
                return 0;
        }
        if (want_zips && ends_with(name, ".zip") && strstr(path, "/klines/") != NULL &&
            split_name(name, symbol, &interval)) {
                load_result = load_zip(path, symbol, interval);
        } else if (!want_zips && strncmp(name, "klines-", 7) == 0 && ends_with(name, ".json") &&
                   split_name(name + 7, symbol, &interval)) {
                load_result = load_page(path, symbol, interval);
        }
        return load_result;
}

// ---- putting together ----

// Stable: equal open times keep the order in which they were read.
static void merge_sort(struct bar *bars, struct bar *spare, size_t count)
{
        if (count < 2) {
                return;
        }
        size_t half = count / 2, left = 0, right = half;
        merge_sort(bars, spare, half);
        merge_sort(bars + half, spare, count - half);
        for (size_t i = 0; i < count; i++) {
                bool take_left = right == count || (left < half && bars[left].open_ms <= bars[right].open_ms);
                spare[i] = bars[take_left ? left++ : right++];
        }
        memcpy(bars, spare, count * sizeof *bars);
}

static size_t keep_last(struct bar *bars, size_t count)
{
        size_t kept = 0;
        for (size_t i = 0; i < count; i++) {
                if (i + 1 == count || bars[i + 1].open_ms != bars[i].open_ms) {
                        bars[kept++] = bars[i];
                }
        }
        return kept;
}

// Files do not tell trade ids: bars show contiguous ones from 1.
static void number_bars(struct bar *bars, size_t count)
{
        int64_t id = 1;
        for (size_t i = 0; i < count; i++) {
                bars[i].first_id = bars[i].trades > 0 ? id : -1;
                id += bars[i].trades;
                bars[i].last_id = bars[i].trades > 0 ? id - 1 : -1;
        }
}

static long hand_over(struct market *market)
{
        long total = 0;
        while (collections != NULL) {
                struct collection *at = collections;
                struct bar *spare = heap_zeroed(at->count * sizeof *spare);
                collections = at->next;
                merge_sort(at->bars, spare, at->count);
                free(spare);
                at->count = keep_last(at->bars, at->count);
                total += (long)at->count;
                struct market_symbol *symbol = market_add_symbol(market, at->symbol);
                if (at->bars[0].open_ms < symbol->listed_ms) {
                        symbol->listed_ms = at->bars[0].open_ms;
                }
                number_bars(at->bars, at->count);
                market_set_replay(symbol, at->interval, at->bars, at->count);
                free(at);
        }
        return total;
}

long replay_load(struct market *market, const char *directory)
{
        load_result = 0;
        for (int pass = 0; pass < 2; pass++) {
                want_zips = pass == 1;
                if (nftw(directory, visit, 16, FTW_PHYS) == -1 && load_result == 0) {
                        fprintf(stderr, "exchange: --replay %s: %s\n", directory, strerror(errno));
                        load_result = -1;
                }
        }
        long total = hand_over(market);
        if (load_result == 0 && total == 0) {
                fprintf(
                    stderr, "exchange: --replay %s: no klines in the archive's layout, no recorded pages\n", directory);
                return -1;
        }
        return load_result == 0 ? total : -1;
}
