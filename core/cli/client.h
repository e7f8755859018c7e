/* SPDX-License-Identifier: Apache-2.0 */
/* cli/client: requests to the daemon over its unix socket. One thread. */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include <jansson.h>

#include "base/buffer.h"
#include "base/error.h"

struct client;

/* How long an answer may take that waits for nothing but the daemon, and one that waits for a query
 * or for deliveries under way, too. */
#define CLIENT_ANSWER_MS 15000L
#define CLIENT_LONG_MS 120000L

struct client_reply {
	long status;  /* of HTTP */
	json_t *json; /* NULL when the answer was no JSON; a reference for the caller */
};

/* 0 or a negative errno with the sentence. The connection is made by the first call, and kept. */
int client_new(const char *socket, struct client **client, struct error *err);
void client_free(struct client *client);
/* Each call may take so long; CLIENT_ANSWER_MS without it. */
void client_set_patience(struct client *client, long ms);

/*
 * body may be NULL, is borrowed and must be JSON. 0 and *reply for every answer, whatever its
 * status; -ECONNREFUSED when nobody can be reached, -ETIMEDOUT when nobody answered in time, -EIO
 * when the connection broke, with the sentence.
 */
int client_call(struct client *client, const char *method, const char *path, const char *body,
		struct client_reply *reply, struct error *err);

/* Appends text as one part of a path, escaped. */
void client_add_part(struct buffer *path, const char *text);
/* Appends ?name=value or &name=value, escaped; a NULL value adds nothing. */
void client_add_parameter(struct buffer *path, const char *name, const char *value);

#endif
