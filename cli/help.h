// SPDX-License-Identifier: Apache-2.0
// What a newcomer reads: the first page, a command's page, and what an unknown word may have meant. Writes to stdout.
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "cli/cli.h"

#include <stdio.h>

void help_print_program(FILE *out);
void help_print_command(const struct command *command);

// Keeps `candidate` in `near` where it is nearer to `name` than all before and near enough at all. Start with *near
// empty and *distance 0.
void help_consider(const char *name, const char *candidate, char *near, size_t near_size, unsigned *distance);

#endif
