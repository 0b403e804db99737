// SPDX-License-Identifier: Apache-2.0
// Starts a worker as the supervisor would, for programs that stand in for it.
#ifndef TESTS_SUPPORT_STARTCHILD_H
#define TESTS_SUPPORT_STARTCHILD_H

#include "common/child.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

// What a child is handed, in this order from CHILD_FD_CONTROL on: its end of the control socket, its set-up, the
// governor page, the acknowledgement page read-only.
#define STARTCHILD_FDS 4

// The descriptors stay open here. Returns the child's process id, or -1 with errno; a program that cannot be run ends
// with status 127.
static inline pid_t startchild(const char *program, const int fds[STARTCHILD_FDS])
{
        pid_t pid = fork();

        if (pid != 0)
                return pid;
        // Above the places they go to first, so that no copy overwrites one that is still to be made.
        int high[STARTCHILD_FDS];
        for (int i = 0; i < STARTCHILD_FDS; i++)
                high[i] = fcntl(fds[i], F_DUPFD, 64);
        for (int i = 0; i < STARTCHILD_FDS; i++)
                dup2(high[i], CHILD_FD_CONTROL + i);
        close_range(CHILD_FD_END, ~0u, 0);
        execl(program, program, (char *)NULL);
        perror(program);
        _exit(127);
}

#endif
