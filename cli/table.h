// SPDX-License-Identifier: Apache-2.0
// A small table of text: aligned columns, numbers to the right. Owns copies of its cells.
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stddef.h>
#include <stdio.h>

#define TABLE_COLUMNS_MAX 12

struct table {
        size_t columns, cells_count, capacity;
        const char *heads[TABLE_COLUMNS_MAX]; // "<symbol": to the left; ">rows": to the right
        size_t widths[TABLE_COLUMNS_MAX];
        char **cells;
};

// `heads` end in NULL and live as long as the table.
void table_begin(struct table *table, const char *const *heads);
// One cell, row after row.
void table_add(struct table *table, const char *text);
// Prints head and rows, each after `indent`, and forgets them. A last column may be of any length.
void table_print(struct table *table, const char *indent, FILE *out);
// Line i of it (0: the head), for whoever prints lines himself. Returns `line`.
const char *table_line(const struct table *table, size_t i, char *line, size_t size);
void table_free(struct table *table);

// Columns that a UTF-8 text takes on a screen; escape sequences take none.
size_t table_text_width(const char *text);

#endif
