// SPDX-License-Identifier: Apache-2.0
#include "workers/stream/frame.h"

#include <string.h>

static const char not_json[] = "the text is no well-formed JSON object";
static const char duplicate_key[] = "a key comes twice";

enum { SEEN_STREAM = 1, SEEN_DATA = 2, SEEN_RESULT = 4, SEEN_ERROR = 8, SEEN_ID = 16, SEEN_E = 32 };

// {"code":2,"msg":"…"}; other members are passed over.
static bool read_error(struct frame *frame, struct json *json)
{
        struct span key;
        int more;

        frame->is_error = true;
        if (!json_enter_object(json))
                return false;
        while ((more = json_next_key(json, &key)) == 1) {
                bool read = span_equals(key, "code")  ? json_read_integer(json, &frame->error_code)
                            : span_equals(key, "msg") ? json_read_text(json, &frame->message)
                                                      : json_skip_value(json);
                if (!read)
                        return false;
        }
        return more == 0;
}

static bool read_id(struct frame *frame, struct json *json)
{
        // We send integers; null comes back where our request could not be read, and strings are nobody's.
        char next = json_peek(json);

        if (next != '-' && (next < '0' || next > '9'))
                return json_skip_value(json);
        frame->has_id = true;
        return json_read_integer(json, &frame->id);
}

struct member {
        const char *key;
        unsigned bit;
};

static unsigned member_bit(struct span key)
{
        static const struct member members[] = {{"stream", SEEN_STREAM}, {"data", SEEN_DATA}, {"result", SEEN_RESULT},
            {"error", SEEN_ERROR}, {"code", SEEN_ERROR}, {"msg", 0}, {"id", SEEN_ID}, {"e", SEEN_E}};

        for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
                if (span_equals(key, members[i].key))
                        return members[i].bit;
        }
        return 0;
}

static bool read_member(struct frame *frame, struct json *json, struct span key, unsigned bit, struct span *event)
{
        switch (bit) {
        case SEEN_STREAM: return json_read_string(json, &frame->stream);
        case SEEN_DATA: frame->data = *json; return json_skip_value(json);
        case SEEN_ID: return read_id(frame, json);
        case SEEN_E: return json_read_text(json, event);
        case SEEN_ERROR:
                if (!span_equals(key, "code"))
                        return read_error(frame, json);
                frame->is_error = true;
                return json_read_integer(json, &frame->error_code);
        default: return span_equals(key, "msg") ? json_read_text(json, &frame->message) : json_skip_value(json);
        }
}

static void refuse(struct frame *frame, const char *why)
{
        frame->kind = FRAME_MALFORMED;
        frame->why = why;
}

static void classify(struct frame *frame, unsigned seen, struct span event)
{
        frame->whole_read = true;
        if ((seen & SEEN_ERROR) != 0 || (seen & SEEN_RESULT) != 0)
                frame->kind = FRAME_REPLY;
        else if (span_equals(frame->stream, "!serverShutdown") || span_equals(event, "serverShutdown"))
                frame->kind = FRAME_SHUTDOWN;
        else if ((seen & SEEN_STREAM) != 0 && (seen & SEEN_DATA) != 0)
                frame->kind = FRAME_EVENT;
        else
                refuse(frame, "it is neither an event of a stream nor the answer to a request");
}

void frame_open(struct frame *frame, const char *text, size_t length)
{
        struct json json;
        struct span key, event = {"", 0};
        unsigned seen = 0;
        int more;

        *frame = (struct frame){.stream = {"", 0}, .message = {"", 0}};
        json_begin(&json, text, length);
        if (!json_enter_object(&json)) {
                refuse(frame, length == 0 ? "the frame is empty" : not_json);
                return;
        }
        while ((more = json_next_key(&json, &key)) == 1) {
                unsigned bit = member_bit(key);

                if ((seen & bit) != 0) {
                        refuse(frame, duplicate_key);
                        return;
                }
                seen |= bit;
                // The usual order: the event is read where it stands, once.
                if (bit == SEEN_DATA && seen == (SEEN_STREAM | SEEN_DATA) && frame->stream.at[0] != '!') {
                        frame->kind = FRAME_EVENT;
                        frame->data = json;
                        return;
                }
                if (!read_member(frame, &json, key, bit, &event)) {
                        refuse(frame, not_json);
                        return;
                }
        }
        if (more < 0 || !json_at_end(&json))
                refuse(frame, not_json);
        else
                classify(frame, seen, event);
}

const char *frame_close(const struct frame *frame, struct json *after_data)
{
        struct span key;
        int more;

        if (frame->whole_read)
                return NULL;
        while ((more = json_next_key(after_data, &key)) == 1) {
                if (member_bit(key) == SEEN_STREAM || member_bit(key) == SEEN_DATA)
                        return duplicate_key;
                if (!json_skip_value(after_data))
                        return not_json;
        }
        return more == 0 && json_at_end(after_data) ? NULL : not_json;
}
