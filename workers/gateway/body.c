// SPDX-License-Identifier: Apache-2.0
#include "workers/gateway/body.h"

#include "common/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PRINT_BYTES_MAX 1024
#define COPIED_BYTES_MAX 4096 // of a block: less than a piece of its own costs

static struct piece *add_piece(struct body *body)
{
        struct piece *piece = memory_zeroed(1, sizeof(*piece));

        if (body->last != NULL)
                body->last->next = piece;
        else
                body->first = piece;
        body->last = piece;
        return piece;
}

void body_append(struct body *body, const void *bytes, size_t length)
{
        if (length == 0)
                return;
        struct piece *piece = body->last != NULL && !body->last->taken ? body->last : add_piece(body);
        if (block_reserve(&piece->block, length) != 0) {
                body->overflowed = true;
                return;
        }
        memcpy(piece->block.data + piece->block.length, bytes, length);
        piece->block.length += length;
        body->length += length;
}

void body_print(struct body *body, const char *format, ...)
{
        char text[PRINT_BYTES_MAX];
        va_list arguments;

        va_start(arguments, format);
        int length = vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        if (length < 0 || (size_t)length >= sizeof(text)) {
                body->overflowed = true;
                return;
        }
        body_append(body, text, (size_t)length);
}

void body_take(struct body *body, struct block *block)
{
        if (block->length <= COPIED_BYTES_MAX) {
                body_append(body, block->data, block->length);
        } else {
                struct piece *piece = add_piece(body);

                body->length += block->length;
                piece->block = *block;
                piece->taken = true;
                *block = (struct block){0};
        }
        block_release(block);
}

void body_join(struct body *body, struct body *more)
{
        if (more->first != NULL) {
                if (body->last != NULL)
                        body->last->next = more->first;
                else
                        body->first = more->first;
                body->last = more->last;
        }
        body->length += more->length;
        body->overflowed = body->overflowed || more->overflowed;
        *more = (struct body){0};
}

struct piece *body_pop(struct body *body)
{
        struct piece *piece = body->first;

        if (piece == NULL)
                return NULL;
        body->first = piece->next;
        if (body->first == NULL)
                body->last = NULL;
        body->length -= piece->block.length;
        piece->next = NULL;
        return piece;
}

void body_release(struct body *body)
{
        for (struct piece *piece; (piece = body_pop(body)) != NULL;) {
                block_release(&piece->block);
                free(piece);
        }
        body->overflowed = false;
}
