// SPDX-License-Identifier: Apache-2.0
// GET /status: what `binancefeeder status --json` prints, of the instance that this gateway belongs to. Taken at most
// once in SNAPSHOT_AGE_MS, for it reads the whole ledger.
#include "common/clock.h"
#include "common/statusjson.h"
#include "workers/gateway/gateway.h"

#include <stdlib.h>
#include <string.h>

#define SNAPSHOT_AGE_MS 1000

static char *take(const struct gateway *gateway)
{
        static struct findings findings;
        struct snapshot snapshot;

        snapshot_take(&gateway->child.setup->settings, gateway->child.governor, &snapshot);
        findings_collect(&snapshot, &findings);
        char *text = status_to_json(&snapshot, &findings);
        snapshot_free(&snapshot);
        return text;
}

struct work *status_begin(void *context, const struct request *request)
{
        static char *text;
        static mono_time taken;
        mono_time now = mono_now();
        struct body body = {0};

        (void)request;
        if (text == NULL || mono_since_ms(now, taken) >= SNAPSHOT_AGE_MS) {
                free(text);
                text = take(context);
                taken = now;
        }
        if (text == NULL)
                return work_text(503, "no memory");
        body_append(&body, text, strlen(text));
        body_append(&body, "\n", 1);
        return work_answer(200, CONTENT_JSON, &body);
}
