// SPDX-License-Identifier: Apache-2.0
#include "workers/stream/stream.h"

#include "common/memory.h"
#include "workers/stream/streamtype.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t hash_name(const char *name, size_t length)
{
        uint64_t hash = UINT64_C(14695981039346656037); // FNV-1a; the names are ours, so nobody chooses collisions

        for (size_t i = 0; i < length; i++)
                hash = (hash ^ (unsigned char)name[i]) * UINT64_C(1099511628211);
        return (size_t)(hash ^ hash >> 32);
}

static void index_streams(struct stream_table *table)
{
        size_t size = 4;

        while (size < table->count * 2)
                size *= 2;
        table->mask = size - 1;
        table->buckets = memory_zeroed(size, sizeof(*table->buckets));
        for (size_t i = 0; i < table->count; i++) {
                struct stream *stream = &table->streams[i];
                size_t at = hash_name(stream->name, strlen(stream->name)) & table->mask;

                while (table->buckets[at] != NULL)
                        at = (at + 1) & table->mask;
                table->buckets[at] = stream;
        }
}

static void add_stream(struct stream_table *table, const char *symbol, const struct stream_type *type,
    enum interval interval, const struct settings *settings)
{
        struct stream *stream = &table->streams[table->count++];
        char lower[SYMBOL_SIZE];

        stream->type = type;
        stream->id.kind = (uint8_t)type->kind;
        stream->id.interval = (uint8_t)interval;
        snprintf(stream->id.symbol, sizeof(stream->id.symbol), "%s", symbol);
        symbol_to_lower(symbol, lower);
        snprintf(stream->name, sizeof(stream->name), "%s@%s%s", lower, type->suffix,
            type->per_interval ? interval_name(interval) : "");
        type->init(stream, settings);
}

static void add_symbol(struct stream_table *table, const char *symbol, const struct settings *settings)
{
        for (size_t i = 0; i < stream_types_count; i++) {
                const struct stream_type *type = stream_types[i];

                if ((settings->stream_types & (uint32_t)type->setting) == 0)
                        continue;
                for (int interval = 0; interval < INTERVAL_COUNT; interval++) {
                        if (!type->per_interval || (settings->stream_intervals & 1u << interval) != 0)
                                add_stream(table, symbol, type, (enum interval)interval, settings);
                        if (!type->per_interval)
                                break;
                }
        }
}

void stream_table_build(struct stream_table *table, const struct symbol_list *symbols, const struct settings *settings)
{
        size_t per_symbol = stream_types_count * INTERVAL_COUNT;

        *table = (struct stream_table){0};
        table->streams = memory_zeroed(symbols->count * per_symbol + 1, sizeof(*table->streams));
        for (size_t i = 0; i < symbols->count; i++)
                add_symbol(table, symbols->names[i], settings);
        table->streams = memory_resized(table->streams, table->count + 1, sizeof(*table->streams));
        index_streams(table);
}

void stream_table_free(struct stream_table *table)
{
        for (size_t i = 0; i < table->count; i++) {
                if (table->streams[i].type->free != NULL)
                        table->streams[i].type->free(&table->streams[i]);
        }
        free(table->streams);
        free(table->buckets);
}

struct stream *stream_table_find(const struct stream_table *table, struct span name)
{
        size_t at = hash_name(name.at, name.length) & table->mask;

        for (; table->buckets[at] != NULL; at = (at + 1) & table->mask) {
                if (span_equals(name, table->buckets[at]->name))
                        return table->buckets[at];
        }
        return NULL;
}

size_t stream_names_append(
    const struct stream *streams, size_t from, size_t to, char *path, size_t bytes_max, size_t *taken)
{
        size_t length = strlen(path), index;

        *taken = 0;
        for (index = from; index < to; index++) {
                if (streams[index].quarantined)
                        continue;
                if (length + strlen(streams[index].name) + 2 > bytes_max)
                        break;
                length += (size_t)snprintf(
                    path + length, bytes_max - length, "%s%s", *taken > 0 ? "/" : "", streams[index].name);
                ++*taken;
        }
        return index;
}

static bool is_name_character(char c)
{
        return isalnum((unsigned char)c) || c == '_' || c == '@' || c == '+' || c == ':';
}

static bool stands_in(const char *name, const char *text, size_t length)
{
        size_t name_length = strlen(name);
        const char *end = text + length, *at = text;

        while ((at = memmem(at, (size_t)(end - at), name, name_length)) != NULL) {
                const char *after = at + name_length;

                if ((at == text || !is_name_character(at[-1])) && (after == end || !is_name_character(*after)))
                        return true;
                at++;
        }
        return false;
}

struct stream *stream_named_in(struct stream *streams, size_t count, const char *text, size_t length)
{
        struct stream *found = NULL;

        for (size_t i = 0; i < count; i++) {
                if (!stands_in(streams[i].name, text, length))
                        continue;
                if (found != NULL)
                        return NULL;
                found = &streams[i];
        }
        return found;
}
