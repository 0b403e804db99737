// SPDX-License-Identifier: Apache-2.0
#include "workers/stream/wsend.h"

#include <openssl/x509_vfy.h>
#include <stdio.h>

#define REFUSED_WAIT_S 300                // 403 (usually lifts in five minutes) and 451
#define LIMITED_WAIT_S 60                 // 429 and 418 without Retry-After
#define RETRY_AFTER_S_MAX (3 * 24 * 3600) // the exchange bans for three days at most

static const char *describe_certificate(int error)
{
        switch (error) {
        case X509_V_ERR_CERT_HAS_EXPIRED: return "has expired";
        case X509_V_ERR_CERT_NOT_YET_VALID: return "is not valid yet; is this host's clock right?";
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH: return "is for another host";
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: return "is self-signed";
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE: return "is signed by an authority that is not trusted here";
        case X509_V_ERR_CERT_REVOKED: return "is revoked";
        default: return "is refused";
        }
}

static void describe_http(const struct ws_end *end, const char *host, char *text, size_t size)
{
        switch (end->http_status) {
        case 0: snprintf(text, size, "%s gave no valid WebSocket answer (%s)", host, end->detail); break;
        case 403: snprintf(text, size, "%s refuses this address for now (HTTP 403)", host); break;
        case 418:
        case 429: snprintf(text, size, "too many connections from this address (HTTP %d)", end->http_status); break;
        case 451:
                snprintf(text, size,
                    "%s does not serve this location (HTTP 451): set endpoints.proxy, or endpoints.stream to "
                    "wss://data-stream.binance.vision",
                    host);
                break;
        default: snprintf(text, size, "%s answered HTTP %d instead of 101", host, end->http_status); break;
        }
}

static void describe_tls(const struct ws_end *end, const char *host, char *text, size_t size)
{
        if (end->certificate_error != 0)
                snprintf(text, size, "the certificate of %s %s (%s)", host,
                    describe_certificate(end->certificate_error),
                    X509_verify_cert_error_string(end->certificate_error));
        else
                snprintf(text, size, "no TLS session with %s (%s)", host, end->detail);
}

const char *ws_end_describe(const struct ws_end *end, const char *host, char *text, size_t size)
{
        switch (end->stage) {
        case WS_STAGE_RESOLVE: snprintf(text, size, "the name %s could not be resolved (%s)", host, end->detail); break;
        case WS_STAGE_TCP: snprintf(text, size, "%s does not accept connections (%s)", host, end->detail); break;
        case WS_STAGE_PROXY: snprintf(text, size, "the proxy gives no tunnel to %s (%s)", host, end->detail); break;
        case WS_STAGE_TLS: describe_tls(end, host, text, size); break;
        case WS_STAGE_HTTP: describe_http(end, host, text, size); break;
        case WS_STAGE_OPEN:
                if (end->close_code != 0)
                        snprintf(text, size, "the exchange closed it with code %d%s%s", end->close_code,
                            end->detail[0] != '\0' ? ": " : "", end->detail);
                else
                        snprintf(text, size, "%s", end->detail);
                break;
        }
        return text;
}

int64_t ws_end_wait_ms(const struct ws_end *end)
{
        int64_t wait_s = 0;

        if (end->stage != WS_STAGE_HTTP || end->http_status < 400)
                return 0;
        if (end->retry_after_s > 0)
                wait_s = end->retry_after_s < RETRY_AFTER_S_MAX ? end->retry_after_s : RETRY_AFTER_S_MAX;
        else if (end->http_status == 403 || end->http_status == 451)
                wait_s = REFUSED_WAIT_S;
        else if (end->http_status == 418 || end->http_status == 429)
                wait_s = LIMITED_WAIT_S;
        return wait_s * 1000;
}
