// SPDX-License-Identifier: Apache-2.0
// LINK: tests/fuzz/frame.c
// LINK: workers/stream/json.c workers/stream/frame.c workers/stream/fields.c workers/stream/trade.c
// LINK: workers/stream/kline.c workers/stream/depthevent.c workers/stream/book.c workers/stream/booksync.c -lcjson
// The inputs that are kept for tests/fuzz/frame.c, without a fuzzer.
#include "tests/unit/kept_inputs.h"

int main(void)
{
        static const char *const folders[] = {
            "frame", "trade", "aggtrade", "quote", "depth", "kline", "reply", "snapshot", NULL};

        return run_kept_inputs(folders);
}
