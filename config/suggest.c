// SPDX-License-Identifier: Apache-2.0
#include "config/suggest.h"

#include <stdio.h>
#include <string.h>

unsigned suggest_distance(const char *a, const char *b)
{
        enum { LENGTH_MAX = 48 };
        size_t a_length = strlen(a);
        size_t b_length = strlen(b);
        if (a_length > LENGTH_MAX || b_length > LENGTH_MAX)
                return LENGTH_MAX;
        unsigned cost[LENGTH_MAX + 1][LENGTH_MAX + 1];
        for (unsigned i = 0; i <= a_length; i++)
                cost[i][0] = i;
        for (unsigned j = 0; j <= b_length; j++)
                cost[0][j] = j;
        for (size_t i = 1; i <= a_length; i++) {
                for (size_t j = 1; j <= b_length; j++) {
                        unsigned best = cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
                        if (cost[i - 1][j] + 1 < best)
                                best = cost[i - 1][j] + 1;
                        if (cost[i][j - 1] + 1 < best)
                                best = cost[i][j - 1] + 1;
                        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                            cost[i - 2][j - 2] + 1 < best)
                                best = cost[i - 2][j - 2] + 1;
                        cost[i][j] = best;
                }
        }
        return cost[a_length][b_length];
}

static const char *last_part(const char *name)
{
        const char *dot = strrchr(name, '.');
        return dot != NULL ? dot + 1 : name;
}

// Keeps `candidate` where it is nearer to `name` than all before.
static void consider(const char *name, const char *candidate, unsigned *best_distance, char best[KEY_VARIABLE_SIZE])
{
        // The right word in the wrong section counts as near.
        unsigned distance = strcmp(last_part(candidate), last_part(name)) == 0 ? 1 : suggest_distance(name, candidate);
        if (distance >= *best_distance)
                return;
        *best_distance = distance;
        snprintf(best, KEY_VARIABLE_SIZE, "%s", candidate);
}

bool key_suggest(const char *name, char suggestion[KEY_VARIABLE_SIZE])
{
        unsigned best_distance = strlen(name) >= 8 ? 4 : 3; // a short name is near to anything
        unsigned nothing_near = best_distance;
        for (size_t i = 0; i < key_rows_count; i++) {
                consider(name, key_rows[i].name, &best_distance, suggestion);
                char section[KEY_VARIABLE_SIZE];
                snprintf(section, sizeof section, "%.*s", (int)strcspn(key_rows[i].name, "."), key_rows[i].name);
                if (strchr(name, '.') == NULL && key_is_section(section))
                        consider(name, section, &best_distance, suggestion);
        }
        return best_distance < nothing_near;
}
