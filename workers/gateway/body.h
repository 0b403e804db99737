// SPDX-License-Identifier: Apache-2.0
// The bytes of an answer, as a list of blocks: text and packed values are appended, columns are taken over as they lie
// in memory. http.c hands the blocks to the socket without copying. What a full account (workers/gateway/block.h)
// refuses is remembered: whoever builds an answer asks once at its end.
#ifndef GATEWAY_BODY_H
#define GATEWAY_BODY_H

#include "workers/gateway/block.h"

#include <stdbool.h>

struct piece {
        struct piece *next;
        struct block block;
        bool taken; // over as it was: nothing is appended, for growing would copy it
};

struct body { // {0} is the empty one
        struct piece *first, *last;
        size_t length;
        bool overflowed; // something was left out for lack of room
};

void body_append(struct body *body, const void *bytes, size_t length);
void body_print(struct body *body, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Moves the block's bytes to the end; the block is empty afterwards.
void body_take(struct body *body, struct block *block);
// Moves everything in `more` to the end of `body`.
void body_join(struct body *body, struct body *more);
// Takes off the first piece (with free()), or NULL.
struct piece *body_pop(struct body *body);
void body_release(struct body *body);

#endif
