// SPDX-License-Identifier: Apache-2.0
// websocket: RFC 6455 framing, the server's side, as pure functions over bytes. Called by session.
#ifndef BF_EXCHANGE_WEBSOCKET_H
#define BF_EXCHANGE_WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ws_opcode { WS_CONTINUATION = 0, WS_TEXT = 1, WS_BINARY = 2, WS_CLOSE = 8, WS_PING = 9, WS_PONG = 10 };

#define WS_HEADER_MAX 10
#define WS_ACCEPT_SIZE 29

struct ws_frame {
        bool final;
        enum ws_opcode opcode;
        uint8_t *payload; // unmasked in place
        size_t length;
};

// The Sec-WebSocket-Accept of a key.
void ws_accept_key(const char *key, char accept[WS_ACCEPT_SIZE]);
// Writes an unmasked header of at most WS_HEADER_MAX bytes and returns its size.
size_t ws_put_header(uint8_t *at, enum ws_opcode opcode, bool final, size_t length);
// Reads one masked frame. Returns the bytes it took, 0 when more are needed, -1 when it breaks the protocol: not
// masked, reserved bits, unknown opcode, control frame too long or fragmented, or larger than `max`.
long ws_read_frame(uint8_t *data, size_t size, size_t max, struct ws_frame *frame);

#endif
