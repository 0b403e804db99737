// SPDX-License-Identifier: Apache-2.0
#include "common/control.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct control_message message;

static unsigned open_descriptors(void)
{
        DIR *directory = opendir("/proc/self/fd");
        unsigned count = 0;

        assert_non_null(directory);
        while (readdir(directory) != NULL)
                count++;
        closedir(directory);
        return count;
}

static int set_up(void **state)
{
        static int pair[2];

        *state = pair;
        return control_pair(pair);
}

static int tear_down(void **state)
{
        int *pair = *state;

        close(pair[0]);
        return close(pair[1]);
}

// Sends bytes as they are, with `count` copies of descriptor 0.
static void send_raw(int fd, const void *bytes, size_t length, unsigned count)
{
        struct iovec part = {(void *)(uintptr_t)bytes, length};
        struct msghdr raw = {.msg_iov = &part, .msg_iovlen = 1};
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(16 * sizeof(int))];
        } ancillary;

        memset(&ancillary, 0, sizeof(ancillary));
        if (count > 0) {
                raw.msg_control = ancillary.bytes;
                raw.msg_controllen = CMSG_SPACE(count * sizeof(int));
                ancillary.header.cmsg_level = SOL_SOCKET;
                ancillary.header.cmsg_type = SCM_RIGHTS;
                ancillary.header.cmsg_len = CMSG_LEN(count * sizeof(int));
        }
        assert_int_equal(sendmsg(fd, &raw, 0), length);
}

static void a_message_arrives_as_it_was_sent(void **state)
{
        int *pair = *state;
        struct control_died died = {.exit_code = -1, .term_signal = 11, .crash = 1};

        assert_int_equal(control_send(pair[0], CONTROL_DIED, 9, 77, &died, sizeof(died), -1), 0);
        assert_int_equal(control_receive(pair[1], &message), 1);
        assert_int_equal(message.header.type, CONTROL_DIED);
        assert_int_equal(message.header.slot, 9);
        assert_int_equal(message.header.incarnation, 77);
        assert_int_equal(message.header.length, sizeof(died));
        assert_memory_equal(message.payload, &died, sizeof(died));
        assert_int_equal(message.fd, -1);
        assert_int_equal(control_receive(pair[1], &message), -1);
        assert_int_equal(errno, EAGAIN);
}

static void every_type_passes_with_its_size_and_descriptor(void **state)
{
        static const unsigned char zeroes[CONTROL_MESSAGE_BYTES_MAX];
        int *pair = *state;
        unsigned known = 0;

        for (uint32_t type = 0; type <= 200; type++) {
                ssize_t bytes = control_payload_bytes((uint16_t)type);
                if (bytes < 0)
                        continue;
                int passed = control_carries_fd((uint16_t)type) ? STDIN_FILENO : -1;
                assert_int_equal(control_send(pair[0], (uint16_t)type, 0, 1, zeroes, (size_t)bytes, passed), 0);
                assert_int_equal(control_receive(pair[1], &message), 1);
                assert_int_equal(message.header.type, type);
                assert_int_equal(message.fd >= 0, passed >= 0);
                if (message.fd >= 0)
                        close(message.fd);
                known++;
        }
        assert_true(known >= 15); // the loop must have seen some
}

static void a_descriptor_travels_and_is_closed_on_exec(void **state)
{
        int *pair = *state, ends[2];
        char text[8] = "";

        assert_int_equal(pipe(ends), 0);
        assert_int_equal(control_send(pair[0], CONTROL_JOB_CHANNEL, 1, 2, NULL, 0, ends[0]), 0);
        close(ends[0]);
        assert_int_equal(control_receive(pair[1], &message), 1);
        assert_true(message.fd >= 0);
        assert_int_equal(fcntl(message.fd, F_GETFD), FD_CLOEXEC);
        assert_int_equal(write(ends[1], "hello", 5), 5);
        assert_int_equal(read(message.fd, text, sizeof(text)), 5);
        assert_string_equal(text, "hello");
        close(message.fd);
        close(ends[1]);
}

