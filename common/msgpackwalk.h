// SPDX-License-Identifier: Apache-2.0
// Checks bytes from outside before msgpack-c decodes them: exactly one value, complete, not nested too deeply. The
// library believes a list's length before it has seen its members, so five bytes could ask it for gigabytes; after this
// there are MSGPACK_VALUES_MAX values at most. Pure.
#ifndef COMMON_MSGPACKWALK_H
#define COMMON_MSGPACKWALK_H

#include "common/limits.h"

#include <stddef.h>
#include <stdint.h>

// Returns 0, or -1 and what is wrong in `why`.
int msgpack_walk(const uint8_t *bytes, size_t length, char why[REASON_SIZE]);

#endif
