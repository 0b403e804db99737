// SPDX-License-Identifier: Apache-2.0
#include "config/url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char *parse_port(const char *text, uint32_t *port)
{
        size_t length = strlen(text);
        if (length == 0 || length > 5 || strspn(text, "0123456789") != length)
                return "has a port that is not a number";
        uint32_t value = 0;
        for (size_t i = 0; i < length; i++)
                value = value * 10 + (uint32_t)(text[i] - '0');
        if (value < 1 || value > 65535)
                return "has a port outside 1 to 65535";
        *port = value;
        return NULL;
}

static bool host_is_valid(const char *host)
{
        size_t length = strlen(host);
        if (length == 0 || host[0] == '.' || host[0] == '-' || strstr(host, "..") != NULL)
                return false;
        if (strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789-._") != length)
                return false;
        // Only digits and dots: then it has to be an address, not something like 127.1 that resolvers read differently.
        struct in_addr address;
        return strspn(host, "0123456789.") != length || inet_pton(AF_INET, host, &address) == 1;
}

static const char *parse_ipv6(struct url *url, const char *text, const char **rest)
{
        const char *end = strchr(text, ']');
        if (end == NULL)
                return "has a [ without its ]";
        size_t length = (size_t)(end - text - 1);
        if (length >= INET6_ADDRSTRLEN)
                return "has no valid IPv6 address in its brackets";
        memcpy(url->host, text + 1, length);
        struct in6_addr address;
        if (inet_pton(AF_INET6, url->host, &address) != 1)
                return "has no valid IPv6 address in its brackets";
        url->is_ipv6 = true;
        *rest = end + 1;
        return NULL;
}

static const char *parse_authority(const char *text, struct url *url)
{
        const char *rest = text;
        if (text[0] == '[') {
                const char *wrong = parse_ipv6(url, text, &rest);
                if (wrong != NULL)
                        return wrong;
        } else {
                size_t length = strcspn(text, ":");
                if (length >= sizeof url->host)
                        return "is too long";
                for (size_t i = 0; i < length; i++)
                        url->host[i] = (char)tolower((unsigned char)text[i]);
                url->host[length] = '\0';
                if (!host_is_valid(url->host))
                        return "has no valid host name";
                rest = text + length;
        }
        if (*rest == '\0')
                return NULL;
        return *rest == ':' ? parse_port(rest + 1, &url->port) : "has something after its host";
}

const char *url_parse_address(const char *text, struct url *url)
{
        *url = (struct url){0};
        if (strlen(text) >= URL_SIZE)
                return "is too long";
        const char *wrong = parse_authority(text, url);
        if (wrong != NULL)
                return wrong;
        return url->port == 0 ? "has no port" : NULL;
}

const char *url_parse(const char *text, struct url *url)
{
        *url = (struct url){0};
        size_t length = strlen(text);
        if (length >= URL_SIZE)
                return "is too long";
        const char *separator = strstr(text, "://");
        if (separator == NULL || separator == text || (size_t)(separator - text) >= sizeof url->scheme)
                return "has no scheme";
        for (const char *c = text; c < separator; c++)
                url->scheme[c - text] = (char)tolower((unsigned char)*c);
        char authority[URL_SIZE];
        snprintf(authority, sizeof authority, "%s", separator + 3);
        if (strchr(authority, '@') != NULL)
                return "must not contain a user or password";
        size_t end = strcspn(authority, "/?#");
        if (authority[end] != '\0' && strcmp(authority + end, "/") != 0)
                return "must not have a path or query";
        authority[end] = '\0';
        return parse_authority(authority, url);
}

void url_format(const struct url *url, char text[URL_SIZE])
{
        char port[12] = "";
        if (url->port != 0)
                snprintf(port, sizeof port, ":%u", url->port);
        snprintf(text, URL_SIZE, "%s://%s%s%s%s", url->scheme, url->is_ipv6 ? "[" : "", url->host,
            url->is_ipv6 ? "]" : "", port);
}

bool url_is_loopback(const struct url *url)
{
        struct in_addr address;
        if (url->is_ipv6) {
                struct in6_addr address6;
                return inet_pton(AF_INET6, url->host, &address6) == 1 && IN6_IS_ADDR_LOOPBACK(&address6);
        }
        if (strcmp(url->host, "localhost") == 0)
                return true;
        return inet_pton(AF_INET, url->host, &address) == 1 && (ntohl(address.s_addr) >> 24) == 127;
}
