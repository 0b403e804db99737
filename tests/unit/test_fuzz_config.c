// SPDX-License-Identifier: Apache-2.0
// LINK: tests/fuzz/config.c
// The inputs that are kept for tests/fuzz/config.c, without a fuzzer.
#include "tests/unit/kept_inputs.h"

int main(void)
{
        static const char *const folders[] = {"config", NULL};

        return run_kept_inputs(folders);
}
