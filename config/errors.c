// SPDX-License-Identifier: Apache-2.0
#include "config/errors.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 5, 0))) static void line_write(
    char *line, size_t size, struct config_place place, const char *key, const char *format, va_list arguments)
{
        FILE *out = fmemopen(line, size, "w"); // truncates a long line, and always ends it with a NUL
        if (out == NULL)
                return;
        if (place.source != NULL && place.line > 0)
                fprintf(out, "%s:%zu:%zu: ", place.source, place.line, place.column);
        else if (place.source != NULL)
                fprintf(out, "%s: ", place.source);
        if (key != NULL)
                fprintf(out, "%s: ", key);
        vfprintf(out, format, arguments);
        fclose(out);
        line[size - 1] = '\0';
}

void config_error_add(struct config_errors *errors, struct config_place place, const char *key, const char *format, ...)
{
        if (errors->count < CONFIG_ERRORS_MAX) {
                va_list arguments;
                va_start(arguments, format);
                line_write(errors->text[errors->count], sizeof errors->text[0], place, key, format, arguments);
                va_end(arguments);
        }
        errors->count++;
}

void config_warning_add(
    struct config_errors *errors, struct config_place place, const char *key, const char *format, ...)
{
        if (errors->warnings_count < CONFIG_WARNINGS_MAX) {
                va_list arguments;
                va_start(arguments, format);
                line_write(errors->warnings[errors->warnings_count], sizeof errors->warnings[0], place, key, format,
                    arguments);
                va_end(arguments);
        }
        errors->warnings_count++;
}

const char *config_quote(const char *text, char out[CONFIG_QUOTE_SIZE])
{
        size_t room = CONFIG_QUOTE_SIZE - sizeof "\"...\"";
        size_t length = strlen(text);
        bool cut = length > room;
        if (cut) {
                length = room;
                while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80) // not inside a character
                        length--;
        }
        bool quotes = length == 0 || strpbrk(text, " \t\r\n,") != NULL;
        size_t used = 0;
        if (quotes)
                out[used++] = '"';
        for (size_t i = 0; i < length; i++)
                out[used++] = iscntrl((unsigned char)text[i]) ? '?' : text[i];
        if (cut) {
                memcpy(out + used, "...", 3);
                used += 3;
        }
        if (quotes)
                out[used++] = '"';
        out[used] = '\0';
        return out;
}
