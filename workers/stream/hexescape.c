// SPDX-License-Identifier: Apache-2.0
#include "workers/stream/hexescape.h"

void hex_escape(const char *bytes, size_t length, char *text)
{
        static const char digits[] = "0123456789abcdef";

        for (size_t i = 0; i < length; i++) {
                unsigned char c = (unsigned char)bytes[i];

                if (c >= 0x20 && c < 0x7f && c != '\\') {
                        *text++ = (char)c;
                        continue;
                }
                *text++ = '\\';
                *text++ = 'x';
                *text++ = digits[c >> 4];
                *text++ = digits[c & 15];
        }
        *text = '\0';
}
