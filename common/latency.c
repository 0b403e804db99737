// SPDX-License-Identifier: Apache-2.0
#include "common/latency.h"

static unsigned bucket_of(int64_t us)
{
        if (us < 2)
                return 0;
        unsigned power = 63 - (unsigned)__builtin_clzll((unsigned long long)us);
        unsigned part = (unsigned)(((unsigned long long)us - (1ULL << power)) * LATENCY_PARTS >> power);
        unsigned bucket = power * LATENCY_PARTS + part;
        return bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1;
}

double latency_bucket_us(unsigned i)
{
        double power = (double)(UINT64_C(1) << i / LATENCY_PARTS);

        return i == 0 ? 0 : power + power * (i % LATENCY_PARTS) / LATENCY_PARTS;
}

void latency_add(struct latency_histogram *histogram, int64_t us)
{
        atomic_fetch_add_explicit(&histogram->counts[bucket_of(us)], 1, memory_order_relaxed);
}

int64_t latency_quantile_us(const struct latency_histogram *histogram, double fraction)
{
        uint64_t counts[LATENCY_BUCKETS], total = 0;

        // One look: the total must be that of the counts, while others go on adding.
        for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
                counts[i] = atomic_load_explicit(&histogram->counts[i], memory_order_relaxed);
                total += counts[i];
        }
        double rank = fraction * (double)total, below = 0;
        for (unsigned i = 0; i < LATENCY_BUCKETS && total > 0; i++) {
                double count = (double)counts[i];
                if (count > 0 && below + count >= rank) {
                        double lower = latency_bucket_us(i), upper = latency_bucket_us(i + 1);
                        return (int64_t)(lower + (upper - lower) * (rank - below) / count);
                }
                below += count;
        }
        return 0;
}
