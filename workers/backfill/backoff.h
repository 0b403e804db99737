// SPDX-License-Identifier: Apache-2.0
// How long to wait after a failed request: doubling from REST_BACKOFF_MS_MIN to REST_BACKOFF_MS_MAX, the upper half of
// it by chance, so that workers that failed together do not come back together.
#ifndef BACKFILL_BACKOFF_H
#define BACKFILL_BACKOFF_H

#include <stdint.h>

// `failures` in a row, 1 or more; `random` any number. Pure.
int64_t backoff_ms(uint32_t failures, uint32_t random);
uint32_t backoff_random(void);

#endif
