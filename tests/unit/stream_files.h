// SPDX-License-Identifier: Apache-2.0
// What tests of the stream kinds share: frames read as carrier and parser do it together, and recorded captures.
#ifndef TESTS_UNIT_STREAM_FILES_H
#define TESTS_UNIT_STREAM_FILES_H

#include "workers/stream/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#define CAPTURE_LINE_SIZE (1024 * 1024)

// A file of the recorded data, NULL where it is not there.
static inline gzFile open_capture(const char *name)
{
        const char *folder = getenv("BF_SHARED_DATA");
        char path[512];

        snprintf(path, sizeof(path), "%s/ws/%s", folder != NULL ? folder : "../shared/data", name);
        return gzopen(path, "rb");
}

// Returns NULL and *data, or what is wrong with the frame.
static inline const char *open_frame(const char *text, size_t length, struct frame *frame, struct json *data)
{
        frame_open(frame, text, length);
        if (frame->kind != FRAME_EVENT)
                return frame->kind == FRAME_MALFORMED ? frame->why : "no event";
        *data = frame->data;
        return NULL;
}

#endif
