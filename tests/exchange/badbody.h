// SPDX-License-Identifier: Apache-2.0
// badbody: REST answers that are wrong on purpose: other statuses, no answer, bodies that are late, short, huge or no
// JSON. Called by rest around every answer.
#ifndef BF_EXCHANGE_BADBODY_H
#define BF_EXCHANGE_BADBODY_H

#include "tests/exchange/conn.h"
#include "tests/exchange/http.h"

// When a fault takes the answer's place: does it and returns true.
bool badbody_instead(struct conn *conn, const struct fault_subject *subject);
// Sends a right answer, spoiled in transport if a fault says so.
void badbody_answer(struct conn *conn, struct http_answer *answer, const struct fault_subject *subject);

#endif
