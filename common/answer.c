// SPDX-License-Identifier: Apache-2.0
#include "common/answer.h"

#include "common/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_S 60
#define BAN_FIRST_S 120 // Binance's shortest 418

struct error_body {
        int code;
        char text[REASON_SIZE];
};

static void __attribute__((format(printf, 3, 4)))
decide(struct answer *answer, enum answer_verdict verdict, const char *format, ...)
{
        va_list arguments;

        answer->verdict = verdict;
        va_start(arguments, format);
        vsnprintf(answer->text, sizeof(answer->text), format, arguments);
        va_end(arguments);
}

static void decide_ban(struct answer *answer, uint32_t status, int64_t seconds, const char *text)
{
        if (seconds < 1)
                seconds = 1;
        if (seconds > BAN_SECONDS_MAX)
                seconds = BAN_SECONDS_MAX;
        answer->ban_status = status;
        answer->ban_seconds = seconds;
        decide(answer, ANSWER_BAN, "%s", text);
}

// {"code":-1121,"msg":"Invalid symbol."}; false for anything else.
static bool read_error_body(const char *body, size_t length, struct error_body *error)
{
        char why[REASON_SIZE];
        cJSON *json = length > REST_SMALL_BYTES_MAX ? NULL : json_parse(body, length, why);
        const cJSON *code = cJSON_GetObjectItemCaseSensitive(json, "code");
        const cJSON *text = cJSON_GetObjectItemCaseSensitive(json, "msg");
        bool is_error = cJSON_IsNumber(code) && cJSON_IsString(text);

        if (is_error) {
                error->code = code->valueint;
                snprintf(error->text, sizeof(error->text), "%s",
                    text->valuestring[0] != '\0' ? text->valuestring : "no reason given");
        }
        cJSON_Delete(json);
        return is_error;
}

// Milliseconds since 1970 after "banned until", or -1.
static int64_t ban_end_ms(const char *text)
{
        const char *mark = strstr(text, "banned until ");

        if (mark == NULL)
                return -1;
        mark += strlen("banned until ");
        return strspn(mark, "0123456789") == 13 ? strtoll(mark, NULL, 10) : -1;
}

// Retry-After counts; the time in the text is only a fallback, for it is on the exchange's clock.
static int64_t ban_length_s(const struct answer_input *input, const char *text, int64_t otherwise_s)
{
        int64_t end_ms = ban_end_ms(text);

        if (input->retry_after_s >= 0)
                return input->retry_after_s;
        if (end_ms > input->now_ms)
                return (end_ms - input->now_ms) / 1000 + 1;
        return otherwise_s;
}

// −1003 has three texts: a full queue (again soon), the limit (wait for the next minute), a ban.
static void judge_too_many(const struct answer_input *input, const struct error_body *error, struct answer *answer)
{
        if (strstr(error->text, "banned") != NULL)
                decide_ban(answer, 418, ban_length_s(input, error->text, BAN_FIRST_S), error->text);
        else if (strstr(error->text, "queue") != NULL && input->status != 429)
                decide(answer, ANSWER_RETRY, "%s", error->text);
        else
                decide_ban(answer, 429, ban_length_s(input, error->text, MINUTE_S), error->text);
}

static bool is_internal_error(int code)
{
        switch (code) {
        case -1000: // unknown
        case -1001: // disconnected
        case -1006: // unexpected response
        case -1007: // backend time-out
        case -1008: // overloaded
        case -1016: // service shutting down
                return true;
        default: return false;
        }
}

static void judge_error_body(const struct answer_input *input, const struct error_body *error, struct answer *answer)
{
        answer->code = error->code;
        if (error->code == -1003)
                judge_too_many(input, error, answer);
        else if (is_internal_error(error->code))
                decide(answer, ANSWER_RETRY, "code %d: %s", error->code, error->text);
        else if (error->code == -1121 && strstr(error->text, "interval") == NULL)
                decide(answer, ANSWER_SYMBOL, "%s", error->text); // it has said −1121 of intervals too
        else
                decide(answer, ANSWER_REFUSED, "HTTP %d, code %d: %s", input->status, error->code, error->text);
}

