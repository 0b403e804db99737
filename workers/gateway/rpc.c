// SPDX-License-Identifier: Apache-2.0
#include "workers/gateway/rpc.h"

#include "common/memory.h"
#include "workers/gateway/method.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SINGLE_WRITER                                                                                                  \
        "this store has a single writer, the feeder; it takes no data, no new buckets and no deletions over RPC"

static const struct {
        const char *name;
        struct method_work *(*begin)(const char *root, const msgpack_object *params, char why[REASON_SIZE]);
} methods[] = {
    {"DataService.Query", query_begin},
    {"DataService.ListSymbols", listsymbols_begin},
    {"DataService.GetInfo", getinfo_begin},
    {"DataService.Write", NULL},
    {"DataService.Create", NULL},
    {"DataService.Destroy", NULL},
};

struct rpc_work {
        struct work work;
        uint8_t *bytes; // the request's, into which the call points
        struct call call;
        struct method_work *method;
        struct body result;
};

static enum work_state refuse(struct body *body, enum call_error error, const char *why, const msgpack_object *id)
{
        pack_refusal(body, error, why, id);
        return WORK_DONE;
}

static enum work_state step(struct work *work, struct body *body)
{
        struct rpc_work *rpc = (struct rpc_work *)work;
        char why[REASON_SIZE] = "";
        enum work_state state = rpc->method->step(rpc->method, &rpc->result, why);

        if (state == WORK_MORE)
                return WORK_MORE;
        if (state == WORK_DONE && !rpc->result.overflowed) {
                pack_answer(body, &rpc->result, rpc->call.id);
                return WORK_DONE;
        }
        body_release(&rpc->result);
        if (state == WORK_DONE)
                snprintf(why, sizeof(why), "the server has too many large answers under way; ask again");
        return refuse(body, CALL_FAILED, why, rpc->call.id);
}

static void release(struct work *work)
{
        struct rpc_work *rpc = (struct rpc_work *)work;

        if (rpc->method != NULL)
                rpc->method->release(rpc->method);
        body_release(&rpc->result);
        call_release(&rpc->call);
        free(rpc->bytes);
        free(rpc);
}

// Finds the method and begins it; else what is to be said.
static enum call_error begin_method(struct rpc_work *rpc, const char *root, char why[REASON_SIZE])
{
        for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
                if (strcmp(methods[i].name, rpc->call.method) != 0)
                        continue;
                if (methods[i].begin == NULL)
                        snprintf(why, REASON_SIZE, "%s", SINGLE_WRITER);
                else
                        rpc->method = methods[i].begin(root, rpc->call.params, why);
                return rpc->method != NULL ? CALL_FINE : CALL_FAILED;
        }
        snprintf(why, REASON_SIZE, "there is no method %s; accepted: DataService.Query, .ListSymbols, .GetInfo",
            rpc->call.method);
        return CALL_FAILED;
}

// Parameters after ';' do not matter.
static bool is_msgpack(const char *content_type)
{
        size_t length = strlen(CONTENT_MSGPACK);

        return content_type != NULL && strncasecmp(content_type, CONTENT_MSGPACK, length) == 0 &&
               (content_type[length] == '\0' || content_type[length] == ';' || content_type[length] == ' ');
}

static struct work *refuse_type(void)
{
        return work_text(
            415, "%s and %s are spoken here; for text there is GET /query?bucket=...", CONTENT_MSGPACK, CONTENT_JSON);
}

struct work *rpc_refuse(const char *why, const struct request *request)
{
        char reason[REASON_SIZE] = "";
        struct body body = {0};
        struct call call;

        if (!is_msgpack(request->content_type))
                return refuse_type();
        enum call_error error = call_decode(request->body, request->body_length, &call, reason);
        refuse(&body, error == CALL_FINE ? CALL_FAILED : error, error == CALL_FINE ? why : reason, call.id);
        call_release(&call);
        return work_answer(200, CONTENT_MSGPACK, &body);
}

struct work *rpc_begin(const char *root, const struct request *request)
{
        char why[REASON_SIZE] = "";

        if (!is_msgpack(request->content_type))
                return refuse_type();
        struct rpc_work *rpc = memory_zeroed(1, sizeof(*rpc));
        rpc->work = (struct work){step, release, 200, CONTENT_MSGPACK};
        rpc->bytes = memory_copied(request->body, request->body_length);
        enum call_error error = call_decode(rpc->bytes, request->body_length, &rpc->call, why);
        if (error == CALL_FINE)
                error = begin_method(rpc, root, why);
        if (error == CALL_FINE)
                return &rpc->work;
        struct body body = {0};
        refuse(&body, error, why, rpc->call.id);
        release(&rpc->work);
        return work_answer(200, CONTENT_MSGPACK, &body);
}
