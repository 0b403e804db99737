// SPDX-License-Identifier: Apache-2.0
// Draws on a terminal: lines that stay, and below them a panel that is redrawn in place with one write, so nothing
// flickers. Where there is no terminal the panel's lines are printed now and then instead, each when it has changed.
// Also colours, which there are only on a terminal and without NO_COLOR.
#ifndef CLI_SCREEN_H
#define CLI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SCREEN_PANEL_LINES_MAX 64
#define SCREEN_LINE_BYTES 512

struct screen {
        FILE *out;
        bool live; // a terminal that is drawn on
        bool colour, utf8;
        int width, height;
        size_t drawn; // lines of the panel on the screen
        size_t count;
        char panel[SCREEN_PANEL_LINES_MAX][SCREEN_LINE_BYTES];
        bool minor[SCREEN_PANEL_LINES_MAX];
        uint64_t printed[SCREEN_PANEL_LINES_MAX]; // not live: what was printed of each line
        int64_t printed_at_us;                    // and when
        char *said;                               // lines that wait for the next draw; owned
        size_t said_size;
        FILE *saying;
};

enum screen_colour { COLOUR_NONE, COLOUR_BOLD, COLOUR_DIM, COLOUR_GREEN, COLOUR_YELLOW, COLOUR_RED };

// `plain`: lines even on a terminal.
void screen_open(struct screen *screen, FILE *out, bool plain);
// A line that stays.
void screen_say(struct screen *screen, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Puts together the panel, from its first line on, and shows it. Lines wider than the terminal are cut.
void screen_panel_begin(struct screen *screen);
void screen_panel_line(struct screen *screen, const char *format, ...) __attribute__((format(printf, 2, 3)));
// One that is no news by itself: without a terminal it is printed beside others that have changed, or where nothing was
// printed for some seconds.
void screen_panel_minor(struct screen *screen, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Lines of a panel that the terminal has room for.
size_t screen_panel_room(const struct screen *screen);
void screen_draw(struct screen *screen);
// Not live: print the panel at the next draw whatever time it is.
void screen_print_now(struct screen *screen);
// Takes the panel away, or (`keep`) leaves it as it is; later lines go below.
void screen_close(struct screen *screen, bool keep);

// The sequence that begins a colour, or "" where there are none. COLOUR_NONE ends one.
const char *screen_colour(bool colour, enum screen_colour which);
bool screen_has_colour(FILE *out);
bool screen_has_utf8(void);

// "████████░░░░", `cells` wide.
#define SCREEN_BAR_SIZE 256
const char *screen_bar(double share, int cells, bool utf8, char text[SCREEN_BAR_SIZE]);
// Cuts a line to `width` columns; escape sequences take none and stay whole.
void screen_cut_line(char *line, size_t width);

#endif
