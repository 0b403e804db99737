// SPDX-License-Identifier: Apache-2.0
// params: checks a request's query parameters as Binance does, with its codes and texts. Pure; called by rest.
#ifndef BF_EXCHANGE_PARAMS_H
#define BF_EXCHANGE_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/exchange/http.h"

enum param_type { PARAM_SYMBOL, PARAM_SYMBOLS, PARAM_NUMBER, PARAM_TEXT };

struct param_rule {
        const char *name;
        enum param_type type;
        bool mandatory;
};

struct param_error {
        int code;
        char message[256];
};

// Returns 0, or -1 with the first complaint: duplicates, unknown names, missing, empty, illegal characters.
int params_check(
    const struct http_request *request, const struct param_rule *rules, size_t count, struct param_error *error);
// A non-negative integer that has passed the check; `absent` when the parameter is not there.
int64_t params_number(const struct http_request *request, const char *name, int64_t absent);
// A time in ms: values of sixteen digits are µs.
int64_t params_time(const struct http_request *request, const char *name, int64_t absent);
// timeZone: "0", "8", "-1:00", "05:45", from -12:00 to +14:00. False when it is none.
bool params_parse_zone(const char *text, int64_t *zone_ms);

#endif
