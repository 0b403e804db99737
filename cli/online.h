// SPDX-License-Identifier: Apache-2.0
// `check --online`: asks the real endpoints of a configuration once each, and says what is wrong with them. Used by
// check.c. Politely: two requests (weight 21) over one connection, none once the exchange has refused one; one
// connection to the streams' host; one request to a MarketStore server. Each wait is bounded (common/limits.h).
#ifndef CLI_ONLINE_H
#define CLI_ONLINE_H

#include "config/settings.h"

#include <stdio.h>

// One line per check to `out`. Returns EXIT_DONE, or EXIT_FAILED where something is wrong.
int online_check(const struct settings *settings, FILE *out);

#endif
