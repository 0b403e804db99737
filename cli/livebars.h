// SPDX-License-Identifier: Apache-2.0
// Live bars as they become durable, read from the governor page's ring of the newest.
#ifndef CLI_LIVEBARS_H
#define CLI_LIVEBARS_H

#include "cli/screen.h"
#include "common/governor.h"

struct livebars {
        uint64_t seen; // sequence of the last one shown
        uint64_t shown, passed_over;
};

// From the next one on.
void livebars_begin(struct livebars *bars, const struct governor_page *page);
// A line for each new bar; of very many at once the last few, the rest counted in a line.
void livebars_show(struct livebars *bars, const struct governor_page *page, struct screen *screen);

#endif
