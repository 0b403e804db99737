// SPDX-License-Identifier: Apache-2.0
#include "cli/queryprint.h"

#include "common/clock.h"
#include "common/memory.h"
#include "common/units.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_BYTES (256 * 1024)
#define ROW_BYTES_MAX 1024 // nine numbers of at most UNITS_TEXT_SIZE, and their names

struct queryprint {
        enum queryprint_format format;
        FILE *out;
        bool begun, failed;
        int64_t day; // of the date at hand, so that a date is made once a day
        char date[16];
        size_t used;
        char buffer[BUFFER_BYTES];
};

static void flush(struct queryprint *print)
{
        if (fwrite(print->buffer, 1, print->used, print->out) != print->used)
                print->failed = true;
        print->used = 0;
}

static void put(struct queryprint *print, const char *text, size_t length)
{
        memcpy(print->buffer + print->used, text, length);
        print->used += length;
}

static void put_text(struct queryprint *print, const char *text)
{
        put(print, text, strlen(text));
}

static void put_number(struct queryprint *print, double value)
{
        char text[UNITS_TEXT_SIZE];
        size_t length = units_double(value, text);

        if (print->format == QUERYPRINT_JSON && !isfinite(value)) // JSON has no such number
                put_text(print, "null");
        else
                put(print, text, length);
}

static void put_integer(struct queryprint *print, int64_t value)
{
        print->used += (size_t)snprintf(print->buffer + print->used, 24, "%" PRId64, value);
}

// "2024-03-01T10:00:00Z"; bars open on whole seconds.
static void put_time(struct queryprint *print, int64_t us)
{
        int64_t day = us / US_PER_DAY - (us % US_PER_DAY < 0);
        int64_t second = (us - day * US_PER_DAY) / US_PER_S;
        char text[16];

        if (!print->begun || day != print->day) {
                char iso[TIME_TEXT_SIZE];
                snprintf(print->date, sizeof(print->date), "%.10s", time_format_us(day * US_PER_DAY, iso));
                print->day = day;
        }
        put_text(print, print->date);
        int fields[3] = {(int)(second / 3600), (int)(second / 60 % 60), (int)(second % 60)};
        for (int i = 0; i < 3; i++) {
                text[i * 3] = i == 0 ? 'T' : ':';
                text[i * 3 + 1] = (char)('0' + fields[i] / 10);
                text[i * 3 + 2] = (char)('0' + fields[i] % 10);
        }
        text[9] = 'Z';
        put(print, text, 10);
}

// ---- formats ----

static void print_csv(struct queryprint *print, int64_t open_us, const struct bar_values *bar)
{
        const double values[] = {bar->open, bar->high, bar->low, bar->close, bar->volume, bar->quote_volume};

        put_time(print, open_us);
        for (size_t i = 0; i < 6; i++) {
                put(print, ",", 1);
                put_number(print, values[i]);
        }
        put(print, ",", 1);
        put_integer(print, bar->trades);
        put(print, ",", 1);
        put_number(print, bar->taker_base);
        put(print, ",", 1);
        put_number(print, bar->taker_quote);
        put(print, "\n", 1);
}

static void print_json(struct queryprint *print, int64_t open_us, const struct bar_values *bar)
{
        static const char *const names[] = {
            "Open", "High", "Low", "Close", "Volume", "QuoteVolume", NULL, "TakerBuyBase", "TakerBuyQuote"};
        const double values[] = {bar->open, bar->high, bar->low, bar->close, bar->volume, bar->quote_volume, 0,
            bar->taker_base, bar->taker_quote};

        put_text(print, print->begun ? ",\n{\"Epoch\":" : "[\n{\"Epoch\":");
        put_integer(print, open_us / US_PER_S);
        put_text(print, ",\"Time\":\"");
        put_time(print, open_us);
        put_text(print, "\"");
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
                put_text(print, ",\"");
                put_text(print, names[i] != NULL ? names[i] : "Trades");
                put_text(print, "\":");
                if (names[i] != NULL)
                        put_number(print, values[i]);
                else
                        put_integer(print, bar->trades);
        }
        put_text(print, "}");
}

static void print_table(struct queryprint *print, int64_t open_us, const struct bar_values *bar)
{
        const double values[] = {bar->open, bar->high, bar->low, bar->close, bar->volume};
        char text[UNITS_TEXT_SIZE], padded[UNITS_TEXT_SIZE + 16];

        put_text(print, units_time_us(open_us, text));
        if (strlen(text) == 16)
                put_text(print, "   ");
        for (size_t i = 0; i < 5; i++) {
                snprintf(padded, sizeof(padded), " %13s", units_price(values[i], text));
                put_text(print, padded);
        }
        snprintf(padded, sizeof(padded), " %10s\n", units_count(bar->trades, text));
        put_text(print, padded);
}

static void print_table_head(struct queryprint *print)
{
        print->used += (size_t)snprintf(print->buffer + print->used, ROW_BYTES_MAX,
            "%-19s %13s %13s %13s %13s %13s %10s\n", "Time (UTC)", "Open", "High", "Low", "Close", "Volume", "Trades");
}

static void begin(struct queryprint *print)
{
        if (print->format == QUERYPRINT_CSV)
                put_text(print, "Time,Open,High,Low,Close,Volume,QuoteVolume,Trades,TakerBuyBase,TakerBuyQuote\n");
        else if (print->format == QUERYPRINT_TABLE)
                print_table_head(print);
}

int queryprint_rows(void *context, const int64_t *open_us, const struct bar_values *bars, size_t count)
{
        struct queryprint *print = context;

        for (size_t i = 0; i < count; i++) {
                if (!print->begun)
                        begin(print);
                switch (print->format) {
                case QUERYPRINT_CSV: print_csv(print, open_us[i], &bars[i]); break;
                case QUERYPRINT_JSON: print_json(print, open_us[i], &bars[i]); break;
                case QUERYPRINT_TABLE: print_table(print, open_us[i], &bars[i]); break;
                }
                print->begun = true;
                if (print->used > BUFFER_BYTES - ROW_BYTES_MAX)
                        flush(print);
        }
        return print->failed;
}

struct queryprint *queryprint_begin(enum queryprint_format format, FILE *out)
{
        struct queryprint *print = memory_zeroed(1, sizeof(*print));

        print->format = format;
        print->out = out;
        return print;
}

int queryprint_end(struct queryprint *print)
{
        if (!print->begun)
                begin(print);
        if (print->format == QUERYPRINT_JSON)
                put_text(print, print->begun ? "\n]\n" : "[]\n");
        flush(print);
        int result = print->failed || fflush(print->out) != 0 ? -1 : 0;
        free(print);
        return result;
}

void queryprint_discard(struct queryprint *print)
{
        free(print);
}
