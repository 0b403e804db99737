// SPDX-License-Identifier: Apache-2.0
// LINK: -lwebsockets
// A WebSocket client that does nothing with what it receives: how fast libwebsockets and the other side are, whatever
// is built on them. For benches.
//
//   wsdrain --port N --path '/stream?streams=btcusdt@trade' --frames N [--record FILE --lines N]
//
// Ends after N frames, or 10 s without one, with a line on stdout: frames, bytes, seconds from the first frame to the
// last, CPU seconds of this process between them. --record: the first frames, one a line.
#include <getopt.h>
#include <libwebsockets.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SILENCE_S 10
#define READ_BYTES (64 * 1024) // as the stream worker

struct drain {
        const char *path;
        int port;
        uint64_t frames_max, lines_max;
        FILE *record;
        uint64_t frames, bytes;
        double first_at, last_at, first_cpu_s, last_cpu_s;
        bool ended;
};

static double seconds_of(clockid_t clock)
{
        struct timespec now;

        clock_gettime(clock, &now);
        return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void note(double *at, double *cpu_s)
{
        *at = seconds_of(CLOCK_MONOTONIC);
        *cpu_s = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

static void record_line(struct drain *drain, const void *bytes, size_t length)
{
        fwrite(bytes, 1, length, drain->record);
        fputc('\n', drain->record);
}

static void take_frame(struct drain *drain, struct lws *wsi, const void *bytes, size_t length)
{
        bool last = lws_is_final_fragment(wsi) != 0;

        if (drain->frames == 0)
                note(&drain->first_at, &drain->first_cpu_s);
        if (drain->record != NULL && drain->frames < drain->lines_max && lws_is_first_fragment(wsi) && last)
                record_line(drain, bytes, length);
        drain->bytes += length;
        drain->frames += last ? 1 : 0;
        if (drain->frames == drain->frames_max)
                drain->ended = true;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *bytes, size_t length)
{
        struct drain *drain = lws_context_user(lws_get_context(wsi));

        (void)user;
        switch (reason) {
        case LWS_CALLBACK_CLIENT_RECEIVE: take_frame(drain, wsi, bytes, length); break;
        case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
                fprintf(stderr, "not connected: %s\n", bytes != NULL ? (const char *)bytes : "no reason given");
                drain->ended = true;
                break;
        case LWS_CALLBACK_CLIENT_CLOSED: drain->ended = true; break;
        default: break;
        }
        return 0;
}

static const struct lws_protocols protocols[] = {
    {.name = "drain", .callback = on_event, .rx_buffer_size = READ_BYTES}, {0}};

static struct lws_context *connect_to(struct drain *drain)
{
        struct lws_context_creation_info info = {.port = CONTEXT_PORT_NO_LISTEN,
            .protocols = protocols,
            .user = drain,
            .pt_serv_buf_size = READ_BYTES,
            .gid = -1,
            .uid = -1};

        lws_set_log_level(LLL_ERR, NULL);
        struct lws_context *context = lws_create_context(&info);
        struct lws_client_connect_info target = {.context = context,
            .address = "127.0.0.1",
            .port = drain->port,
            .path = drain->path,
            .host = "127.0.0.1",
            .origin = "127.0.0.1",
            .local_protocol_name = "drain"};
        if (context == NULL || lws_client_connect_via_info(&target) == NULL) {
                fprintf(stderr, "cannot connect\n");
                exit(1);
        }
        return context;
}

static void read_options(struct drain *drain, int argc, char **argv)
{
        static const struct option options[] = {{"port", 1, NULL, 'p'}, {"path", 1, NULL, 'u'},
            {"frames", 1, NULL, 'f'}, {"record", 1, NULL, 'r'}, {"lines", 1, NULL, 'l'}, {NULL, 0, NULL, 0}};
        int option;

        while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
                switch (option) {
                case 'p': drain->port = atoi(optarg); break;
                case 'u': drain->path = optarg; break;
                case 'f': drain->frames_max = strtoull(optarg, NULL, 10); break;
                case 'l': drain->lines_max = strtoull(optarg, NULL, 10); break;
                case 'r': drain->record = fopen(optarg, "w"); break;
                default: exit(2);
                }
        }
        if (drain->port == 0 || drain->path == NULL || drain->frames_max == 0 ||
            (drain->lines_max > 0) != (drain->record != NULL)) {
                fprintf(stderr, "--port, --path and --frames are needed; see the head of tests/support/wsdrain.c\n");
                exit(2);
        }
}

int main(int argc, char **argv)
{
        struct drain drain = {0};
        uint64_t seen = 0;

        read_options(&drain, argc, argv);
        struct lws_context *context = connect_to(&drain);
        double heard_at = seconds_of(CLOCK_MONOTONIC);
        while (!drain.ended && seconds_of(CLOCK_MONOTONIC) - heard_at < SILENCE_S) {
                lws_service(context, 0);
                if (drain.frames > seen) {
                        seen = drain.frames;
                        heard_at = seconds_of(CLOCK_MONOTONIC);
                }
        }
        note(&drain.last_at, &drain.last_cpu_s);
        if (drain.record != NULL)
                fclose(drain.record);
        lws_context_destroy(context);
        printf("frames %llu bytes %llu seconds %.6f cpu_seconds %.6f\n", (unsigned long long)drain.frames,
            (unsigned long long)drain.bytes, drain.last_at - drain.first_at, drain.last_cpu_s - drain.first_cpu_s);
        return drain.frames == drain.frames_max ? 0 : 1;
}
