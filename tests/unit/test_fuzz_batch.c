// SPDX-License-Identifier: Apache-2.0
// LINK: tests/fuzz/batch.c
// The inputs that are kept for tests/fuzz/batch.c, without a fuzzer.
#include "tests/unit/kept_inputs.h"

int main(void)
{
        static const char *const folders[] = {"batch", NULL};

        return run_kept_inputs(folders);
}
