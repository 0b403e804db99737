// SPDX-License-Identifier: Apache-2.0
// Job channels: one SEQPACKET pair between the writer and each backfill worker, made when both are READY and renewed
// when either has been started again. The supervisor keeps no end.
#ifndef SUPERVISOR_CHANNELS_H
#define SUPERVISOR_CHANNELS_H

#include "supervisor/supervisor.h"

void channels_renew(struct supervisor *supervisor);

#endif
