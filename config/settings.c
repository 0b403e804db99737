// SPDX-License-Identifier: Apache-2.0
#include "config/settings.h"

#include <stdio.h>
#include <string.h>

bool settings_equal(const struct settings *a, const struct settings *b)
{
        // Texts and lists are zero-padded, and a settings value starts as zero bytes: equal values are equal bytes.
        size_t skip = offsetof(struct settings, given) + sizeof a->given;
        return memcmp((const char *)a + skip, (const char *)b + skip, sizeof *a - skip) == 0;
}

bool settings_want_quote(const struct settings *settings, const char *asset)
{
        for (size_t i = 0; i < settings->quote_assets_count; i++) {
                if (strcmp(settings->quote_assets[i], asset) == 0)
                        return true;
        }
        return settings->quote_assets_count == 0;
}

const char *interval_set_format(interval_set set, char text[128])
{
        size_t used = 0;
        text[0] = '\0';
        for (unsigned i = 0; i < INTERVAL_COUNT; i++)
                if ((set & 1u << i) != 0)
                        used += (size_t)snprintf(
                            text + used, 128 - used, "%s%s", used > 0 ? " " : "", interval_name((enum interval)i));
        return text;
}
