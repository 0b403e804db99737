// SPDX-License-Identifier: Apache-2.0
// Exit codes of all our processes (sysexits(3) where it has one). The supervisor's restart policy reads them.
#ifndef COMMON_EXITCODE_H
#define COMMON_EXITCODE_H

enum exit_code {
        EXIT_DONE = 0,
        EXIT_FAILED = 1,
        EXIT_BAD_USAGE = 2,
        EXIT_CHILD_USAGE = 64, // a child was started wrongly: not restarted until a reload
        EXIT_BUG = 70,         // an internal inconsistency: counts as a crash
        EXIT_TRY_LATER = 75,   // the environment refuses (locks, disk, network): backoff, not counted
        EXIT_BAD_CONFIG = 78,  // not restarted until a reload changes the configuration
};

#endif
