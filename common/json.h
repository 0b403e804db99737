// SPDX-License-Identifier: Apache-2.0
// JSON from outside, bounded before cJSON sees it: depth first, then one whole value and nothing after it. Pure.
// Klines do not come this way (workers/backfill/page.c): they are too many.
#ifndef COMMON_JSON_H
#define COMMON_JSON_H

#include "common/limits.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Returns a value to be released by cJSON_Delete(), or NULL and the reason in `why`.
cJSON *json_parse(const char *body, size_t length, char why[REASON_SIZE]);
// The whole number 0..2^53 under `key`, or false.
bool json_whole_number(const cJSON *object, const char *key, int64_t *number);

#endif
