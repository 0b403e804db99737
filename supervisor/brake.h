// SPDX-License-Identifier: Apache-2.0
// The class brake at work: when many children of a class crash at once, the class is not started again, except for one
// probe child every now and then; once a probe lives, all are let go. The rules are brakerule_step()'s.
#ifndef SUPERVISOR_BRAKE_H
#define SUPERVISOR_BRAKE_H

#include "supervisor/supervisor.h"

// True where `child` must not be started for its class is braked.
bool brake_holds(const struct supervisor *supervisor, const struct managed *child);
void brake_note_death(struct supervisor *supervisor, const struct managed *child);
void brake_note_ready(struct supervisor *supervisor, const struct managed *child);
// Acts on deadlines that have passed; returns the earliest one to come.
mono_time brake_run_due(struct supervisor *supervisor, mono_time now);

#endif
