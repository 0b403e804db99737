// SPDX-License-Identifier: Apache-2.0
#include "cli/screen.h"

#include "common/clock.h"
#include "common/log.h"

#include <langinfo.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PLAIN_EVERY_US US_PER_S
#define MINOR_EVERY_US                                                                                                 \
        (3 * US_PER_S) // after so long without a line a minor one is news, too: it shows that work goes on
#define BAR_CELLS_MAX 60

// ---- what the terminal can do ----

bool screen_has_colour(FILE *out)
{
        const char *no = getenv("NO_COLOR"), *terminal = getenv("TERM");

        return isatty(fileno(out)) && (no == NULL || no[0] == '\0') &&
               (terminal == NULL || strcmp(terminal, "dumb") != 0);
}

bool screen_has_utf8(void)
{
        return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

const char *screen_colour(bool colour, enum screen_colour which)
{
        static const char *const sequences[] = {"\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[33m", "\x1b[31m"};

        return colour ? sequences[which] : "";
}

static void measure(struct screen *screen)
{
        struct winsize size;

        screen->width = 100;
        screen->height = 24;
        if (screen->live && ioctl(fileno(screen->out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
                screen->width = size.ws_col;
                screen->height = size.ws_row;
        }
}

void screen_open(struct screen *screen, FILE *out, bool plain)
{
        const char *terminal = getenv("TERM");

        memset(screen, 0, sizeof(*screen));
        screen->out = out;
        screen->live = !plain && isatty(fileno(out)) && (terminal == NULL || strcmp(terminal, "dumb") != 0);
        screen->colour = screen->live && screen_has_colour(out);
        screen->utf8 = screen->live && screen_has_utf8();
        screen->saying = open_memstream(&screen->said, &screen->said_size);
        REQUIRE(screen->saying != NULL);
        measure(screen);
}

size_t screen_panel_room(const struct screen *screen)
{
        size_t room = screen->height > 4 ? (size_t)screen->height - 2 : 2;

        return room < SCREEN_PANEL_LINES_MAX ? room : SCREEN_PANEL_LINES_MAX;
}

// ---- lines ----

void screen_say(struct screen *screen, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        vfprintf(screen->saying, format, arguments);
        va_end(arguments);
        fputs(screen->live ? "\x1b[K\n" : "\n", screen->saying);
        if (screen->live)
                return;
        fflush(screen->saying);
        fwrite(screen->said, 1, screen->said_size, screen->out);
        fflush(screen->out);
        rewind(screen->saying);
}

void screen_panel_begin(struct screen *screen)
{
        screen->count = 0;
}

static void __attribute__((format(printf, 3, 0)))
add_line(struct screen *screen, bool minor, const char *format, va_list arguments)
{
        if (screen->count == SCREEN_PANEL_LINES_MAX)
                return;
        screen->minor[screen->count] = minor;
        vsnprintf(screen->panel[screen->count++], SCREEN_LINE_BYTES, format, arguments);
}

void screen_panel_line(struct screen *screen, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        add_line(screen, false, format, arguments);
        va_end(arguments);
}

void screen_panel_minor(struct screen *screen, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        add_line(screen, true, format, arguments);
        va_end(arguments);
}

void screen_cut_line(char *line, size_t width)
{
        size_t columns = 0, kept = 0;

        for (size_t i = 0; line[i] != '\0';) {
                size_t length = 1;
                if (line[i] == '\x1b') {
                        length = strcspn(line + i, "m");
                        length += line[i + length] != '\0';
                } else {
                        while (((unsigned char)line[i + length] & 0xc0) == 0x80)
                                length++;
                        if (++columns > width) {
                                i += length;
                                continue;
                        }
                }
                memmove(line + kept, line + i, length);
                kept += length;
                i += length;
        }
        line[kept] = '\0';
}

// ---- drawing ----

// Lines that stay are written over the old panel, the new panel below them, all in one write.
static void draw_live(struct screen *screen)
{
        measure(screen);
        fflush(screen->saying);
        fputs("\x1b[?2026h\r", screen->out); // terminals that know it show the frame at once
        if (screen->drawn > 0)
                fprintf(screen->out, "\x1b[%zuA", screen->drawn);
        fwrite(screen->said, 1, screen->said_size, screen->out);
        rewind(screen->saying);
        size_t room = screen_panel_room(screen);
        size_t count = screen->count < room ? screen->count : room;
        for (size_t i = 0; i < count; i++) {
                screen_cut_line(screen->panel[i], (size_t)screen->width - 1);
                fprintf(screen->out, "%s%s\x1b[K\n", screen->panel[i], screen_colour(screen->colour, COLOUR_NONE));
        }
        fputs("\x1b[J\x1b[?2026l", screen->out);
        fflush(screen->out);
        screen->drawn = count;
}

static uint64_t hash_of(const char *text)
{
        uint64_t hash = 1469598103934665603u; // FNV-1a

        for (; *text != '\0'; text++)
                hash = (hash ^ (unsigned char)*text) * 1099511628211u;
        return hash;
}

static bool is_news(const struct screen *screen, size_t i)
{
        return screen->panel[i][0] != '\0' && hash_of(screen->panel[i]) != screen->printed[i];
}

static void print_plain(struct screen *screen)
{
        int64_t now_us = mono_now().us;
        bool news = false, first = screen->printed_at_us == 0;

        if (!first && now_us - screen->printed_at_us < PLAIN_EVERY_US)
                return;
        bool quiet = !first && now_us - screen->printed_at_us >= MINOR_EVERY_US;
        for (size_t i = 0; i < screen->count; i++)
                news = news || ((quiet || !screen->minor[i]) && is_news(screen, i));
        if (!news)
                return;
        screen->printed_at_us = now_us;
        for (size_t i = 0; i < screen->count; i++) {
                if (!is_news(screen, i))
                        continue;
                screen->printed[i] = hash_of(screen->panel[i]);
                fprintf(screen->out, "%s\n", screen->panel[i]);
        }
        fflush(screen->out);
}

void screen_print_now(struct screen *screen)
{
        screen->printed_at_us = 0;
}

void screen_draw(struct screen *screen)
{
        if (screen->live)
                draw_live(screen);
        else
                print_plain(screen);
}

void screen_close(struct screen *screen, bool keep)
{
        if (!keep)
                screen->count = 0;
        if (screen->live)
                draw_live(screen);
        screen->drawn = 0;
        fclose(screen->saying);
        free(screen->said);
}

const char *screen_bar(double share, int cells, bool utf8, char text[SCREEN_BAR_SIZE])
{
        size_t used = 0;

        share = share < 0 ? 0 : share > 1 ? 1 : share;
        cells = cells > BAR_CELLS_MAX ? BAR_CELLS_MAX : cells;
        int full = (int)(share * cells + (share < 1 ? 0 : 0.5));
        for (int i = 0; i < cells; i++) {
                const char *cell = i < full ? (utf8 ? "█" : "#") : (utf8 ? "░" : ".");
                size_t length = strlen(cell);
                memcpy(text + used, cell, length);
                used += length;
        }
        text[used] = '\0';
        return text;
}
