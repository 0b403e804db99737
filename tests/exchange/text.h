// SPDX-License-Identifier: Apache-2.0
// text: numbers as Binance prints them, written by hand because a page of a thousand bars has eleven thousand of them.
// Each function writes at `at` and returns the end; nothing is terminated.
#ifndef BF_EXCHANGE_TEXT_H
#define BF_EXCHANGE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "tests/exchange/bar.h"

#define TEXT_DECIMAL_MAX 42 // sign, 31 digits, point, 8 digits
#define TEXT_ROW_MAX 512    // one kline row of REST, the longest form

char *text_put_string(char *at, const char *string);
char *text_put_integer(char *at, int64_t value);
// `value` is in units of 1e-8 and always gets eight places: 1.50000000.
char *text_put_decimal(char *at, wide value);
// One REST row: [openTime,"o","h","l","c","v",closeTime,"q",n,"V","Q","0"]. Times in µs when `micro`.
char *text_put_row(char *at, const struct bar *bar, int micro);
// One ledger line, ending in a newline: open_time (ms) and the nine values.
char *text_put_csv(char *at, const struct bar *bar);
// Times in ms become µs; a close time …999 becomes …999999.
int64_t text_close_time(int64_t close_ms, int micro);

// Reads a decimal of up to eight places and 29 digits. Returns 0, or -1 when it is none.
int text_parse_decimal(const char *text, size_t length, wide *value);

#endif
