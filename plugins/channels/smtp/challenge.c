/* SPDX-License-Identifier: Apache-2.0 */
/* The challenges and answers of a SCRAM login on a connection that libcurl made. */
#include "session.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

int smtp_login_failed(struct smtp_result *result, int rc, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(result->text, sizeof(result->text), format, arguments);
	va_end(arguments);
	return rc;
}

/* base64 of a server's challenge into text; NULL when it is none or memory is short. */
static char *decode(const char *base64)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *text = calloc(1, strlen(base64) + 1), *out = text;
	unsigned int bits = 0;
	int n = 0;

	for (; text && *base64 && *base64 != '='; base64++) {
		const char *digit = strchr(digits, *base64);

		if (!digit) {
			free(text);
			return NULL;
		}
		bits = bits << 6 | (unsigned int)(digit - digits);
		n += 6;
		if (n >= 8) {
			n -= 8;
			*out++ = (char)(bits >> n & 0xff);
		}
	}
	return text;
}

static int send_base64(struct smtp_session *session, const char *before, const char *text)
{
	size_t length = strlen(before);
	char *line = malloc(length + SMTP_BASE64_SIZE(strlen(text)) + 3);
	int rc;

	if (!line)
		return -ENOMEM;
	memcpy(line, before, length + 1);
	length += smtp_base64(line + length, text, strlen(text));
	memcpy(line + length, "\r\n", 3);
	rc = smtp_send(session, line, length + 2);
	explicit_bzero(line, length);
	free(line);
	return rc;
}

static int exchange(struct smtp_session *session, const char *before, const char *text)
{
	int rc = send_base64(session, before, text);

	return rc == 0 ? smtp_read_reply(session, session->config->server_timeout) : rc;
}

static int refused(struct smtp_session *session, int rc, struct smtp_result *result)
{
	if (rc != 0)
		return smtp_login_failed(result, rc, "%s stopped answering during the login",
					 session->peer);
	return smtp_login_failed(result, -EACCES, "%s refuses the login: %d %s", session->peer,
				 session->reply.code, session->reply.text);
}

/* The second half: prove that we know the password, and let the server prove it. */
static int scram_prove(struct smtp_session *session, struct smtp_scram *scram,
		       struct smtp_result *result)
{
	char *server_first = decode(session->reply.text), *server_final, *final = NULL;
	char why[128] = "the server's challenge is malformed";
	int rc;

	if (server_first)
		final = smtp_scram_final(scram, server_first, session->config->password, why,
					 sizeof(why));
	free(server_first);
	if (!final)
		return smtp_login_failed(result, -EPROTO, "the login at %s failed: %s",
					 session->peer, why);
	rc = exchange(session, "", final);
	free(final);
	if (rc != 0 || session->reply.code != 334)
		return refused(session, rc, result);
	server_final = decode(session->reply.text);
	if (!server_final || !smtp_scram_verify(scram, server_final)) {
		free(server_final);
		return smtp_login_failed(result, -EACCES,
					 "%s could not prove that it knows the password",
					 session->peer);
	}
	free(server_final);
	rc = exchange(session, "", "");
	return rc != 0 || session->reply.code != 235 ? refused(session, rc, result) : 0;
}

int smtp_scram_login(struct smtp_session *session, struct smtp_result *result)
{
	struct smtp_scram scram = {0};
	char *first;
	int rc;

	if (!session->scram)
		return smtp_login_failed(result, -EPROTO, "%s offers no SCRAM-SHA-256",
					 session->peer);
	first = smtp_scram_first(&scram, session->config->username, NULL);
	if (!first) {
		smtp_scram_done(&scram);
		return smtp_login_failed(result, -ENOMEM, "out of memory");
	}
	rc = exchange(session, "AUTH SCRAM-SHA-256 ", first);
	free(first);
	if (rc != 0 || session->reply.code != 334)
		rc = refused(session, rc, result);
	else
		rc = scram_prove(session, &scram, result);
	smtp_scram_done(&scram);
	session->authenticated = rc == 0;
	return rc;
}
