// SPDX-License-Identifier: Apache-2.0
#include "tests/exchange/websocket.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>

void ws_accept_key(const char *key, char accept[WS_ACCEPT_SIZE])
{
        char text[128];
        unsigned char digest[SHA_DIGEST_LENGTH];
        int length = snprintf(text, sizeof text, "%.64s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
        SHA1((const unsigned char *)text, (size_t)length, digest);
        EVP_EncodeBlock((unsigned char *)accept, digest, sizeof digest);
}

size_t ws_put_header(uint8_t *at, enum ws_opcode opcode, bool final, size_t length)
{
        at[0] = (uint8_t)((final ? 0x80 : 0) | opcode);
        if (length < 126) {
                at[1] = (uint8_t)length;
                return 2;
        }
        int bytes = length < 65536 ? 2 : 8;
        at[1] = bytes == 2 ? 126 : 127;
        for (int i = 0; i < bytes; i++) {
                at[2 + i] = (uint8_t)((uint64_t)length >> (8 * (bytes - 1 - i)));
        }
        return 2 + (size_t)bytes;
}

static bool known_opcode(unsigned opcode)
{
        return opcode <= WS_BINARY || (opcode >= WS_CLOSE && opcode <= WS_PONG);
}

long ws_read_frame(uint8_t *data, size_t size, size_t max, struct ws_frame *frame)
{
        if (size < 2) {
                return 0;
        }
        unsigned opcode = data[0] & 0x0f;
        uint64_t length = data[1] & 0x7f;
        if ((data[0] & 0x70) != 0 || (data[1] & 0x80) == 0 || !known_opcode(opcode)) {
                return -1;
        }
        frame->final = (data[0] & 0x80) != 0;
        frame->opcode = (enum ws_opcode)opcode;
        if (opcode >= WS_CLOSE && (!frame->final || length > 125)) {
                return -1;
        }
        size_t extra = length == 126 ? 2 : length == 127 ? 8 : 0, header = 2 + extra + 4;
        if (size < header) {
                return 0;
        }
        if (extra > 0) {
                length = 0;
                for (size_t i = 0; i < extra; i++) {
                        length = length << 8 | data[2 + i];
                }
        }
        if (length > max) {
                return -1;
        }
        if (size - header < length) {
                return 0;
        }
        const uint8_t *mask = data + 2 + extra;
        frame->payload = data + header;
        frame->length = (size_t)length;
        for (size_t i = 0; i < frame->length; i++) {
                frame->payload[i] ^= mask[i % 4];
        }
        return (long)(header + frame->length);
}
