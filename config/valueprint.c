// SPDX-License-Identifier: Apache-2.0
#include "config/valueprint.h"

#include "common/clock.h"

#include <stdlib.h>

static void print_quoted(const char *text, FILE *out)
{
        fputc('"', out);
        for (; *text != '\0'; text++) {
                if (*text == '"' || *text == '\\')
                        fputc('\\', out);
                fputc(*text, out);
        }
        fputc('"', out);
}

static void print_bytes(int64_t bytes, FILE *out)
{
        static const char *const units[] = {"", "KiB", "MiB", "GiB", "TiB"};
        size_t unit = 0;
        while (bytes >= 1024 && bytes % 1024 == 0 && unit < 4) {
                bytes /= 1024;
                unit++;
        }
        fprintf(out, "%lld%s", (long long)bytes, units[unit]);
}

// The shortest text that reads back as the same number.
static void print_share(double value, FILE *out)
{
        char text[32];
        for (int digits = 1; digits <= 17; digits++) {
                snprintf(text, sizeof text, "%.*g", digits, value);
                if (strtod(text, NULL) == value)
                        break;
        }
        fputs(text, out);
}

static void print_choices(const struct key_row *row, uint32_t value, FILE *out)
{
        if (row->type != KEY_CHOICES || value == 0) {
                for (const struct key_choice *choice = row->choices; choice->word != NULL; choice++) {
                        if (choice->value == value) {
                                fputs(choice->word, out);
                                return;
                        }
                }
                REQUIRE(false);
        }
        bool several = (value & (value - 1)) != 0;
        const char *separator = several ? "[" : "";
        for (const struct key_choice *choice = row->choices; choice->word != NULL; choice++) {
                if ((value & choice->value) == 0)
                        continue;
                fprintf(out, "%s%s", separator, choice->word);
                separator = ", ";
        }
        fputs(several ? "]" : "", out);
}

// A cadence that is the shortest interval's follows from it.
static void print_intervals(interval_set set, int64_t cadence_ms, FILE *out)
{
        if (set != 0 && cadence_ms == interval_length_us((enum interval)__builtin_ctz(set)) / US_PER_MS)
                cadence_ms = 0;
        bool several = __builtin_popcount(set) + (cadence_ms > 0) > 1;
        const char *separator = several ? "[" : "";
        if (cadence_ms > 0) {
                fprintf(out, "%s%lldms", separator, (long long)cadence_ms);
                separator = ", ";
        }
        for (unsigned i = 0; i < INTERVAL_COUNT; i++) {
                if ((set & 1u << i) == 0)
                        continue;
                fprintf(out, "%s%s", separator, interval_name((enum interval)i));
                separator = ", ";
        }
        fputs(several ? "]" : "", out);
}

static void print_names(const char *names, size_t name_size, size_t count, int indent, FILE *out)
{
        enum { NAMES_PER_LINE = 8 };
        fputc('[', out);
        for (size_t i = 0; i < count; i++) {
                if (i > 0)
                        fputs(i % NAMES_PER_LINE == 0 ? "," : ", ", out);
                if (i > 0 && i % NAMES_PER_LINE == 0)
                        fprintf(out, "\n%*s", indent + 4, "");
                fputs(names + i * name_size, out);
        }
        fputc(']', out);
}

static void print_symbols(const struct settings *settings, const struct key_row *row, int indent, FILE *out)
{
        const struct symbol_list *list = (const void *)((const char *)settings + row->offset);
        if (row->word != NULL && settings->all_symbols)
                fputs(row->word, out);
        else
                print_names(list->names[0], SYMBOL_SIZE, list->count, indent, out);
}

static void print_time(const struct key_row *row, int64_t us, FILE *out)
{
        char text[TIME_TEXT_SIZE];
        if (us == row->min)
                fputs(row->word, out);
        else
                print_quoted(time_format_us(us, text), out);
}

static void print_number(const struct key_row *row, uint32_t number, FILE *out)
{
        switch (row->type) {
        case KEY_COUNT:
                if (number == 0 && row->word != NULL)
                        fputs(row->word, out);
                else
                        fprintf(out, "%u", number);
                break;
        case KEY_DURATION:
                fprintf(out, number % 1000 == 0 ? "%us" : "%ums", number % 1000 == 0 ? number / 1000 : number);
                break;
        case KEY_INTERVALS: print_intervals(number, 0, out); break;
        case KEY_SOURCE:
                if (number >= AGGREGATE_BARS)
                        fputs(interval_name((enum interval)(number - AGGREGATE_BARS)), out);
                else
                        print_choices(row, number, out);
                break;
        default: print_choices(row, number, out); break;
        }
}

void value_print(const struct settings *settings, const struct key_row *row, int indent, FILE *out)
{
        const void *field = (const char *)settings + row->offset;
        if (row->size == 0)
                return;
        switch (row->type) {
        case KEY_BOOL: fputs(*(const bool *)field ? "true" : "false", out); break;
        case KEY_COUNT:
        case KEY_DURATION:
        case KEY_INTERVALS:
        case KEY_SOURCE:
        case KEY_CHOICE:
        case KEY_CHOICES: print_number(row, *(const uint32_t *)field, out); break;
        case KEY_BYTES: print_bytes(*(const int64_t *)field, out); break;
        case KEY_SHARE: print_share(*(const double *)field, out); break;
        case KEY_FREQUENCY:
                print_intervals(settings->stream_intervals,
                    (settings->stream_types & DATA_DEPTH) != 0 ? settings->depth_cadence_ms : 0, out);
                break;
        case KEY_TIME: print_time(row, *(const int64_t *)field, out); break;
        case KEY_SYMBOLS: print_symbols(settings, row, indent, out); break;
        case KEY_ASSETS:
                print_names(settings->quote_assets[0], ASSET_SIZE, settings->quote_assets_count, indent, out);
                break;
        case KEY_LISTEN:
                if (*(const char *)field == '\0')
                        fputs("off", out);
                else
                        print_quoted(field, out);
                break;
        default: print_quoted(field, out); break;
        }
}
