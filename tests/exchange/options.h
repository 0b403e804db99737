// SPDX-License-Identifier: Apache-2.0
// options: the command line of the simulated exchange. One table in options.c names, explains and parses them all.
#ifndef BF_EXCHANGE_OPTIONS_H
#define BF_EXCHANGE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#define OPTIONS_LIST_MAX 4096

struct options {
        const char *listen;
        int64_t port, tls_port; // tls_port -1: off
        const char *cert_dir, *ready_file, *replay_dir;
        int64_t seed;
        const char *symbols;
        const char *listed[OPTIONS_LIST_MAX], *ends[OPTIONS_LIST_MAX], *quiet[OPTIONS_LIST_MAX];
        int listed_count, ends_count, quiet_count;
        int64_t start_ms; // -1: now
        double speed;
        int64_t limit_weight, limit_connections, ban_seconds;
        int64_t rest_lag_ms, trades_per_minute, ping_interval_ms, pong_timeout_ms, max_connection_age_ms, blast;
        int64_t updates_per_agg, quotes_per_agg, blast_updates, tick_ms;
        const char *replay_ws[OPTIONS_LIST_MAX];
        int replay_ws_count;
        bool proxy, with_parent, verbose;
};

// Returns 0; 1 when help was asked for and printed; -1 after a message on standard error.
int options_parse(struct options *options, int argc, char **argv);

#endif
