// SPDX-License-Identifier: Apache-2.0
// LINK: tests/fuzz/jsonrpc.c
// LINK: workers/gateway/block.c workers/gateway/body.c workers/gateway/columns.c workers/gateway/dataset.c
// LINK: workers/gateway/fixedreader.c workers/gateway/getinfo.c workers/gateway/listsymbols.c
// LINK: workers/gateway/message.c workers/gateway/parts.c workers/gateway/place.c workers/gateway/pool.c
// LINK: workers/gateway/query.c
// LINK: workers/gateway/reader.c workers/gateway/rpc.c workers/gateway/tickreader.c workers/gateway/tree.c
// LINK: workers/gateway/work.c workers/gateway/jsonrpc.c
// LINK: workers/gateway/jsonanswer.c -lmsgpackc -lcjson
// The inputs that are kept for tests/fuzz/jsonrpc.c, without a fuzzer.
#include "tests/unit/kept_inputs.h"

int main(void)
{
        static const char *const folders[] = {"jsonrpc", NULL};

        return run_kept_inputs(folders);
}
