// SPDX-License-Identifier: Apache-2.0
// When a connection is renewed, and when a renewal is complete. The exchange cuts a connection after 24 hours, so a
// second one is opened an hour before; both flow until every stream is known to have lost nothing, then the old one is
// closed. Pure; owned by connection.c.
#ifndef WORKERS_STREAM_RENEWAL_H
#define WORKERS_STREAM_RENEWAL_H

#include "common/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RENEWAL_AFTER_MS (INT64_C(23) * 3600 * 1000)
#define RENEWAL_SPREAD_MIN 30 // minutes before and after, by slot, so that workers do not renew together
#define RENEWAL_JITTER_MS 60000
#define RENEWAL_PROOF_MS 10000  // after the first event on the new connection the old one is closed anyway …
#define RENEWAL_SILENT_MS 60000 // … and this long after the new one is up when it shows no event at all

struct renewal {
        mono_time live_at;        // the new connection is up
        mono_time first_event_at; // its first event; us == 0: none
        bool proven;              // every stream is known to have lost nothing
};

// Milliseconds from connecting to the planned renewal.
int64_t renewal_plan_ms(uint16_t slot, uint64_t random);
void renewal_start(struct renewal *renewal, mono_time now);
void renewal_event(struct renewal *renewal, mono_time now);
bool renewal_is_complete(const struct renewal *renewal, mono_time now);
mono_time renewal_deadline(const struct renewal *renewal);

#endif
