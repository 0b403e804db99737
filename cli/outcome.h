// SPDX-License-Identifier: Apache-2.0
// How a backfill ended: reasons on stderr, the counts on stdout, and the exit code.
#ifndef CLI_OUTCOME_H
#define CLI_OUTCOME_H

#include "cli/progress.h"

struct outcome {
        const struct progress *progress;
        const char *target;   // target_format_next(): what to type next begins there
        const char *log_path; // NULL: somebody else's
        bool interrupted;
        bool hindered;  // banned, or the exchange cannot be reached
        size_t refused; // buckets that a running instance did not take, said why
        int exit_code;  // the supervisor's
};

// EXIT_DONE only where the ledger says that everything asked for is stored or explained.
int outcome_print(const struct outcome *outcome, bool json);

#endif
