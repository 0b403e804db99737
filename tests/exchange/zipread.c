// SPDX-License-Identifier: Apache-2.0
#include "tests/exchange/zipread.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "tests/exchange/heap.h"

#define END_SIZE 22
#define CENTRAL_SIZE 46
#define LOCAL_SIZE 30
#define COMMENT_MAX 65535

static uint32_t le16(const uint8_t *at)
{
        return (uint32_t)at[0] | (uint32_t)at[1] << 8;
}

static uint32_t le32(const uint8_t *at)
{
        return le16(at) | le16(at + 2) << 16;
}

// The end-of-central-directory record, searched backwards because a comment may follow it.
static const uint8_t *find_end(const uint8_t *archive, size_t size)
{
        for (size_t back = END_SIZE; back <= size && back <= END_SIZE + COMMENT_MAX; back++) {
                const uint8_t *at = archive + size - back;
                if (memcmp(at, "PK\5\6", 4) == 0) {
                        return at;
                }
        }
        return NULL;
}

static int inflate_raw(const uint8_t *packed, size_t packed_size, char *out, size_t size)
{
        z_stream stream = {0};
        if (inflateInit2(&stream, -15) != Z_OK) {
                return -1;
        }
        stream.next_in = (Bytef *)packed; // zlib does not write to it
        stream.avail_in = (uInt)packed_size;
        stream.next_out = (Bytef *)out;
        stream.avail_out = (uInt)size;
        int result = inflate(&stream, Z_FINISH);
        inflateEnd(&stream);
        return result == Z_STREAM_END && stream.total_out == size ? 0 : -1;
}

static char *unpack(const uint8_t *packed, size_t packed_size, uint32_t method, size_t size, const char **error)
{
        char *out = heap_zeroed(size + 1);
        *error = NULL;
        if (method == 0 && packed_size == size) {
                memcpy(out, packed, size);
        } else if (method != 8) {
                *error = "neither stored nor deflated";
        } else if (inflate_raw(packed, packed_size, out, size) != 0) {
                *error = "damaged deflate data";
        }
        if (*error != NULL) {
                free(out);
                return NULL;
        }
        return out;
}

char *zipread_first(const uint8_t *archive, size_t size, size_t *unpacked_size, const char **error)
{
        const uint8_t *end = find_end(archive, size);
        *error = "no zip archive";
        if (end == NULL) {
                return NULL;
        }
        size_t directory = le32(end + 16);
        if (le16(end + 10) == 0 || directory > size || size - directory < CENTRAL_SIZE ||
            memcmp(archive + directory, "PK\1\2", 4) != 0) {
                return NULL;
        }
        const uint8_t *entry = archive + directory;
        size_t packed_size = le32(entry + 20), local = le32(entry + 42);
        *unpacked_size = le32(entry + 24);
        if (local > size || size - local < LOCAL_SIZE || memcmp(archive + local, "PK\3\4", 4) != 0 ||
            *unpacked_size > ZIPREAD_SIZE_MAX) {
                return NULL;
        }
        size_t data = local + LOCAL_SIZE + le16(archive + local + 26) + le16(archive + local + 28);
        if (data > size || size - data < packed_size) {
                *error = "cut short";
                return NULL;
        }
        char *out = unpack(archive + data, packed_size, le16(entry + 10), *unpacked_size, error);
        if (out != NULL && crc32(0, (const Bytef *)out, (uInt)*unpacked_size) != le32(entry + 16)) {
                *error = "wrong CRC";
                free(out);
                return NULL;
        }
        return out;
}
