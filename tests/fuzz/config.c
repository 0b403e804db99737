// SPDX-License-Identifier: Apache-2.0
// LINK: -lyaml
// CORPUS: config
// Bytes as a configuration file, ours or MarketStore's: a mistake is said, and what is accepted is printed as a file
// that reads back to the same.
#include "config/config.h"

#include "common/log.h"
#include "tests/fuzz/corpus.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NOW_US INT64_C(1710000000000000)

static int read_text(const void *text, size_t length, enum config_purpose purpose, struct settings *settings,
    struct config_errors *errors)
{
        char path[32];
        int fd = memfd_create("config", MFD_CLOEXEC);

        REQUIRE(fd >= 0 && write(fd, text, length) == (ssize_t)length);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        memset(errors, 0, sizeof(*errors));
        int result = config_read(path, purpose, NOW_US, settings, errors);
        close(fd);
        REQUIRE((result == 0) == (errors->count == 0));
        for (size_t i = 0; i < errors->count && i < CONFIG_ERRORS_MAX; i++)
                REQUIRE(strchr(errors->text[i], ':') != NULL);
        return result;
}

static char *print(const struct settings *settings, size_t *length)
{
        char *text = NULL;
        FILE *out = open_memstream(&text, length);

        REQUIRE(out != NULL);
        config_print(settings, out);
        fclose(out);
        return text;
}

static void read_as(const uint8_t *bytes, size_t length, enum config_purpose purpose)
{
        static struct settings settings, again;
        static struct config_errors errors;
        size_t first_length, second_length;

        if (read_text(bytes, length, purpose, &settings, &errors) != 0)
                return;
        char *first = print(&settings, &first_length);
        bool read_back = read_text(first, first_length, purpose, &again, &errors) == 0;
        if (!read_back)
                fprintf(stderr, "%s\n%s", errors.text[0], first);
        REQUIRE(read_back);
        char *second = print(&again, &second_length);
        REQUIRE(strcmp(first, second) == 0);
        free(first);
        free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
        read_as(bytes, length, CONFIG_RUN);
        read_as(bytes, length, CONFIG_ONE_SHOT);
        return 0;
}
