/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smtp channel, by file:
 *	smtp.c     options, the channel's operations
 *	check.c    what the options may not say                      (pure)
 *	address.c  e-mail addresses                                  (pure)
 *	sheet.c    a text that grows; text from outside in it        (pure)
 *	header.c   header lines: encoded words, folding              (pure)
 *	mime.c     base64, quoted-printable, the form on the wire    (pure)
 *	content.c  what a mail says about an alert                   (pure)
 *	text.c, html.c  its two forms                                (pure)
 *	thread.c   the mails about one incident as one conversation  (pure)
 *	message.c  the headers, the whole message                    (pure)
 *	scram.c    the SCRAM-SHA-256 login                           (pure but for the nonce)
 *	session.c  the connection: kept, renewed, closed
 *	login.c    connecting with libcurl, TLS, logging in
 *	challenge.c logging in with SCRAM
 *	token.c    access tokens: kept, renewed
 *	command.c  running the program that gives them
 *	dialogue.c commands and replies
 *	verdict.c  what a reply means for a delivery                 (pure)
 */
#ifndef SMTP_H
#define SMTP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <tocsin/plugin.h>

#include "sheet.h"

enum smtp_tls { SMTP_TLS_STARTTLS, SMTP_TLS_IMPLICIT, SMTP_TLS_NONE };
enum smtp_auth {
	SMTP_AUTH_AUTO,
	SMTP_AUTH_NONE,
	SMTP_AUTH_PLAIN,
	SMTP_AUTH_LOGIN,
	SMTP_AUTH_CRAM_MD5,
	SMTP_AUTH_SCRAM_SHA_256,
	SMTP_AUTH_XOAUTH2,
	SMTP_AUTH_OAUTHBEARER,
};
enum smtp_threading { SMTP_THREADING_HEADERS, SMTP_THREADING_SUBJECT, SMTP_THREADING_OFF };

struct smtp_config {
	const char *host;
	int64_t port; /* 0: the usual one for tls */
	int64_t tls;  /* enum smtp_tls */
	const char *ca_file;
	bool tls_verify;
	int64_t auth; /* enum smtp_auth */
	const char *username;
	const char *password;
	const char *from;
	const char *reply_to;
	const char *hello;
	const char *subject_prefix;
	const char *list_id;
	bool html;
	struct tocsin_map headers;
	int64_t max_per_connection;
	int64_t max_idle;       /* ms */
	int64_t server_timeout; /* ms */
	int64_t threading;      /* enum smtp_threading */
	struct tocsin_strings token_command;
	int64_t token_timeout;  /* ms */
	const struct tocsin_template *subject, *title, *message, *text_body, *html_body;
};

/* check.c */

/* NULL when the configuration is fine, else a sentence, static or in why. */
const char *smtp_check(const void *config, char *why, size_t why_size);

/* address.c */

#define SMTP_ADDRESS_MAX 254

struct smtp_address {
	char name[256];                     /* UTF-8, "" when there is none */
	char address[SMTP_ADDRESS_MAX + 1]; /* ASCII, safe between < and > */
};

/* Reads local@domain, and with named also `Name <local@domain>`. 0, or -EINVAL and the
 * sentence in why. */
int smtp_address_parse(struct smtp_address *address, const char *text, bool named, char *why,
		       size_t why_size);
/* The part behind the @. */
const char *smtp_address_domain(const struct smtp_address *address);
bool smtp_is_domain(const char *text);

/* header.c: each writes one whole header, folded, ending in CRLF; no value can add another
 * line or header. */

void smtp_put_header(struct sheet *out, const char *name, const char *value);
void smtp_put_address_header(struct sheet *out, const char *name,
			     const struct smtp_address *address);
void smtp_put_date_header(struct sheet *out, int64_t now_ms);

/* mime.c */

