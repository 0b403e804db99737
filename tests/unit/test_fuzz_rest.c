// SPDX-License-Identifier: Apache-2.0
// LINK: tests/fuzz/rest.c
// LINK: workers/backfill/page.c
// LINK: workers/backfill/tickpage.c -lcjson
// The inputs that are kept for tests/fuzz/rest.c, without a fuzzer.
#include "tests/unit/kept_inputs.h"

int main(void)
{
        static const char *const folders[] = {"klines", "trades", "aggtrades", "catalog", "errors", NULL};

        return run_kept_inputs(folders);
}
