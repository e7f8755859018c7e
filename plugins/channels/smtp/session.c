/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* The reply to the message itself may take long: filters run before it. Giving up early
 * means sending twice. */
#define END_FACTOR 3
#define GOODBYE_MS 2000

int64_t smtp_port(const struct smtp_config *config)
{
	if (config->port > 0)
		return config->port;
	return config->tls == SMTP_TLS_IMPLICIT ? 465 : config->tls == SMTP_TLS_STARTTLS ? 587 : 25;
}

void smtp_session_init(struct smtp_session *session, struct tocsin_self *self,
		       const struct tocsin_host *host, const struct smtp_config *config,
		       const char *hello)
{
	*session = (struct smtp_session){
		.self = self,
		.host = host,
		.config = config,
		.hello = hello,
	};
	snprintf(session->peer, sizeof(session->peer),
		 strchr(config->host, ':') ? "[%s]:%d" : "%s:%d", config->host,
		 (int)smtp_port(config));
}

void smtp_session_close(struct smtp_session *session)
{
	if (!session->curl)
		return;
	session->broken = session->broken || session->ahead; /* which it would take QUIT for */
	if (!session->broken && smtp_command(session, "QUIT") == 0)
		(void)smtp_read_reply(session, GOODBYE_MS);
	curl_easy_cleanup(session->curl);
	session->curl = NULL;
	session->ahead = NULL;
	if (session->opened)
		session->host->log(session->self, TOCSIN_LOG_INFO, "SMTP connection closed");
}

void smtp_session_idle(struct smtp_session *session)
{
	if (session->curl && smtp_now_ms() - session->used_ms >= session->config->max_idle)
		smtp_session_close(session);
}

/* Notes the reply just read, or why there is none. */
static bool note(struct smtp_session *session, enum smtp_stage stage, int rc,
		 struct smtp_result *result)
{
	*result = (struct smtp_result){.stage = stage};
	if (rc == -ETIMEDOUT)
		snprintf(result->text, sizeof(result->text), "no answer from %s in time",
			 session->peer);
	else if (rc == -EPROTO)
		snprintf(result->text, sizeof(result->text), "%s answers what is not SMTP",
			 session->peer);
	else if (rc != 0)
		snprintf(result->text, sizeof(result->text), "the connection to %s was lost",
			 session->peer);
	else {
		result->code = session->reply.code;
		memcpy(result->text, session->reply.text, sizeof(result->text));
	}
	return rc == 0;
}

/* Reads the reply to a command that was asked with rc. True when it is of the class wanted. */
static bool answered(struct smtp_session *session, enum smtp_stage stage, int rc, int class,
		     struct smtp_result *result)
{
	int64_t timeout_ms = session->config->server_timeout;

	if (rc == 0)
		rc = smtp_read_reply(session, stage == SMTP_STAGE_END ? timeout_ms * END_FACTOR
								      : timeout_ms);
	if (note(session, stage, rc, result) && result->code / 100 == class)
		return true;
	/* Neither what was asked for nor a refusal: the answers are no longer those to our
	 * commands. */
	if (result->code < 400)
		session->broken = true;
	return false;
}

/* What a mail needs before its message, in this order. */
enum step { STEP_RESET, STEP_MAIL, STEP_RCPT, STEP_DATA, STEPS };

static int ask(struct smtp_session *session, enum step step, const struct smtp_post *post)
{
	char size[32] = "";

	switch (step) {
	case STEP_RESET:
		return smtp_command(session, "RSET");
	case STEP_MAIL:
		if (session->max_size > 0)
			snprintf(size, sizeof(size), " SIZE=%zu", post->length);
		return smtp_command(session, "MAIL FROM:<%s>%s", post->from, size);
	case STEP_RCPT:
		return smtp_command(session, "RCPT TO:<%s>", post->to);
	default:
		return smtp_command(session, "DATA");
	}
}

/* The server waits for a message that must not be sent any more. An empty one, which goes to
 * nobody, ends that (RFC 2920, 3.1); but not when there is somebody whom it would reach. */
static void send_nothing(struct smtp_session *session, bool has_recipient)
{
	struct smtp_result ignored;

	if (has_recipient)
		session->broken = true;
	else
		(void)answered(session, SMTP_STAGE_END, smtp_command(session, "."), 2, &ignored);
}

/* With PIPELINING all commands go out together and all replies are read, without it each command
 * waits for the reply to the one before. */
static int ask_all(struct smtp_session *session, unsigned int step, const struct smtp_post *post)
{
	int rc = 0;

	for (; session->pipelining && step < STEPS && rc == 0; step++)
		rc = ask(session, step, post);
	return rc;
}

/* The replies from a step on, to commands asked with rc. True when the server waits for the message;
 * else the result is the first that was not the one wanted. */
