// SPDX-License-Identifier: Apache-2.0
// The table of keys: one row per key of the configuration. From it come the parser, the checks of single values, the
// printed configuration, the documentation table, the commented example and the environment variables. Used inside
// config/ only. What a version does not build yet is a difference between `choices` and `supported`, or KEY_INERT.
#ifndef CONFIG_KEYS_H
#define CONFIG_KEYS_H

#include "config/settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum key_type {
        KEY_BOOL,      // bool
        KEY_COUNT,     // uint32_t, min..max
        KEY_BYTES,     // int64_t, min..max, "64MiB"
        KEY_DURATION,  // uint32_t milliseconds, min..max, "500ms", "5s", 5
        KEY_SHARE,     // double, 0.01..1
        KEY_CHOICE,    // an enum: one word of `choices`
        KEY_CHOICES,   // uint32_t bits: one or more words of `choices`
        KEY_INTERVALS, // interval_set
        KEY_SOURCE,    // uint32_t, enum aggregate_from: a word of `choices`, or an interval
        KEY_FREQUENCY, // update_freq: stream_intervals and depth_cadence_ms
        KEY_TIME,      // int64_t microseconds; `word` is the value without a bound
        KEY_SYMBOLS,   // struct symbol_list, "all" where `word` says so
        KEY_ASSETS,    // quote_assets
        KEY_URL,       // char[URL_SIZE], scheme in `choices`
        KEY_PROXY,     // char[URL_SIZE]
        KEY_PATH,      // char[PATH_SIZE]
        KEY_LISTEN,    // char[64]
        KEY_TEMPLATE,  // char[64]
        KEY_SECRET,    // read, never kept
        KEY_TYPES_COUNT
};

enum key_flag {
        KEY_RELOADABLE = 1, // takes effect on SIGHUP
        KEY_INERT = 2,      // checked, but without effect in this version: a warning where it is written
        KEY_PLAIN = 4,      // of a URL: a MarketStore server knows no TLS, so plain http:// goes to any host
};

struct key_choice {
        const char *word; // NULL ends the list
        uint32_t value;
};

struct key_row {
        const char *name; // "backfill.start_time"
        enum key_type type;
        unsigned flags;
        size_t offset, size; // in struct settings; size 0: kept nowhere
        int64_t min, max;
        const struct key_choice *choices;
        const char *supported;         // of the choices, those of this version, space-separated; NULL: all
        const char *word;              // KEY_COUNT: stands for 0; KEY_TIME, KEY_SYMBOLS: see there
        const char *fallback;          // default as one would write it; NULL: follows other keys, see `follows`
        const char *fallback_one_shot; // where it differs in a one-shot command
        const char *follows;           // what the default is, in words
        const char *example;           // a value to show, where there is no fallback; as the fallback, in YAML
        const char *help;
};

extern const struct key_row key_rows[];
extern const size_t key_rows_count;

// NULL where there is none.
const struct key_row *key_find(const char *name);
bool key_is_section(const char *name); // "backfill"

static inline uint64_t key_bit(const struct key_row *row)
{
        return UINT64_C(1) << (row - key_rows);
}

// Given by the user, by name; `name` must be a key.
bool key_is_given(const struct settings *settings, const char *name);

// "BINANCEFEEDER_ENDPOINTS_REST" for endpoints.rest. Returns `variable`.
#define KEY_VARIABLE_SIZE 64
const char *key_variable(const struct key_row *row, char variable[KEY_VARIABLE_SIZE]);

// What is accepted, for messages and documentation. Returns `text`.
#define KEY_ACCEPTED_SIZE 240
const char *key_accepted(const struct key_row *row, char text[KEY_ACCEPTED_SIZE]);

bool key_supports(const struct key_row *row, const char *word);

#endif
