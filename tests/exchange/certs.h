// SPDX-License-Identifier: Apache-2.0
// certs: makes a certificate authority and the certificates the exchange shows, fresh at each start: a right one for
// localhost and 127.0.0.1, and wrong ones for the TLS faults. Called by server.
#ifndef BF_EXCHANGE_CERTS_H
#define BF_EXCHANGE_CERTS_H

#include <openssl/ssl.h>

#include "tests/exchange/faults.h"

struct certs;

// Writes `directory`/ca.pem (the directory must exist; NULL writes nothing). NULL after a message.
struct certs *certs_new(const char *directory);
void certs_free(struct certs *certs);
// The server's side of one TLS connection, with the right certificate or the one an armed fault asks for.
SSL *certs_new_ssl(struct certs *certs, struct faults *faults);

#endif