static bool hear_all(struct smtp_session *session, unsigned int step, int rc,
		     const struct smtp_post *post, struct smtp_result *result)
{
	static const struct {
		enum smtp_stage stage;
		int class;
	} wanted[STEPS] = {
		[STEP_RESET] = {SMTP_STAGE_MAIL, 2},
		[STEP_MAIL] = {SMTP_STAGE_MAIL, 2},
		[STEP_RCPT] = {SMTP_STAGE_RCPT, 2},
		[STEP_DATA] = {SMTP_STAGE_DATA, 3},
	};
	bool granted[STEPS] = {false}, all = true;

	session->needs_reset = true;
	for (; step < STEPS && (all || (session->pipelining && !session->broken)); step++) {
		struct smtp_result reply;

		if (rc == 0 && !session->pipelining)
			rc = ask(session, step, post);
		granted[step] =
			answered(session, wanted[step].stage, rc, wanted[step].class, &reply);
		/* That says nothing of this mail, but all behind it may be of the one before. */
		if (step == STEP_RESET && !granted[step]) {
			session->broken = true;
			reply.code = 0;
		}
		if (all)
			*result = reply;
		all = all && granted[step];
	}
	if (!all && granted[STEP_DATA])
		send_nothing(session, granted[STEP_RCPT]);
	return all;
}

static bool introduce(struct smtp_session *session, const struct smtp_post *post,
		      struct smtp_result *result)
{
	bool asked = session->ahead == post;
	unsigned int first;

	session->ahead = NULL;
	if (asked && hear_all(session, STEP_MAIL, session->ahead_rc, post, result))
		return true;
	/* A refusal behind a refused message may come from that. */
	if (asked && (session->broken || session->taken))
		return false;
	first = session->needs_reset ? STEP_RESET : STEP_MAIL;
	return hear_all(session, first, ask_all(session, first, post), post, result);
}

/* From here on it may reach somebody. False: the core wants it back, and the server, which waits for
 * the message, must not take what it has for one. */
static bool begin(struct smtp_session *session, const struct smtp_post *post,
		  struct smtp_result *result)
{
	if (session->host->begin(post->delivery))
		return true;
	session->broken = true;
	*result = (struct smtp_result){.stage = SMTP_STAGE_DATA, .text = "not sent"};
	return false;
}

static void transact(struct smtp_session *session, const struct smtp_post *post,
		     const struct smtp_post *next, struct smtp_result *result)
{
	int rc;

	if (!introduce(session, post, result) || !begin(session, post, result))
		return;
	rc = smtp_put(session, post->message, post->length);
	session->ahead = next;
	if (rc == 0 && next)
		session->ahead_rc = ask_all(session, STEP_MAIL, next);
	session->taken = answered(session, SMTP_STAGE_END, rc, 2, result);
	session->needs_reset = !session->taken;
}

/* A message that the server would refuse after all of it went over the line. */
static bool is_too_big(const struct smtp_session *session, size_t length)
{
	return session->max_size > 0 && (int64_t)length > session->max_size;
}

static void refuse_size(const struct smtp_session *session, size_t length,
			struct smtp_result *result)
{
	*result = (struct smtp_result){.stage = SMTP_STAGE_DATA, .code = 552};
	snprintf(result->text, sizeof(result->text),
		 "5.3.4 it has %zu bytes, the server takes at most %" PRId64, length,
		 session->max_size);
}

bool smtp_session_takes_more(const struct smtp_session *session)
{
	return session->curl && !session->broken && session->pipelining &&
	       session->mails + 1 < session->config->max_per_connection;
}

/* One try, on the connection at hand or a new one. */
static void try_send(struct smtp_session *session, const struct smtp_post *post,
		     const struct smtp_post *next, struct smtp_result *result)
{
	if (!session->curl && smtp_connect(session, result) != 0) {
		smtp_session_close(session);
		return;
	}
	if (next && (!smtp_session_takes_more(session) || is_too_big(session, next->length)))
		next = NULL;
	if (is_too_big(session, post->length))
		refuse_size(session, post->length, result);
	else
		transact(session, post, next, result);
	session->used_ms = smtp_now_ms();
	session->mails++;
	if (session->broken || session->mails >= session->config->max_per_connection)
		smtp_session_close(session);
}

bool smtp_session_ready(struct smtp_session *session, struct smtp_result *result)
{
	if (session->curl && (session->broken || (!session->ahead && smtp_is_stale(session)))) {
		session->broken = true;
		smtp_session_close(session);
	}
	if (!session->ahead)
		smtp_session_idle(session);
	if (session->curl || smtp_connect(session, result) == 0)
		return true;
	smtp_session_close(session);
	return false;
}

void smtp_session_send(struct smtp_session *session, const struct smtp_post *post,
		       const struct smtp_post *next, struct smtp_result *result)
{
	bool reused = session->mails > 0;

	try_send(session, post, next, result);
	/* Servers close idle connections whenever they like; that is not this mail's failure
	 * as long as none of it went out. */
	if (reused && !session->curl && result->stage == SMTP_STAGE_MAIL &&
	    (result->code == 0 || result->code == 421))
		try_send(session, post, next, result);
}
