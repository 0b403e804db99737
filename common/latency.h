// SPDX-License-Identifier: Apache-2.0
// A histogram of latencies that several processes read while one or more add to it. A plain value in shared memory; a
// process that dies while adding loses at most its own count.
#ifndef COMMON_LATENCY_H
#define COMMON_LATENCY_H

#include <stdatomic.h>
#include <stdint.h>

// Each power of two of microseconds is four buckets, so that a quantile is right within a few per cent; the first one
// counts what lies below too, the last one what lies above.
#define LATENCY_PARTS 4
#define LATENCY_BUCKETS (40 * LATENCY_PARTS)
struct latency_histogram {
        _Atomic uint64_t counts[LATENCY_BUCKETS];
};

// Where bucket `i` begins; it ends where the next one begins.
double latency_bucket_us(unsigned i);
void latency_add(struct latency_histogram *histogram, int64_t us);
// The latency in microseconds that the given fraction (0.99) does not exceed, interpolated within its bucket; 0 when
// empty.
int64_t latency_quantile_us(const struct latency_histogram *histogram, double fraction);

#endif
