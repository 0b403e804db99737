// SPDX-License-Identifier: Apache-2.0
#include "common/symbol.h"

#include <errno.h>
#include <string.h>

// Not <ctype.h>: its answers depend on the locale, and on the sign of char.
static bool is_upper_or_digit(char c)
{
        return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool symbol_is_valid(const char *name)
{
        size_t length = 0;

        for (; name[length] != '\0'; length++) {
                if (length == SYMBOL_LENGTH_MAX || !is_upper_or_digit(name[length]))
                        return false;
        }
        return length > 0;
}

int symbol_normalize(const char *text, char name[SYMBOL_SIZE], const char **why)
{
        size_t length = 0;
        bool separated = false;

        for (const char *p = text; *p != '\0'; p++) {
                char c = *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;

                if (c == '/' || c == '-' || c == '_') {
                        if (separated || length == 0 || p[1] == '\0') {
                                *why = "one '/', '-' or '_' may stand between base and quote, as in BTC/USDT";
                                return -1;
                        }
                        separated = true;
                        continue;
                }
                if (!is_upper_or_digit(c)) {
                        *why = "a symbol has letters A-Z and digits only, as in BTCUSDT or BTC/USDT";
                        return -1;
                }
                if (length == SYMBOL_LENGTH_MAX) {
                        *why = "a symbol has at most 20 letters and digits";
                        return -1;
                }
                name[length++] = c;
        }
        name[length] = '\0';
        if (length == 0) {
                *why = "a symbol is empty; accepted is for example BTCUSDT or BTC/USDT";
                return -1;
        }
        return 0;
}

void symbol_to_lower(const char *name, char lower[SYMBOL_SIZE])
{
        size_t i = 0;

        for (; name[i] != '\0' && i < SYMBOL_SIZE - 1; i++)
                lower[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] - 'A' + 'a') : name[i];
        lower[i] = '\0';
}

bool symbol_list_contains(const struct symbol_list *list, const char *name)
{
        for (size_t i = 0; i < list->count; i++) {
                if (strcmp(list->names[i], name) == 0)
                        return true;
        }
        return false;
}

int symbol_list_add(struct symbol_list *list, const char *name)
{
        size_t length = strlen(name);

        if (symbol_list_contains(list, name))
                return 0;
        if (list->count == SYMBOLS_MAX || length >= SYMBOL_SIZE) {
                errno = ENOSPC;
                return -1;
        }
        memcpy(list->names[list->count++], name, length + 1);
        return 0;
}
