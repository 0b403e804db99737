// SPDX-License-Identifier: Apache-2.0
#include "tests/exchange/replay.h"
long replay_load(struct market *market, const char *directory)
{
        (void)market;
        (void)directory;
        return 0;
}