static void messages_of_the_wrong_size_are_not_believed(void **state)
{
        int *pair = *state;
        unsigned char bytes[sizeof(struct control_header) + CONTROL_MESSAGE_BYTES_MAX + 8];
        static const struct {
                struct control_header header;
                size_t length;
        } cases[] = {
            {{CONTROL_READY, 0, 0, 1}, 1},
            {{CONTROL_READY, 0, 0, 1}, sizeof(struct control_header) - 1},
            {{CONTROL_READY, 0, 0, 1}, sizeof(struct control_header) + 1},
            {{CONTROL_READY, 0, 8, 1}, sizeof(struct control_header)},
            {{CONTROL_READY, 0, 8, 1}, sizeof(struct control_header) + 8},
            {{CONTROL_DIED, 0, 16, 1}, sizeof(struct control_header)},
            {{CONTROL_DIED, 0, 0, 1}, sizeof(struct control_header) + 16},
            {{CONTROL_DIED, 0, 16, 1}, sizeof(struct control_header) + 24},
            {{0, 0, 0, 1}, sizeof(struct control_header)},
            {{999, 0, 0, 1}, sizeof(struct control_header)},
            {{CONTROL_READY, SLOTS_MAX, 0, 1}, sizeof(struct control_header)},
            {{CONTROL_READY, 0, CONTROL_MESSAGE_BYTES_MAX, 1}, sizeof(bytes)},
        };

        memset(bytes, 0, sizeof(bytes));
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                memcpy(bytes, &cases[i].header, sizeof(cases[i].header));
                send_raw(pair[0], bytes, cases[i].length, 0);
                assert_int_equal(control_receive(pair[1], &message), -1);
                assert_int_equal(errno, EBADMSG);
        }
        // The next good one is.
        assert_int_equal(control_send(pair[0], CONTROL_READY, 0, 1, NULL, 0, -1), 0);
        assert_int_equal(control_receive(pair[1], &message), 1);
}

static void descriptors_nobody_asked_for_are_closed(void **state)
{
        int *pair = *state;
        static const unsigned counts[] = {1, 2, 4, 5, 16};
        struct control_header ready = {CONTROL_READY, 0, 0, 1}, setup = {CONTROL_SETUP, 0, 0, 1};
        unsigned before = open_descriptors();

        for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
                send_raw(pair[0], &ready, sizeof(ready), counts[i]);
                assert_int_equal(control_receive(pair[1], &message), -1);
                assert_int_equal(errno, EBADMSG);
                assert_int_equal(message.fd, -1);
        }
        send_raw(pair[0], &setup, sizeof(setup), 2);
        assert_int_equal(control_receive(pair[1], &message), -1);
        send_raw(pair[0], &setup, sizeof(setup), 0);
        assert_int_equal(control_receive(pair[1], &message), -1);
        assert_int_equal(errno, EBADMSG);
        assert_int_equal(open_descriptors(), before);
}

static void a_death_is_an_end_of_file_after_the_last_message(void **state)
{
        int *pair = *state;

        // One message of each side is on its way when the child dies: its own is still read, ours was in vain.
        assert_int_equal(control_send(pair[1], CONTROL_DRAIN, 0, 1, NULL, 0, -1), 0);
        assert_int_equal(control_send(pair[0], CONTROL_DRAINED, 0, 1, NULL, 0, -1), 0);
        close(pair[0]);
        assert_int_equal(control_receive(pair[1], &message), 1);
        assert_int_equal(message.header.type, CONTROL_DRAINED);
        assert_int_equal(control_receive(pair[1], &message), 0);
        assert_int_equal(control_receive(pair[1], &message), 0);
        assert_int_equal(control_send(pair[1], CONTROL_DRAIN, 0, 1, NULL, 0, -1), -1);
        assert_int_equal(errno, EPIPE);
        pair[0] = dup(pair[1]);
}

static void a_full_socket_says_so(void **state)
{
        int *pair = *state;
        struct control_result result = {.error = 0};
        unsigned sent = 0;

        while (sent < 100000 && control_send(pair[0], CONTROL_RESULT, 0, 1, &result, sizeof(result), -1) == 0)
                sent++;
        assert_int_equal(errno, EAGAIN);
        for (unsigned i = 0; i < sent; i++)
                assert_int_equal(control_receive(pair[1], &message), 1);
        assert_int_equal(control_send(pair[0], CONTROL_RESULT, 0, 1, &result, sizeof(result), -1), 0);
}

#define WITH_PAIR(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
            WITH_PAIR(a_message_arrives_as_it_was_sent),
            WITH_PAIR(every_type_passes_with_its_size_and_descriptor),
            WITH_PAIR(a_descriptor_travels_and_is_closed_on_exec),
            WITH_PAIR(messages_of_the_wrong_size_are_not_believed),
            WITH_PAIR(descriptors_nobody_asked_for_are_closed),
            WITH_PAIR(a_death_is_an_end_of_file_after_the_last_message),
            WITH_PAIR(a_full_socket_says_so),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
