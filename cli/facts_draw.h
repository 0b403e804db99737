// SPDX-License-Identifier: Apache-2.0
// The lines about a running instance that run and backfill both show: request weight, connections, ban, spool.
#ifndef CLI_FACTS_DRAW_H
#define CLI_FACTS_DRAW_H

#include "cli/screen.h"
#include "common/facts.h"

// "weight 312 of 5,400 this minute · 3 of 3 streams connected · ..." into the panel, and a line for what hinders.
// `working`: history is being fetched.
void facts_draw(const struct facts *facts, bool working, struct screen *screen);

#endif
