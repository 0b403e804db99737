// SPDX-License-Identifier: Apache-2.0
// DataService.GetInfo: a bucket's newest year, timeframe, columns (Epoch first) and kind. What cannot be told of one
// key is said in its entry; the others are answered.
#include "common/memory.h"
#include "workers/gateway/columns.h"
#include "workers/gateway/method.h"
#include "workers/gateway/place.h"
#include "workers/gateway/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct info_work {
        struct method_work work;
        const char *root;
        const msgpack_object_array *requests;
        uint32_t at;
        struct body answers;
};

static int find_bucket(
    const char *root, const msgpack_object *request, struct tree_bucket *bucket, char why[REASON_SIZE])
{
        struct destination destination;
        struct place place;
        const char *text = "";
        size_t length = 0;
        int result = -1;

        if (request->type != MSGPACK_OBJECT_MAP) {
                snprintf(why, REASON_SIZE, "a request in `requests` is not a map");
                return -1;
        }
        if (map_text(request, "key", &text, &length, why) != 0 ||
            destination_parse(text, length, NULL, &destination, why) != 0)
                return -1;
        if (destination.symbols_count != 1 || destination.groups_count != 1)
                snprintf(why, REASON_SIZE, "a key names one bucket, as in BTCUSDT/1Min/OHLCV");
        else if (place_resolve(destination.timeframe, destination.groups[0], &place, why) == 0)
                result = tree_find_bucket(root, destination.symbols[0], place.timeframe, place.group, bucket, why);
        destination_release(&destination);
        return result;
}

static void pack_column(struct body *body, const char *name, uint8_t type)
{
        pack_map(body, 2);
        pack_text(body, "Name");
        pack_text(body, name);
        pack_text(body, "Type");
        pack_integer(body, type);
}

static void pack_bucket(struct body *body, const struct tree_bucket *bucket, const char *error)
{
        size_t count = bucket != NULL ? bucket->schema.columns_count + 1 : 0;

        pack_map(body, 5);
        pack_text(body, "LatestYear");
        pack_integer(body, bucket != NULL ? bucket->years[bucket->years_count - 1] : 0);
        pack_text(body, "TimeFrame");
        pack_integer(body, bucket != NULL ? bucket->schema.timeframe_ns : 0);
        pack_text(body, "DSV");
        if (bucket == NULL)
                pack_nil(body);
        else
                pack_array(body, count);
        for (size_t i = 0; i < count; i++) {
                if (i == 0)
                        pack_column(body, COLUMN_EPOCH, COLUMN_I8);
                else
                        pack_column(body, bucket->schema.columns[i - 1].name, bucket->schema.columns[i - 1].type);
        }
        pack_text(body, "RecordType");
        pack_integer(body, bucket != NULL ? bucket->schema.record_type : 0);
        pack_text(body, "ServerResp");
        pack_map(body, 2);
        pack_text(body, "error");
        pack_text(body, error);
        pack_text(body, "version");
        pack_text(body, SERVER_VERSION);
}

static void answer_one(struct info_work *work, struct tree_bucket *bucket)
{
        char reason[REASON_SIZE];

        if (find_bucket(work->root, &work->requests->ptr[work->at], bucket, reason) == 0)
                pack_bucket(&work->answers, bucket, "");
        else
                pack_bucket(&work->answers, NULL, reason);
}

static enum work_state step(struct method_work *method, struct body *body, char why[REASON_SIZE])
{
        struct info_work *work = (struct info_work *)method;
        struct tree_bucket *bucket = memory_zeroed(1, sizeof(*bucket));

        (void)why; // what goes wrong is said in the entries
        for (int i = 0; i < GATEWAY_BUCKETS_PER_TURN && work->at < work->requests->size; i++, work->at++)
                answer_one(work, bucket);
        free(bucket);
        if (work->at < work->requests->size)
                return WORK_MORE;
        pack_map(body, 1);
        pack_text(body, "responses");
        if (work->requests->size == 0)
                pack_nil(body);
        else
                pack_array(body, work->requests->size);
        body_join(body, &work->answers);
        return WORK_DONE;
}

static void release(struct method_work *method)
{
        struct info_work *work = (struct info_work *)method;

        body_release(&work->answers);
        free(work);
}

struct method_work *getinfo_begin(const char *root, const msgpack_object *params, char why[REASON_SIZE])
{
        const msgpack_object_array *requests;

        if (map_list(params, "requests", &requests, why) != 0)
                return NULL;
        if (requests->size > GATEWAY_BUCKETS_MAX) {
                snprintf(
                    why, REASON_SIZE, "%u keys in one call; accepted: up to %d", requests->size, GATEWAY_BUCKETS_MAX);
                return NULL;
        }
        struct info_work *work = memory_zeroed(1, sizeof(*work));
        work->work = (struct method_work){step, release};
        work->root = root;
        work->requests = requests;
        return &work->work;
}
