// SPDX-License-Identifier: Apache-2.0
#include "workers/writer/troubles.h"

#include "workers/writer/bucketset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_S 3600
#define DAY_S (24 * HOUR_S)
#define NETWORK_DELAY_MAX_S 300

static const char *const kinds[TROUBLE_KINDS] = {
    [TROUBLE_NETWORK] = "network",
    [TROUBLE_REFUSED] = "refused",
    [TROUBLE_SYMBOL] = "symbol",
    [TROUBLE_CRASH] = "crash",
    [TROUBLE_DEFECTIVE] = "defective",
    [TROUBLE_UNCONFIRMED] = "unconfirmed",
    [TROUBLE_UNKEPT] = "unkept",
};

const char *trouble_kind_name(enum trouble_kind kind, uint32_t attempts)
{
        return kind == TROUBLE_CRASH && attempts >= CRASHES_MAX ? "quarantined" : kinds[kind];
}

int trouble_kind_parse(const char *name)
{
        if (strcmp(name, "quarantined") == 0)
                return TROUBLE_CRASH;
        for (int i = 0; i < TROUBLE_KINDS; i++) {
                if (strcmp(name, kinds[i]) == 0)
                        return i;
        }
        return -1;
}

int64_t trouble_delay_s(enum trouble_kind kind, uint32_t attempts)
{
        switch (kind) {
        case TROUBLE_NETWORK:
                return attempts > 8 ? NETWORK_DELAY_MAX_S : INT64_C(1) << (attempts > 0 ? attempts - 1 : 0);
        case TROUBLE_CRASH: return attempts >= CRASHES_MAX ? DAY_S : 1;
        case TROUBLE_UNCONFIRMED: return DAY_S;
        case TROUBLE_REFUSED:
        case TROUBLE_SYMBOL:
        case TROUBLE_DEFECTIVE:
        case TROUBLE_UNKEPT:
        case TROUBLE_KINDS: break;
        }
        return HOUR_S;
}

static struct trouble *find(struct bucket_state *bucket, enum trouble_kind kind, int64_t start_us, int64_t end_us)
{
        for (size_t i = 0; i < bucket->troubles_count; i++) {
                struct trouble *trouble = &bucket->troubles[i];

                if (trouble->kind == kind && trouble->start_us < end_us && trouble->end_us > start_us)
                        return trouble;
        }
        return NULL;
}

static void drop(struct bucket_state *bucket, size_t index)
{
        bucket->troubles_count--;
        memmove(bucket->troubles + index, bucket->troubles + index + 1,
            (bucket->troubles_count - index) * sizeof(*bucket->troubles));
}

static struct trouble *append(struct bucket_state *bucket)
{
        if (bucket->troubles_count == TROUBLES_MAX)
                drop(bucket, 0); // the oldest is simply tried again
        if (bucket->troubles_count == bucket->troubles_capacity) {
                size_t capacity = bucket->troubles_capacity > 0 ? bucket->troubles_capacity * 2 : 4;
                struct trouble *troubles = realloc(bucket->troubles, capacity * sizeof(*troubles));

                store_require_memory(troubles != NULL ? 0 : -1);
                bucket->troubles = troubles;
                bucket->troubles_capacity = capacity;
        }
        return &bucket->troubles[bucket->troubles_count++];
}

void trouble_restore(struct bucket_state *bucket, const struct trouble *trouble)
{
        *append(bucket) = *trouble;
}

const struct trouble *trouble_add(struct store *store, struct bucket_state *bucket, enum trouble_kind kind,
    int64_t start_us, int64_t end_us, const char *text)
{
        struct trouble *trouble = find(bucket, kind, start_us, end_us);

        if (trouble == NULL) {
                trouble = append(bucket);
                *trouble = (struct trouble){.start_us = start_us, .end_us = end_us, .kind = kind};
        }
        trouble->attempts++;
        int64_t delay_s = trouble_delay_s(kind, trouble->attempts);
        trouble->retry_at = (mono_time){mono_now().us + delay_s * US_PER_S};
        trouble->retry_wall_ns = wall_now().ns + delay_s * INT64_C(1000000000);
        (void)snprintf(trouble->text, sizeof(trouble->text), "%s", text);
        bucket->troubles_dirty = true;
        bucket_replan(bucket);
        // A network trouble is of no interest to anybody once it is over: it is committed with the next rows.
        store_mark_dirty(store, 0, kind != TROUBLE_NETWORK);
        return trouble;
}

void trouble_clear(struct store *store, struct bucket_state *bucket, int64_t start_us, int64_t end_us)
{
        for (size_t i = bucket->troubles_count; i-- > 0;) {
                const struct trouble *trouble = &bucket->troubles[i];

                if (trouble->start_us >= end_us || trouble->end_us <= start_us)
                        continue;
                drop(bucket, i);
                bucket->troubles_dirty = true;
                bucket_replan(bucket);
                store_mark_dirty(store, 0, true);
        }
}

void trouble_ranges(
    const struct bucket_state *bucket, mono_time now, struct ranges *busy, struct ranges *cuts, mono_time *until)
{
        for (size_t i = 0; i < bucket->troubles_count; i++) {
                const struct trouble *trouble = &bucket->troubles[i];

                store_require_memory(ranges_set(cuts, trouble->start_us, trouble->end_us, (int32_t)i));
                if (trouble->retry_at.us <= now.us)
                        continue;
                store_require_memory(ranges_set(busy, trouble->start_us, trouble->end_us, 0));
                if (trouble->retry_at.us < until->us)
                        *until = trouble->retry_at;
        }
}

bool trouble_skip(
    const struct bucket_state *bucket, int64_t *us, mono_time now, int64_t within_ms, char text[REASON_SIZE])
{
        for (size_t i = 0; i < bucket->troubles_count; i++) {
                const struct trouble *trouble = &bucket->troubles[i];

                if (trouble->start_us <= *us && *us < trouble->end_us &&
                    mono_since_ms(trouble->retry_at, now) > within_ms) {
                        *us = trouble->end_us;
                        (void)snprintf(text, REASON_SIZE, "%s", trouble->text);
                        return true;
                }
        }
        return false;
}
