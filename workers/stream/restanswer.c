// SPDX-License-Identifier: Apache-2.0
#include "workers/stream/restanswer.h"

#include "common/log.h"

#include <stdio.h>

const char *restanswer_account(const struct ws_answer *answer, struct governor_page *governor, uint32_t minute,
    const char *symbol, char why[REASON_SIZE])
{
        int status = answer->status;

        if (answer->date_s > 0)
                governor_date_header(governor, answer->date_s);
        if (answer->used_weight >= 0 && answer->used_weight <= UINT32_MAX)
                governor_used_header(governor, minute, (uint32_t)answer->used_weight);
        if (answer->failure != NULL || status == 200)
                return answer->failure;
        if (status == 429 || status == 418 || status == 403 || status == 451) {
                governor_ban(governor, (uint32_t)status, answer->retry_after_s);
                log_warn("%s: the exchange refuses requests with HTTP %d: none is sent for %lld s, by any process",
                    symbol, status, (long long)governor_ban_remaining_ms(governor) / 1000);
        }
        (void)snprintf(why, REASON_SIZE, "HTTP %d", status);
        return why;
}