/* base64 in one piece into out, which has room for it; returns its length. */
#define SMTP_BASE64_SIZE(length) (((length) + 2) / 3 * 4)
size_t smtp_base64(char *out, const void *data, size_t length);
/* Lines of at most 76 characters, each ending in CRLF. */
void smtp_put_base64(struct sheet *out, const char *data, size_t length);
/* The text has CRLF line ends; no line of the result starts with a dot. */
void smtp_put_quoted(struct sheet *out, const char *text, size_t length);
/* What goes out after DATA: CRLF line ends only, leading dots doubled, ending in CRLF . CRLF */
void smtp_put_wire(struct sheet *out, const char *message, size_t length);

/* thread.c */

/* A conversation: its first mail. */
struct smtp_thread {
	char first[320];     /* Message-ID without < and >; "": there is none */
	char subject[1024];
	int64_t started_ms;
	bool ended;
};

/* Whether mails about this alert are to be one. */
bool smtp_threads(const struct smtp_config *config, const struct tocsin_delivery *delivery);
/* From the note that the core keeps; a damaged one is none. */
void smtp_thread_read(struct smtp_thread *thread, const char *note);
/* The notes of one that begins with the mail of this id, and of one that is over; for the caller to
 * free(), NULL when memory is short. */
char *smtp_thread_begin(const char *first, const char *subject, int64_t now_ms);
char *smtp_thread_end(const struct smtp_thread *thread);
/* Whether the alert belongs to it, and does not begin another one. */
bool smtp_thread_goes_on(const struct smtp_thread *thread, const struct tocsin_alert *alert,
			 int64_t now_ms);

/* message.c */

struct smtp_envelope {
	struct smtp_address from;
	struct smtp_address reply_to; /* address "": none */
	struct smtp_address to;
};

/* What templates say in place of the built-in words; NULL: nothing. */
struct smtp_words {
	const char *subject, *title, *message, *text_body, *html_body;
};

struct smtp_mail {
	const struct smtp_config *config;
	const struct smtp_envelope *envelope;
	const struct tocsin_delivery *delivery;
	const struct smtp_thread *thread; /* that it goes on with; NULL: none */
	struct smtp_words words;
	int64_t now_ms;
};

/* The message, for the caller to free(); NULL when memory is short. */
char *smtp_message(const struct smtp_mail *mail, size_t *length);
/* Its subject, likewise: not yet fit for a header. */
char *smtp_subject(const struct smtp_mail *mail);
/* Its id, without < and >. */
void smtp_put_id(struct sheet *out, const struct smtp_mail *mail);

/* verdict.c */

/* The command that was answered last, or whose answer did not come. */
enum smtp_stage {
	SMTP_STAGE_CONNECT, /* up to and including the login */
	SMTP_STAGE_MAIL,
	SMTP_STAGE_RCPT,
	SMTP_STAGE_DATA,
	SMTP_STAGE_END, /* the message itself */
};

struct smtp_result {
	enum smtp_stage stage;
	int code;       /* 0: no reply, text says why */
	char text[320]; /* of the reply, without the code; hostile */
};

void smtp_judge(const struct smtp_result *result, struct tocsin_verdict *verdict);
/* " (what to do about it)" for a refusal whose words do not say so, else "". */
const char *smtp_hint(const char *text);

/* scram.c */

#define SMTP_SCRAM_HASH 32

struct smtp_scram {
	char nonce[33];
	char *first_bare; /* the client's first message without its GS2 header */
	unsigned char server_signature[SMTP_SCRAM_HASH];
};

/* Each gives a message (not yet base64) for the caller to free(); NULL: why says what is
 * wrong. nonce: NULL for a random one. */
char *smtp_scram_first(struct smtp_scram *scram, const char *username, const char *nonce);
char *smtp_scram_final(struct smtp_scram *scram, const char *server_first, const char *password,
		       char *why, size_t why_size);
/* Whether the server knows the password too. */
bool smtp_scram_verify(const struct smtp_scram *scram, const char *server_final);
void smtp_scram_done(struct smtp_scram *scram);

#endif
