// SPDX-License-Identifier: Apache-2.0
// Reads a large bucket in parts, at once on several of the pool's threads. Used by query.c.
#ifndef GATEWAY_PARTS_H
#define GATEWAY_PARTS_H

#include "workers/gateway/dataset.h"
#include "workers/gateway/reader.h"

// Appends the next GATEWAY_SEGMENTS_PER_TURN parts of a query without a limit to the dataset, whose columns are the
// bucket's. READER_FAILED: errno and `why`; the dataset then holds some of them.
enum reader_result parts_read(struct reader *reader, struct dataset *dataset, char why[REASON_SIZE]);

#endif
