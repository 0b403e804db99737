// SPDX-License-Identifier: Apache-2.0
#include "tests/exchange/certs.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/exchange/heap.h"

#define DAY_S 86400L

struct issuer {
        X509 *certificate;
        EVP_PKEY *key;
};

struct certs {
        SSL_CTX *right, *wrong_host, *expired, *unknown_ca, *old;
};

static void add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
        X509V3_CTX context;
        X509V3_set_ctx_nodb(&context);
        X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
        X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
        X509_add_ext(certificate, extension, -1);
        X509_EXTENSION_free(extension);
}

// A certificate for `names` (a subjectAltName), signed by `issuer` or, when that is NULL, by itself as an authority.
static struct issuer make(
    const struct issuer *issuer, const char *common_name, const char *names, long from_s, long to_s)
{
        static long serial;
        struct issuer made = {X509_new(), EVP_EC_gen("P-256")};
        X509 *certificate = made.certificate;
        X509_set_version(certificate, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
        X509_gmtime_adj(X509_getm_notBefore(certificate), from_s);
        X509_gmtime_adj(X509_getm_notAfter(certificate), to_s);
        X509_set_pubkey(certificate, made.key);
        X509_NAME_add_entry_by_txt(
            X509_get_subject_name(certificate), "CN", MBSTRING_ASC, (const unsigned char *)common_name, -1, -1, 0);
        X509 *signer = issuer != NULL ? issuer->certificate : certificate;
        X509_set_issuer_name(certificate, X509_get_subject_name(signer));
        if (issuer == NULL) {
                add_extension(certificate, signer, NID_basic_constraints, "critical,CA:TRUE");
                add_extension(certificate, signer, NID_key_usage, "critical,keyCertSign");
                add_extension(certificate, signer, NID_subject_key_identifier, "hash");
        } else {
                add_extension(certificate, signer, NID_subject_alt_name, names);
        }
        X509_sign(certificate, issuer != NULL ? issuer->key : made.key, EVP_sha256());
        return made;
}

static void release(struct issuer *issuer)
{
        X509_free(issuer->certificate);
        EVP_PKEY_free(issuer->key);
}

static SSL_CTX *new_context(const struct issuer *authority, const char *names, long from_s, long to_s)
{
        struct issuer server = make(authority, "localhost", names, from_s, to_s);
        SSL_CTX *context = SSL_CTX_new(TLS_server_method());
        SSL_CTX_use_certificate(context, server.certificate);
        SSL_CTX_use_PrivateKey(context, server.key);
        release(&server);
        return context;
}

static int write_authority(const char *directory, const struct issuer *authority)
{
        char path[4096];
        snprintf(path, sizeof path, "%s/ca.pem", directory);
        FILE *file = fopen(path, "w");
        if (file == NULL || PEM_write_X509(file, authority->certificate) != 1 || fclose(file) != 0) {
                fprintf(stderr, "exchange: cannot write %s\n", path);
                return -1;
        }
        return 0;
}

struct certs *certs_new(const char *directory)
{
        static const char *const here = "DNS:localhost,IP:127.0.0.1";
        struct issuer authority = make(NULL, "Simulated exchange CA", NULL, -DAY_S, 30 * DAY_S);
        struct issuer stranger = make(NULL, "Unknown CA", NULL, -DAY_S, 30 * DAY_S);
        struct certs *certs = heap_zeroed(sizeof *certs);
        certs->right = new_context(&authority, here, -DAY_S, 30 * DAY_S);
        certs->wrong_host = new_context(&authority, "DNS:elsewhere.invalid", -DAY_S, 30 * DAY_S);
        certs->expired = new_context(&authority, here, -3 * DAY_S, -DAY_S);
        certs->unknown_ca = new_context(&stranger, here, -DAY_S, 30 * DAY_S);
        certs->old = new_context(&authority, here, -DAY_S, 30 * DAY_S);
        SSL_CTX_set_min_proto_version(certs->old, TLS1_VERSION);
        SSL_CTX_set_max_proto_version(certs->old, TLS1_1_VERSION);
        SSL_CTX_set_security_level(certs->old, 0);
        int result = directory != NULL ? write_authority(directory, &authority) : 0;
        release(&authority);
        release(&stranger);
        if (result != 0) {
                certs_free(certs);
                return NULL;
        }
        return certs;
}

void certs_free(struct certs *certs)
{
        SSL_CTX_free(certs->right);
        SSL_CTX_free(certs->wrong_host);
        SSL_CTX_free(certs->expired);
        SSL_CTX_free(certs->unknown_ca);
        SSL_CTX_free(certs->old);
        free(certs);
}

SSL *certs_new_ssl(struct certs *certs, struct faults *faults)
{
        static const struct fault_subject anything = {.endpoint = "tls", .time_ms = -1};
        SSL_CTX *context = certs->right;
        if (faults_take(faults, FAULT_TLS_WRONG_HOST, &anything) != NULL) {
                context = certs->wrong_host;
        } else if (faults_take(faults, FAULT_TLS_EXPIRED, &anything) != NULL) {
                context = certs->expired;
        } else if (faults_take(faults, FAULT_TLS_UNKNOWN_CA, &anything) != NULL) {
                context = certs->unknown_ca;
        } else if (faults_take(faults, FAULT_TLS_OLD, &anything) != NULL) {
                context = certs->old;
        }
        return SSL_new(context);
}
