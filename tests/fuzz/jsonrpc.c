// SPDX-License-Identifier: Apache-2.0
// LINK: workers/gateway/block.c workers/gateway/body.c workers/gateway/columns.c workers/gateway/dataset.c
// LINK: workers/gateway/fixedreader.c workers/gateway/getinfo.c workers/gateway/listsymbols.c
// LINK: workers/gateway/message.c workers/gateway/parts.c workers/gateway/place.c workers/gateway/pool.c
// LINK: workers/gateway/query.c
// LINK: workers/gateway/reader.c workers/gateway/rpc.c workers/gateway/tickreader.c workers/gateway/tree.c
// LINK: workers/gateway/work.c workers/gateway/jsonrpc.c
// LINK: workers/gateway/jsonanswer.c -lmsgpackc -lcjson
// CORPUS: jsonrpc
// Bytes from outside as the body of POST /rpc in JSON: every one gets an answer that is JSON, and leaves no memory
// behind.
#include "workers/gateway/jsonrpc.h"

#include "common/log.h"
#include "tests/unit/gateway_calls.h"

#include <cjson/cJSON.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static struct work *begin(void *context, const struct request *request)
{
        return rpc_begin(context, request);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
        struct request request = {.content_type = CONTENT_JSON, .body = bytes, .body_length = length};
        char *root = getenv("BF_FUZZ_ROOT");
        struct flat flat = finish_work(jsonrpc_begin(begin, root != NULL ? root : "/nonexistent", &request));
        cJSON *answer = cJSON_ParseWithLength((const char *)flat.bytes, flat.length);

        REQUIRE(flat.status == 200 && answer != NULL);
        REQUIRE(block_charged() == 0);
        cJSON_Delete(answer);
        free(flat.bytes);
        return 0;
}
