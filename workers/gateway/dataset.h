// SPDX-License-Identifier: Apache-2.0
// MarketStore's NumpyMultiDataset: the rows of several buckets with the same columns, one after the other, and where
// each begins (MarketStore v4.1.23, utils/io/numpy.go). Pure.
#ifndef GATEWAY_DATASET_H
#define GATEWAY_DATASET_H

#include "workers/gateway/body.h"
#include "workers/gateway/columns.h"

#include <stddef.h>

struct dataset {                  // {0} has no bucket yet
        struct columns columns;   // of all segments; itself without rows
        struct columns *segments; // the rows, one segment after the other, so that growing copies little
        size_t segments_count, segments_capacity;
        size_t rows;
        struct dataset_part {
                char *key; // as asked: `symbol/timeframe/group`
                size_t start, rows;
        } * parts;
        size_t parts_count, parts_capacity;
};

// The segment to which the next rows may be appended, GATEWAY_SEGMENT_ROWS in all, before dataset_count_rows(). Valid
// until the next call.
struct columns *dataset_tail(struct dataset *dataset);
// Adds up what has been appended to the tail.
void dataset_count_rows(struct dataset *dataset, size_t rows);
// Appends a segment that another thread has filled; its memory moves.
void dataset_append(struct dataset *dataset, struct columns *segment);

// Begins a bucket at the end of the rows so far.
void dataset_begin_part(struct dataset *dataset, const char *symbol, const char *timeframe, const char *group);
void dataset_end_part(struct dataset *dataset);
// Encodes the flat map; the columns' memory moves into the body.
void dataset_pack(struct dataset *dataset, struct body *body);
void dataset_release(struct dataset *dataset);

#endif
