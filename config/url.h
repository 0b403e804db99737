// SPDX-License-Identifier: Apache-2.0
// Base URLs and addresses a user may configure: scheme, host, port, and nothing else. Pure functions, used inside
// config/.
#ifndef CONFIG_URL_H
#define CONFIG_URL_H

#include "common/limits.h"

#include <stdbool.h>
#include <stdint.h>

#define URL_HOST_SIZE 200 // so that scheme and port fit URL_SIZE too

struct url {
        char scheme[16];          // lower case
        char host[URL_HOST_SIZE]; // lower case; an IPv6 address without its brackets
        bool is_ipv6;
        uint32_t port; // 0: none given
};

// Accepts "scheme://host[:port][/]". Returns NULL, or what is wrong with it (static text).
const char *url_parse(const char *text, struct url *url);
// "host:port"; IPv6 in brackets.
const char *url_parse_address(const char *text, struct url *url);
// Writes it without a trailing slash.
void url_format(const struct url *url, char text[URL_SIZE]);

// "localhost", 127.0.0.0/8, ::1.
bool url_is_loopback(const struct url *url);

#endif
