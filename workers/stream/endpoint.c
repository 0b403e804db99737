// SPDX-License-Identifier: Apache-2.0
#include "workers/stream/endpoint.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *after_scheme(const char *url, const char *scheme)
{
        if (scheme == NULL)
                return NULL;
        size_t length = strlen(scheme);
        if (strncmp(url, scheme, length) != 0 || strncmp(url + length, "://", 3) != 0)
                return NULL;
        return url + length + 3;
}

static const char *read_port(const char *text, uint16_t *port)
{
        char *end;
        long value = strtol(text, &end, 10);

        if (*text < '0' || *text > '9' || *end != '\0' || value < 1 || value > UINT16_MAX)
                return "the port is no number from 1 to 65535";
        *port = (uint16_t)value;
        return NULL;
}

static const char *read_host(const char *text, struct endpoint *endpoint)
{
        const char *end, *start = text;

        if (*text == '[') {
                start = text + 1;
                end = strchr(start, ']');
                if (end == NULL)
                        return "the bracket of the IPv6 address is not closed";
                text = end + 1;
        } else {
                end = start + strcspn(start, ":");
                text = end;
        }
        if (end == start)
                return "the host is missing";
        snprintf(endpoint->host, sizeof(endpoint->host), "%.*s", (int)(end - start), start);
        if (*text == '\0')
                return NULL;
        return *text == ':' ? read_port(text + 1, &endpoint->port) : "something follows the host that is no port";
}

const char *endpoint_parse(
    const char *url, const char *scheme_secure, const char *scheme_plain, struct endpoint *endpoint)
{
        const char *secure = after_scheme(url, scheme_secure), *plain = after_scheme(url, scheme_plain);
        const char *rest = secure != NULL ? secure : plain;

        if (rest == NULL)
                return "the scheme is not accepted";
        if (strlen(url) >= URL_SIZE)
                return "it is too long";
        *endpoint = (struct endpoint){.tls = secure != NULL, .port = secure != NULL ? 443 : 80};
        size_t length = strcspn(rest, "/");
        snprintf(endpoint->authority, sizeof(endpoint->authority), "%.*s", (int)length, rest);
        snprintf(endpoint->path, sizeof(endpoint->path), "%s", rest + length);
        for (size_t end = strlen(endpoint->path); end > 0 && endpoint->path[end - 1] == '/'; end--)
                endpoint->path[end - 1] = '\0';
        const char *user = strrchr(endpoint->authority, '@');
        return read_host(user != NULL ? user + 1 : endpoint->authority, endpoint);
}