// Shape only: whether it is JSON at all is found by whoever reads it.
static void judge_success(const struct answer_input *input, struct answer *answer)
{
        static const char blanks[] = " \t\r\n";
        size_t first = 0;

        while (first < input->length && strchr(blanks, input->body[first]) != NULL && input->body[first] != '\0')
                first++;
        answer->malformed = true;
        if (first == input->length)
                decide(answer, ANSWER_RETRY, "HTTP 200 with an empty body");
        else if (input->body[first] == '<')
                decide(answer, ANSWER_RETRY, "HTTP 200 with HTML: something between here and Binance answered");
        else if (input->body[first] != '[' && input->body[first] != '{')
                decide(answer, ANSWER_RETRY, "HTTP 200 with a body that is no JSON");
        else
                *answer = (struct answer){.verdict = ANSWER_OK};
}

static int64_t restricted_s(uint32_t before)
{
        int64_t seconds = BAN_RESTRICTED_S_MIN;

        while (before-- > 0 && seconds < BAN_RESTRICTED_S_MAX)
                seconds *= 2;
        return seconds > BAN_RESTRICTED_S_MAX ? BAN_RESTRICTED_S_MAX : seconds;
}

static void judge_ban_status(const struct answer_input *input, const struct error_body *error, struct answer *answer)
{
        const char *text = error->text;

        switch (input->status) {
        case 418: decide_ban(answer, 418, ban_length_s(input, text, BAN_FIRST_S), text); break;
        case 429: decide_ban(answer, 429, ban_length_s(input, text, MINUTE_S), text); break;
        case 451: decide_ban(answer, 451, restricted_s(input->restricted), text); break;
        default:
                decide_ban(
                    answer, 403, input->retry_after_s > BAN_FORBIDDEN_S ? input->retry_after_s : BAN_FORBIDDEN_S, text);
        }
}

// 403 is no ban where it only says that this host does not serve the endpoint.
static bool is_lacking(const struct answer_input *input)
{
        int status = input->status;

        return input->may_lack != NULL &&
               (status == 404 || status == 405 || status == 410 || (status == 403 && input->public_host));
}

void answer_judge(const struct answer_input *input, struct answer *answer)
{
        struct error_body error = {0};

        *answer = (struct answer){0};
        int status = input->status;
        if (is_lacking(input)) {
                decide(answer, ANSWER_REFUSED, "this host has no %s (HTTP %d)", input->may_lack, status);
        } else if (status == 418 || status == 429 || status == 403 || status == 451) {
                // Even when the body was cut: the status is the message.
                if (!read_error_body(input->body, input->length, &error))
                        snprintf(error.text, sizeof(error.text), "HTTP %d", status);
                judge_ban_status(input, &error, answer);
                answer->code = error.code;
        } else if (input->error != NULL) {
                decide(answer, ANSWER_RETRY, "%s", input->error);
                answer->malformed = status != 0;
        } else if (status == 200 && (input->length == 0 || input->body[0] != '{' ||
                                        !read_error_body(input->body, input->length, &error))) {
                judge_success(input, answer);
        } else if (status == 408 || status >= 500) {
                decide(answer, ANSWER_RETRY, "HTTP %d", status);
        } else if (error.code != 0 || read_error_body(input->body, input->length, &error)) {
                judge_error_body(input, &error, answer);
        } else if (status == 404 || status == 405 || status == 410) {
                decide(answer, ANSWER_REFUSED, "HTTP %d: this host has no such endpoint", status);
        } else {
                decide(answer, ANSWER_RETRY, "HTTP %d without Binance's error body", status);
                answer->malformed = true;
        }
}
