// SPDX-License-Identifier: Apache-2.0
#include "cli/storeclient.h"

#include "common/memory.h"
#include "common/storehttp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct storeclient {
        char url[URL_SIZE];
        struct storehttp *http;
        msgpack_sbuffer request;
};

struct storeclient *storeclient_open(const char *url, char why[STORECLIENT_WHY_SIZE])
{
        struct storeclient *client = memory_zeroed(1, sizeof(*client));

        (void)snprintf(client->url, sizeof(client->url), "%s", url);
        msgpack_sbuffer_init(&client->request);
        client->http = storehttp_new(url);
        if (client->http != NULL)
                return client;
        storeclient_close(client);
        (void)snprintf(why, STORECLIENT_WHY_SIZE, "libcurl cannot be set up");
        errno = EIO;
        return NULL;
}

void storeclient_close(struct storeclient *client)
{
        if (client == NULL)
                return;
        storehttp_free(client->http);
        msgpack_sbuffer_destroy(&client->request);
        free(client);
}

static int ask(struct storeclient *client, struct storehttp_answer *answer, char why[STORECLIENT_WHY_SIZE])
{
        char reason[REASON_SIZE];

        if (storehttp_post(client->http, client->request.data, client->request.size, answer, reason) == 0)
                return 0;
        (void)snprintf(why, STORECLIENT_WHY_SIZE, "the store server %s %s: %s", client->url,
            errno == EHOSTUNREACH ? "cannot be reached" : "gives no answer", reason);
        return -1;
}

static int judge(const struct storeclient *client, const char *key, enum storerpc_verdict verdict, const char *reason,
    char why[STORECLIENT_WHY_SIZE])
{
        switch (verdict) {
        case STORERPC_FINE: return 0;
        case STORERPC_ABSENT:
                (void)snprintf(why, STORECLIENT_WHY_SIZE, "the store server %s has no bucket %s", client->url, key);
                errno = ENOENT;
                return -1;
        case STORERPC_REFUSED:
                (void)snprintf(why, STORECLIENT_WHY_SIZE, "%s: the store server %s says: %s", key, client->url, reason);
                break;
        case STORERPC_GARBLED:
                (void)snprintf(why, STORECLIENT_WHY_SIZE, "%s: what the store server %s answers is none: %s", key,
                    client->url, reason);
                break;
        }
        errno = EPROTO;
        return -1;
}

int storeclient_schema(struct storeclient *client, const char *key, int64_t timeframe_ns, int64_t record_type,
    struct yearfile_schema *schema, char why[STORECLIENT_WHY_SIZE])
{
        struct storehttp_answer answer;
        char reason[REASON_SIZE] = "";

        storerpc_encode_info(&client->request, key);
        if (ask(client, &answer, why) != 0 ||
            judge(client, key, storerpc_decode_info(answer.bytes, answer.length, schema, reason), reason, why) != 0)
                return -1;
        if (schema->timeframe_ns == timeframe_ns && schema->record_type == record_type)
                return 0;
        (void)snprintf(why, STORECLIENT_WHY_SIZE, "%s at %s has %s records of %lld s, not what is asked for", key,
            client->url, schema->record_type == 0 ? "fixed" : "variable",
            (long long)(schema->timeframe_ns / 1000000000));
        errno = EINVAL;
        return -1;
}

int storeclient_read(struct storeclient *client, const char *key, const struct storerpc_layout *layout, size_t columns,
    const struct storerpc_range *range, uint8_t **rows, size_t *count, char why[STORECLIENT_WHY_SIZE])
{
        struct storehttp_answer answer;
        char reason[REASON_SIZE] = "";

        *rows = NULL;
        *count = 0;
        storerpc_encode_query(&client->request, key, layout, columns, range);
        if (ask(client, &answer, why) != 0)
                return -1;
        enum storerpc_verdict verdict =
            storerpc_decode_query(answer.bytes, answer.length, layout, columns, rows, count, reason);
        return judge(client, key, verdict, reason, why);
}

int storeclient_list(struct storeclient *client, storerpc_name *each, void *context, char why[STORECLIENT_WHY_SIZE])
{
        struct storehttp_answer answer;
        char reason[REASON_SIZE] = "";
        size_t buckets;

        storerpc_encode_list(&client->request);
        if (ask(client, &answer, why) != 0)
                return -1;
        enum storerpc_verdict verdict =
            storerpc_decode_list(answer.bytes, answer.length, each, context, &buckets, reason);
        return judge(client, "its list of buckets", verdict, reason, why);
}

const char *storeclient_version(const struct storeclient *client)
{
        return storehttp_version(client->http);
}
