// SPDX-License-Identifier: Apache-2.0
// The table at the end of a run: per symbol and interval first, last, rows, what is missing or explained, settled
// share.
#ifndef CLI_CLOSING_H
#define CLI_CLOSING_H

#include <stdio.h>

// Of all followed buckets, and the sums. Prints nothing where there is no ledger.
void closing_print(const char *state_directory, FILE *out);

#endif
