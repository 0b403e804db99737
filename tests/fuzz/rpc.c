// SPDX-License-Identifier: Apache-2.0
// LINK: workers/gateway/block.c workers/gateway/body.c workers/gateway/columns.c workers/gateway/dataset.c
// LINK: workers/gateway/fixedreader.c workers/gateway/getinfo.c workers/gateway/listsymbols.c
// LINK: workers/gateway/message.c workers/gateway/parts.c workers/gateway/place.c workers/gateway/pool.c
// LINK: workers/gateway/query.c
// LINK: workers/gateway/reader.c workers/gateway/rpc.c workers/gateway/tickreader.c workers/gateway/tree.c
// LINK: workers/gateway/work.c -lmsgpackc
// CORPUS: rpc
// Bytes from outside as the body of POST /rpc: every one gets an answer that is msgpack, and leaves no memory behind.
#include "common/log.h"
#include "common/msgpackwalk.h"
#include "tests/unit/gateway_calls.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
        const char *root = getenv("BF_FUZZ_ROOT");
        struct flat flat = call_bytes(root != NULL ? root : "/nonexistent", bytes, length);
        char why[REASON_SIZE];

        // An id is echoed, however deep it is: the answer may be one level deeper than what is accepted.
        REQUIRE(flat.status == 200 && flat.length > 0);
        (void)msgpack_walk(flat.bytes, flat.length, why);
        REQUIRE(block_charged() == 0);
        free(flat.bytes);
        return 0;
}
