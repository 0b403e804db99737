// SPDX-License-Identifier: Apache-2.0
// Which children there shall be: applies configuration and catalogue to the child table, and on a reload or a new
// catalogue only the difference, so that children whose own configuration stays the same are left alone.
#ifndef SUPERVISOR_ROSTER_H
#define SUPERVISOR_ROSTER_H

#include "supervisor/supervisor.h"

// Takes `settings` (the first, or those of a reload) as the configuration in force, without acting on children.
void roster_adopt_settings(struct supervisor *supervisor, const struct settings *settings);
// Adds the writer and wants it.
int roster_start_writer(struct supervisor *supervisor);
// Makes the children what the configuration and the catalogue in force want. Called after the writer's first READY,
// then on every change.
void roster_apply(struct supervisor *supervisor);
// Takes `entries` over (malloc'ed) and acts on them.
void roster_adopt_catalogue(struct supervisor *supervisor, struct catalogue_entry *entries, size_t count);
// Reads the configuration file again and applies what changed. A file with mistakes changes nothing: returns -1 with a
// line in `why`, every mistake being logged. Returns 0 with what was done in `why`.
int roster_reload(struct supervisor *supervisor, char why[REASON_SIZE]);

#endif
