// SPDX-License-Identifier: Apache-2.0
#include "common/msgpackwalk.h"

#include <stdbool.h>
#include <stdio.h>

struct walk {
        const uint8_t *bytes;
        size_t length, at;
};

// A value's first byte says how many bytes of a length follow, what these count, and how many fixed bytes come besides.
struct shape {
        uint8_t length_bytes; // big-endian, after the first byte
        uint8_t fixed_bytes;  // after the length, besides what it counts
        uint8_t values_per;   // of what the length counts: 0, bytes; 1, values (list); 2, pairs (map)
        uint32_t count;       // where the first byte holds it
};

// By the msgpack specification; 0xc1 is no value.
static bool shape_of(uint8_t first, struct shape *shape)
{
        static const struct shape others[] = {
            {0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0},                // c0 nil - c3 true
            {1, 0, 0, 0}, {2, 0, 0, 0}, {4, 0, 0, 0},                              // c4 bin 8 16 32
            {1, 1, 0, 0}, {2, 1, 0, 0}, {4, 1, 0, 0},                              // c7 ext 8 16 32
            {0, 4, 0, 0}, {0, 8, 0, 0},                                            // ca float 32 64
            {0, 1, 0, 0}, {0, 2, 0, 0}, {0, 4, 0, 0}, {0, 8, 0, 0},                // cc uint 8 16 32 64
            {0, 1, 0, 0}, {0, 2, 0, 0}, {0, 4, 0, 0}, {0, 8, 0, 0},                // d0 int 8 16 32 64
            {0, 2, 0, 0}, {0, 3, 0, 0}, {0, 5, 0, 0}, {0, 9, 0, 0}, {0, 17, 0, 0}, // d4 fixext 1 2 4 8 16
            {1, 0, 0, 0}, {2, 0, 0, 0}, {4, 0, 0, 0},                              // d9 str 8 16 32
            {2, 0, 1, 0}, {4, 0, 1, 0},                                            // dc array 16 32
            {2, 0, 2, 0}, {4, 0, 2, 0},                                            // de map 16 32
        };

        *shape = (struct shape){0};
        if (first < 0x80 || first >= 0xe0)
                return true; // a small integer
        if (first < 0x90)
                *shape = (struct shape){.values_per = 2, .count = first & 0x0fu};
        else if (first < 0xa0)
                *shape = (struct shape){.values_per = 1, .count = first & 0x0fu};
        else if (first < 0xc0)
                *shape = (struct shape){.count = first & 0x1fu};
        else
                *shape = others[first - 0xc0];
        return first != 0xc1;
}

static int refuse(const struct walk *walk, const char *what, char why[REASON_SIZE])
{
        snprintf(why, REASON_SIZE, "this is no msgpack: %s at byte %zu", what, walk->at);
        return -1;
}

// Steps over one value; of a list or map, over its beginning. `*inside` becomes the number of values it holds.
static int step(struct walk *walk, uint64_t *inside, char why[REASON_SIZE])
{
        struct shape shape;

        if (walk->at == walk->length)
                return refuse(walk, "it ends too early", why);
        if (!shape_of(walk->bytes[walk->at], &shape))
                return refuse(walk, "a byte that begins nothing", why);
        walk->at++;
        uint64_t count = shape.count;
        if (walk->length - walk->at < shape.length_bytes)
                return refuse(walk, "it ends too early", why);
        for (size_t i = 0; i < shape.length_bytes; i++)
                count = count << 8 | walk->bytes[walk->at++];
        uint64_t bytes = shape.fixed_bytes + (shape.values_per == 0 ? count : 0);
        *inside = count * shape.values_per;
        // A value has at least a byte.
        if (walk->length - walk->at < bytes || walk->length - walk->at < *inside)
                return refuse(walk, "a length beyond its end", why);
        walk->at += bytes;
        return 0;
}

int msgpack_walk(const uint8_t *bytes, size_t length, char why[REASON_SIZE])
{
        struct walk walk = {bytes, length, 0};
        uint64_t left[MSGPACK_NESTING_MAX + 1] = {1}; // values still to come, at each depth
        size_t depth = 0, values = 0;

        for (;;) {
                uint64_t inside;

                while (left[depth] == 0) {
                        if (depth == 0)
                                return walk.at == length ? 0 : refuse(&walk, "more bytes than one value", why);
                        depth--;
                }
                left[depth]--;
                if (++values > MSGPACK_VALUES_MAX)
                        return refuse(&walk, "too many values", why);
                if (step(&walk, &inside, why) != 0)
                        return -1;
                if (inside > 0) {
                        if (depth == MSGPACK_NESTING_MAX)
                                return refuse(&walk, "nested too deeply", why);
                        left[++depth] = inside;
                }
        }
}
