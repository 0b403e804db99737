// SPDX-License-Identifier: Apache-2.0
// The two faces of `binancefeeder status`: a screen for people, JSON for programs.
#ifndef CLI_STATUS_H
#define CLI_STATUS_H

#include "cli/findings.h"
#include "cli/snapshot.h"
#include "common/bucket.h"

// `all`: healthy children and buckets too, not only their sums.
void status_print_text(const struct snapshot *snapshot, const struct findings *findings, bool all);
// To be freed with free(); NULL without memory. The gateway answers the same at /status.
char *status_to_json(const struct snapshot *snapshot, const struct findings *findings);

#endif
