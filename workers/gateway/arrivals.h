// SPDX-License-Identifier: Apache-2.0
// Requests that are arriving: each must be whole within GATEWAY_REQUEST_S of its first byte, else its connection is
// shut down. evhttp closes a connection that is silent; a client that sends a byte now and then would keep its place
// for ever. Used by http.c alone. evhttp does not tell when a connection ends, so what is known of one belongs to its
// descriptor and to the kernel's number of the socket behind it; where that has changed it is forgotten.
#ifndef GATEWAY_ARRIVALS_H
#define GATEWAY_ARRIVALS_H

#include "common/clock.h"

#include <event2/bufferevent.h>

// To be told of what arrives on an accepted connection.
void arrivals_watch(struct bufferevent *connection);
// The request on it is whole: while it is answered, what arrives of a next one may wait.
void arrivals_end_request(struct bufferevent *connection);
void arrivals_end_answer(struct bufferevent *connection);
// Shuts down those that are late; evhttp then closes them as if the client had.
void arrivals_refuse_late(mono_time now);

#endif
