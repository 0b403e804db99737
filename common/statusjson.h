// SPDX-License-Identifier: Apache-2.0
// A snapshot as JSON: what `binancefeeder status --json` prints and the gateway answers at /status.
#ifndef COMMON_STATUSJSON_H
#define COMMON_STATUSJSON_H

#include "common/findings.h"
#include "common/snapshot.h"

// To be freed with free(); NULL without memory.
char *status_to_json(const struct snapshot *snapshot, const struct findings *findings);

#endif
