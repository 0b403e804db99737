// SPDX-License-Identifier: Apache-2.0
// The simulated exchange: `exchange --help`.
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "tests/exchange/capture.h"
#include "tests/exchange/exchange.h"
#include "tests/exchange/heap.h"
#include "tests/exchange/replay.h"
#include "tests/exchange/server.h"
#include "tests/exchange/session.h"

void exchange_log(const struct exchange *exchange, const char *format, ...)
{
        if (!exchange->options->verbose) {
                return;
        }
        va_list arguments;
        va_start(arguments, format);
        fputs("exchange: ", stderr);
        vfprintf(stderr, format, arguments);
        fputc('\n', stderr);
        va_end(arguments);
}

// ---- symbols ----

static void add_symbols(struct exchange *exchange, const char *list)
{
        char *copy = heap_string(list, strlen(list)), *rest = copy, *name;
        while ((name = strsep(&rest, ",")) != NULL) {
                if (*name == '\0') {
                        continue;
                }
                char *status = strchr(name, ':');
                if (status != NULL) {
                        *status++ = '\0';
                }
                struct market_symbol *symbol = market_add_symbol(exchange->market, name);
                if (status != NULL) {
                        market_set_status(symbol, status);
                }
                if (status != NULL && strcmp(status, "TRADING") != 0) { // what does not trade has no further bars
                        symbol->ends_ms = simclock_now_ms(&exchange->clock);
                }
        }
        free(copy);
}

static struct market_symbol *split_dated(struct exchange *exchange, const char *text, int64_t *time_ms)
{
        size_t length = strcspn(text, "=");
        char *name = heap_string(text, length);
        struct market_symbol *symbol = market_add_symbol(exchange->market, name);
        grid_parse_time(text + length + 1, time_ms);
        free(name);
        return symbol;
}

static int make_market(struct exchange *exchange)
{
        const struct options *options = exchange->options;
        int64_t time_ms = 0;
        exchange->market = market_new((uint64_t)options->seed, (int)options->trades_per_minute);
        if (options->replay_ws_count > 0) {
                exchange->captures = captures_load(exchange->market, options->replay_ws, options->replay_ws_count);
                if (exchange->captures == NULL) {
                        return -1;
                }
                exchange->capture_waits = true;
                simclock_init(&exchange->clock, captures_start_ms(exchange->captures), 0);
        }
        market_set_book_rates(exchange->market, options->updates_per_agg, options->quotes_per_agg);
        if (options->replay_dir != NULL && replay_load(exchange->market, options->replay_dir) < 0) {
                return -1;
        }
        add_symbols(exchange, options->symbols);
        for (int i = 0; i < options->listed_count; i++) {
                struct market_symbol *symbol = split_dated(exchange, options->listed[i], &time_ms);
                symbol->listed_ms = time_ms;
        }
        for (int i = 0; i < options->ends_count; i++) {
                struct market_symbol *symbol = split_dated(exchange, options->ends[i], &time_ms);
                symbol->ends_ms = time_ms;
        }
        for (int i = 0; i < options->quiet_count; i++) {
                market_set_quiet(market_add_symbol(exchange->market, options->quiet[i]));
        }
        return 0;
}

// ---- running ----

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
        struct exchange *exchange = arg;
        (void)fd;
        (void)what;
        if (exchange->outage_until_ms != 0 && simclock_real_ms() >= exchange->outage_until_ms) {
                exchange->outage_until_ms = 0;
                if (exchange->outage_halts) {
                        market_end_hole(exchange->market, exchange->outage_hole, simclock_now_ms(&exchange->clock));
                }
        }
        sessions_tick(exchange);
}

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
        (void)fd;
        (void)what;
        event_base_loopbreak(arg);
}

// Atomically: whoever waits for the file never reads half of it.
static int write_ready_file(const struct exchange *exchange)
{
        const char *path = exchange->options->ready_file;
        char temporary[4096];
        if (path == NULL) {
                printf("{\"port\":%d,\"tls_port\":%d,\"pid\":%d}\n", server_port(exchange->server),
                    server_tls_port(exchange->server), (int)getpid());
                return fflush(stdout);
        }
        snprintf(temporary, sizeof temporary, "%s.new", path);
        FILE *file = fopen(temporary, "w");
        if (file == NULL) {
                fprintf(stderr, "exchange: %s: %s\n", temporary, strerror(errno));
                return -1;
        }
        fprintf(file, "{\"port\":%d,\"tls_port\":%d,\"pid\":%d}\n", server_port(exchange->server),
            server_tls_port(exchange->server), (int)getpid());
        if (fclose(file) != 0 || rename(temporary, path) != 0) {
                fprintf(stderr, "exchange: %s: %s\n", path, strerror(errno));
                return -1;
        }
        return 0;
}

static struct event_base *new_base(void)
{
        struct event_config *config = event_config_new();
        // Else ticks go by the clock's coarse reading: every 4 ms where they are due each millisecond.
        event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
        struct event_base *base = event_base_new_with_config(config);
        event_config_free(config);
        return base;
}

static void run(struct exchange *exchange)
{
        const int64_t tick_ms = exchange->options->tick_ms > 0 ? exchange->options->tick_ms : 1;
        struct timeval period = {tick_ms / 1000, tick_ms % 1000 * 1000};
        struct event *tick = event_new(exchange->base, -1, EV_PERSIST, on_tick, exchange);
        struct event *term = evsignal_new(exchange->base, SIGTERM, on_signal, exchange->base);
        struct event *interrupt = evsignal_new(exchange->base, SIGINT, on_signal, exchange->base);
        event_add(tick, &period);
        event_add(term, NULL);
        event_add(interrupt, NULL);
        if (write_ready_file(exchange) == 0) {
                event_base_dispatch(exchange->base);
        }
        event_free(tick);
        event_free(term);
        event_free(interrupt);
}

static void tie_to_parent(void)
{
        pid_t parent = getppid();
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent || parent == 1) { // it has gone between the two calls
                raise(SIGTERM);
        }
}

int main(int argc, char **argv)
{
        static struct options options;
        static struct exchange exchange;
        int result = options_parse(&options, argc, argv);
        if (result != 0) {
                return result > 0 ? 0 : 2;
        }
        signal(SIGPIPE, SIG_IGN);
        if (options.with_parent) {
                tie_to_parent();
        }
        if (options.start_ms < 0) {
                options.start_ms = simclock_wall_ms();
        }
        exchange.options = &options;
        exchange.rest_lag_ms = options.rest_lag_ms;
        exchange.base = new_base();
        exchange.faults = faults_new((uint64_t)options.seed);
        exchange.served = served_new();
        exchange.sessions = heap_zeroed(sizeof *exchange.sessions);
        rate_init(&exchange.rate, options.limit_weight, options.limit_connections, options.ban_seconds * 1000);
        simclock_init(&exchange.clock, options.start_ms, options.speed);
        exchange.server = make_market(&exchange) == 0 ? server_new(&exchange) : NULL;
        if (exchange.server != NULL) {
                run(&exchange);
                server_free(exchange.server);
        }
        market_free(exchange.market);
        if (exchange.captures != NULL) {
                captures_free(exchange.captures);
        }
        faults_free(exchange.faults);
        served_free(exchange.served);
        event_base_loop(exchange.base, EVLOOP_NONBLOCK); // connections are freed after their callbacks
        free(exchange.sessions);
        event_base_free(exchange.base);
        return exchange.server != NULL ? 0 : 1;
}
