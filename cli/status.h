// SPDX-License-Identifier: Apache-2.0
// The screen of `binancefeeder status`.
#ifndef CLI_STATUS_H
#define CLI_STATUS_H

#include "common/findings.h"
#include "common/snapshot.h"

// `all`: healthy children and buckets too, not only their sums, and each explained stretch with its evidence.
void status_print_text(const struct snapshot *snapshot, const struct findings *findings, bool all);

#endif
