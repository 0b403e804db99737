// SPDX-License-Identifier: Apache-2.0
// exchangeInfo: which symbols there are and which limits hold. Pure. Used by workers/backfill/recordjob.c and the
// commands symbols and check.
#ifndef COMMON_CATALOG_H
#define COMMON_CATALOG_H

#include "common/record.h"

#include <stddef.h>
#include <stdint.h>

struct catalog {
        struct record_symbol *symbols; // owned
        size_t count;
        size_t skipped;        // names outside [A-Z0-9]{1,20}: other scripts exist
        char skipped_name[64]; // the first of them
        uint32_t weight_limit; // request weight a minute, 0: not said
        uint32_t raw_limit;    // requests in five minutes, 0: not said
};

// Returns 0 and a catalog to be released by catalog_free(), or -1 and `why`.
int catalog_parse(const char *body, size_t length, struct catalog *catalog, char why[REASON_SIZE]);
void catalog_free(struct catalog *catalog);

// "trading", "end of day": a status (enum symbol_status) for people and --json.
const char *catalog_status_name(uint8_t status);

#endif
