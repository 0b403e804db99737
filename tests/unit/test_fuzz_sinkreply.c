// SPDX-License-Identifier: Apache-2.0
// LINK: tests/fuzz/sinkreply.c -lmsgpackc
// The inputs that are kept for tests/fuzz/sinkreply.c, without a fuzzer.
#include "tests/unit/kept_inputs.h"

int main(void)
{
        static const char *const folders[] = {"sinkreply", NULL};

        return run_kept_inputs(folders);
}
