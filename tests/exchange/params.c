// SPDX-License-Identifier: Apache-2.0
#include "tests/exchange/params.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/exchange/grid.h"

#define SYMBOL_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
#define MICROSECONDS_FROM INT64_C(100000000000000)

static int refuse(struct param_error *error, int code, const char *format, const char *name)
{
        error->code = code;
        // The formats are the literals below; the compiler cannot see that through the argument.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(error->message, sizeof error->message, format, name);
#pragma GCC diagnostic pop
        return -1;
}

static const struct param_rule *find_rule(const struct param_rule *rules, size_t count, const char *name)
{
        for (size_t i = 0; i < count; i++) {
                if (strcmp(rules[i].name, name) == 0) {
                        return &rules[i];
                }
        }
        return NULL;
}

static int check_names(
    const struct http_request *request, const struct param_rule *rules, size_t count, struct param_error *error)
{
        size_t read = 0;
        for (size_t i = 0; i < request->param_count; i++) {
                for (size_t j = 0; j < i; j++) {
                        if (strcmp(request->params[i].name, request->params[j].name) == 0) {
                                return refuse(
                                    error, -1101, "Duplicate values for parameter '%s'.", request->params[i].name);
                        }
                }
                read += find_rule(rules, count, request->params[i].name) != NULL;
        }
        if (read < request->param_count) {
                snprintf(error->message, sizeof error->message,
                    "Not all sent parameters were read; read '%zu' parameter(s) but was sent '%zu'.", read,
                    request->param_count);
                error->code = -1104;
                return -1;
        }
        return 0;
}

static int check_value(const struct param_rule *rule, const char *value, struct param_error *error)
{
        size_t length = strlen(value);
        if (length == 0) {
                return refuse(error, -1105, "Parameter '%s' was empty.", rule->name);
        }
        if (rule->type == PARAM_SYMBOL && (strspn(value, SYMBOL_CHARACTERS) != length || length > 20)) {
                return refuse(error, -1100,
                    "Illegal characters found in parameter '%s'; legal range is '^[A-Z0-9-_.]{1,20}$'.", rule->name);
        }
        if (rule->type == PARAM_NUMBER && (strspn(value, "0123456789") != length || length > 20)) {
                return refuse(error, -1100,
                    "Illegal characters found in parameter '%s'; legal range is '^[0-9]{1,20}$'.", rule->name);
        }
        if (rule->type == PARAM_SYMBOLS && strspn(value, SYMBOL_CHARACTERS "[]\", ") != length) {
                return refuse(error, -1100,
                    "Illegal characters found in parameter '%s'; legal range is "
                    "'^\\\\[(\\\"[A-Z0-9-_.]{1,20}\\\"(,\\\"[A-Z0-9-_.]{1,20}\\\"){0,}){0,1}\\\\]$'.",
                    rule->name);
        }
        return 0;
}

int params_check(
    const struct http_request *request, const struct param_rule *rules, size_t count, struct param_error *error)
{
        if (check_names(request, rules, count, error) != 0) {
                return -1;
        }
        for (size_t i = 0; i < count; i++) {
                const char *value = http_find_param(request, rules[i].name);
                if (value == NULL && rules[i].mandatory) {
                        return refuse(error, -1102,
                            "Mandatory parameter '%s' was not sent, was empty/null, or malformed.", rules[i].name);
                }
                if (value != NULL && check_value(&rules[i], value, error) != 0) {
                        return -1;
                }
        }
        return 0;
}

int64_t params_number(const struct http_request *request, const char *name, int64_t absent)
{
        const char *value = http_find_param(request, name);
        return value == NULL ? absent : strtoll(value, NULL, 10); // beyond 64 bits: the largest number
}

int64_t params_time(const struct http_request *request, const char *name, int64_t absent)
{
        int64_t value = params_number(request, name, absent);
        return value >= MICROSECONDS_FROM ? value / 1000 : value;
}

bool params_parse_zone(const char *text, int64_t *zone_ms)
{
        int hours, minutes = 0, used = 0, used_minutes = 0;
        if (sscanf(text, "%3d%n:%2d%n", &hours, &used, &minutes, &used_minutes) < 1) {
                return false;
        }
        if (strlen(text) != (size_t)(used_minutes > 0 ? used_minutes : used) || minutes < 0 || minutes > 59) {
                return false;
        }
        int64_t sign = text[0] == '-' ? -1 : 1;
        *zone_ms = hours * GRID_HOUR_MS + sign * minutes * GRID_MINUTE_MS;
        return *zone_ms >= -12 * GRID_HOUR_MS && *zone_ms <= 14 * GRID_HOUR_MS;
}
