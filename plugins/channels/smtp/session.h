/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection to the server, opened when it is first needed, kept between mails and
 * renewed when it was lost. libcurl connects, encrypts and logs in; the dialogue of each
 * mail is held here, so that every reply belongs to one recipient and a refused one costs
 * nobody the connection.
 */
#ifndef SMTP_SESSION_H
#define SMTP_SESSION_H

#include <curl/curl.h>

#include "smtp.h"
#include "token.h"

/* Replies as they come in, line by line. */
struct smtp_reply {
	int code;
	char text[320]; /* the lines without their codes, joined by spaces */
	bool complete;
};

struct smtp_session {
	struct tocsin_self *self;
	const struct tocsin_host *host;
	const struct smtp_config *config;
	const char *hello; /* borrowed */
	char peer[280];    /* host:port, for people */

	struct smtp_token token;
	CURL *curl; /* NULL: not connected */
	curl_socket_t fd;
	char error[CURL_ERROR_SIZE];
	struct smtp_reply reply;
	bool opened; /* the server greeted, and the log says so */
	bool authenticated;
	bool broken;      /* no more commands on this connection */
	bool needs_reset; /* the last transaction did not end */
	bool scram;       /* the server offers SCRAM-SHA-256 */
	bool pipelining;  /* the server takes commands that did not wait for their turn */
	int64_t max_size; /* largest message; 0: not told */
	int64_t mails;    /* sent over this connection */
	int64_t used_ms;  /* when it was last used */

	/* The mail whose commands went out behind the message of the one before it, with this result;
	 * NULL: none. Their replies are read when it is its turn. */
	const struct smtp_post *ahead;
	int ahead_rc;
	bool taken; /* the last message, by the server */

	char input[4096]; /* received and not yet read */
	size_t input_length;
	char output[16384]; /* what goes out when a reply is awaited */
	size_t output_length;
};

/* What goes over the line for one mail; borrowed. */
struct smtp_post {
	struct tocsin_delivery *delivery;
	const char *from, *to;
	const char *message;
	size_t length;
};

/* session.c */

void smtp_session_init(struct smtp_session *session, struct tocsin_self *self,
		       const struct tocsin_host *host, const struct smtp_config *config,
		       const char *hello);
/* Makes sure that there is a connection; false: the result says why there is none. */
bool smtp_session_ready(struct smtp_session *session, struct smtp_result *result);
/* Begins the delivery (host->begin) when the server waits for the message, not before. next: the mail
 * that is sent after this one, for its commands to go out behind the message (RFC 2920, 3.1), or NULL. */
void smtp_session_send(struct smtp_session *session, const struct smtp_post *post,
		       const struct smtp_post *next, struct smtp_result *result);
/* Whether the server takes commands behind a message, and another mail on this connection. */
bool smtp_session_takes_more(const struct smtp_session *session);
/* Says goodbye, unless the connection is broken, and closes. */
void smtp_session_close(struct smtp_session *session);
/* Closes a connection that has not been used for max_idle. */
void smtp_session_idle(struct smtp_session *session);
int64_t smtp_now_ms(void);
int64_t smtp_port(const struct smtp_config *config);

/* login.c: 0, or negative errno and result->text says what failed. */

int smtp_connect(struct smtp_session *session, struct smtp_result *result);

/* challenge.c */

int smtp_scram_login(struct smtp_session *session, struct smtp_result *result);
/* Says in the result why there is no connection, and returns rc. */
int smtp_login_failed(struct smtp_result *result, int rc, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* dialogue.c */

/* Takes one line of a reply. */
void smtp_reply_line(struct smtp_reply *reply, const char *line, size_t length);
/* Adds a command to those that go out together when the next reply is read. It holds no data
 * from outside but checked addresses. 0 or negative errno; the connection is then broken. */
int smtp_command(struct smtp_session *session, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Sends at once. As for smtp_command. */
int smtp_send(struct smtp_session *session, const char *data, size_t length);
/* Adds a message to what goes out together; a large one goes at once. As for smtp_command. */
int smtp_put(struct smtp_session *session, const char *data, size_t length);
/* Waits for a whole reply: session->reply. As for smtp_command. */
int smtp_read_reply(struct smtp_session *session, int64_t timeout_ms);
/* True when the server has closed or is about to. */
bool smtp_is_stale(struct smtp_session *session);

#endif
