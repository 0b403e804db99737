// SPDX-License-Identifier: Apache-2.0
#include "common/ledger.h"

#include <string.h>

static const struct {
        const char *name;
        int rank;
} sources[BAR_SOURCES] = {
    [BAR_DERIVED] = {"derived", RANK_DERIVED},
    [BAR_REST_RECENT] = {"rest-recent", RANK_REST_RECENT},
    // As good as a stream's: believed until REST says otherwise.
    [BAR_ADOPTED] = {"adopted", RANK_STREAM},
    [BAR_STREAM] = {"stream", RANK_STREAM},
    [BAR_REST] = {"rest", RANK_REST},
    [BAR_ARCHIVE] = {"archive", RANK_ARCHIVE},
};

static const char *const states[GAP_STATES] = {
    [GAP_OPEN] = "open",
    [GAP_REPAIRING] = "repairing",
    [GAP_FILLED] = "filled",
    [GAP_ABSENT] = "absent",
    [GAP_MAINTENANCE] = "maintenance",
    [GAP_BEFORE_LISTING] = "before-listing",
    [GAP_LOST] = "lost",
    [GAP_UNSTORABLE] = "unstorable",
    [GAP_DOUBLED] = "doubled",
};

const char *bar_source_name(int source)
{
        return source >= 0 && source < BAR_SOURCES ? sources[source].name : "unknown";
}

int bar_source_parse(const char *name)
{
        for (int i = 0; i < BAR_SOURCES; i++) {
                if (strcmp(name, sources[i].name) == 0)
                        return i;
        }
        return -1;
}

int bar_source_rank(int source)
{
        return sources[source].rank;
}

bool bar_source_is_provisional(int source)
{
        return source != BAR_DERIVED && sources[source].rank < RANK_REST;
}

static const char *const id_sources[ID_SOURCES] = {
    [ID_STREAM] = "stream",
    [ID_REST] = "rest",
    [ID_ARCHIVE] = "archive",
    [ID_ABSENT] = "absent",
    [ID_ADOPTED] = "adopted",
};

const char *id_source_name(int source)
{
        return source >= 0 && source < ID_SOURCES ? id_sources[source] : "unknown";
}

int id_source_parse(const char *name)
{
        for (int i = 0; i < ID_SOURCES; i++) {
                if (strcmp(name, id_sources[i]) == 0)
                        return i;
        }
        return -1;
}

const char *gap_state_name(int state)
{
        return state >= 0 && state < GAP_STATES ? states[state] : "unknown";
}

int gap_state_parse(const char *name)
{
        for (int i = 0; i < GAP_STATES; i++) {
                if (strcmp(name, states[i]) == 0)
                        return i;
        }
        return -1;
}

bool gap_state_is_explained(int state)
{
        return state >= GAP_ABSENT && state < GAP_STATES;
}
