// SPDX-License-Identifier: Apache-2.0
#include "workers/gateway/work.h"

#include "common/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct answer {
        struct work work;
        struct body body;
};

static enum work_state give(struct work *work, struct body *body)
{
        body_join(body, &((struct answer *)work)->body);
        return WORK_DONE;
}

static void release(struct work *work)
{
        body_release(&((struct answer *)work)->body);
        free(work);
}

struct work *work_answer(int status, const char *content_type, struct body *body)
{
        struct answer *answer = memory_zeroed(1, sizeof(*answer));

        answer->work = (struct work){give, release, status, content_type};
        body_join(&answer->body, body);
        return &answer->work;
}

struct work *work_text(int status, const char *format, ...)
{
        char text[512];
        struct body body = {0};
        va_list arguments;

        va_start(arguments, format);
        vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        body_print(&body, "%s\n", text);
        return work_answer(status, CONTENT_TEXT, &body);
}
