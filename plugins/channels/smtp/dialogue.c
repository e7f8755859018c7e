/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#define REPLY_LINES_MAX 100
#define COMMANDS_SIZE 2048 /* room for commands behind a message */
#define FRESH_MS 250 /* a connection used so shortly ago is not asked whether it still stands */

int64_t smtp_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "250-text" goes on, "250 text" and "250" end a reply; anything else is none: code 0. */
void smtp_reply_line(struct smtp_reply *reply, const char *line, size_t length)
{
	size_t used;

	while (length > 0 && (line[length - 1] == '\r' || line[length - 1] == '\n'))
		length--;
	if (reply->complete)
		*reply = (struct smtp_reply){0};
	if (length < 3 || !is_digit(line[0]) || !is_digit(line[1]) || !is_digit(line[2])) {
		*reply = (struct smtp_reply){.complete = true};
		return;
	}
	reply->code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
	reply->complete = length == 3 || line[3] != '-';
	used = strlen(reply->text);
	if (length > 4)
		snprintf(reply->text + used, sizeof(reply->text) - used, "%s%.*s",
			 used > 0 ? " " : "", (int)(length - 4), line + 4);
}

/* Waits for the socket until the deadline. 0, or -ETIMEDOUT. */
static int wait_for(const struct smtp_session *session, short events, int64_t deadline_ms)
{
	struct pollfd fd = {.fd = session->fd, .events = events};
	int64_t left = deadline_ms - smtp_now_ms();
	int n = left > 0 ? poll(&fd, 1, left > INT32_MAX ? INT32_MAX : (int)left) : 0;

	return n > 0 || (n < 0 && errno == EINTR) ? 0 : -ETIMEDOUT;
}

int smtp_send(struct smtp_session *session, const char *data, size_t length)
{
	int64_t deadline_ms = smtp_now_ms() + session->config->server_timeout;
	int rc = 0;

	while (length > 0 && rc == 0) {
		size_t sent = 0;
		CURLcode code = curl_easy_send(session->curl, data, length, &sent);

		data += sent;
		length -= sent;
		if (sent > 0) /* a large message may take its time as long as it moves */
			deadline_ms = smtp_now_ms() + session->config->server_timeout;
		if (code == CURLE_AGAIN)
			rc = wait_for(session, POLLOUT, deadline_ms);
		else if (code != CURLE_OK)
			rc = -ECONNRESET;
	}
	session->broken = session->broken || rc != 0;
	return rc;
}

int smtp_command(struct smtp_session *session, const char *format, ...)
{
	size_t room = sizeof(session->output) - session->output_length;
	char *line = session->output + session->output_length;
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(line, room, format, arguments);
	va_end(arguments);
	if (n < 0 || (size_t)n + 2 > room) {
		session->broken = true;
		return -E2BIG;
	}
	line[n] = '\r';
	line[n + 1] = '\n';
	session->output_length += (size_t)n + 2;
	return 0;
}

static int send_commands(struct smtp_session *session)
{
	size_t length = session->output_length;

	session->output_length = 0;
	return smtp_send(session, session->output, length);
}

int smtp_put(struct smtp_session *session, const char *data, size_t length)
{
	int rc = 0;

	if (session->output_length + length + COMMANDS_SIZE <= sizeof(session->output)) {
		memcpy(session->output + session->output_length, data, length);
		session->output_length += length;
		return 0;
	}
	if (session->output_length > 0)
		rc = send_commands(session);
	return rc == 0 ? smtp_send(session, data, length) : rc;
}

/* Reads what is there. 0, -EAGAIN, or -ECONNRESET when the connection has ended. */
static int receive(struct smtp_session *session)
{
	size_t room = sizeof(session->input) - session->input_length, got = 0;
	CURLcode code =
		curl_easy_recv(session->curl, session->input + session->input_length, room, &got);

	if (code == CURLE_AGAIN)
		return -EAGAIN;
	if (code != CURLE_OK || got == 0)
		return -ECONNRESET;
	session->input_length += got;
	return 0;
}

/* Waits for more and reads it. 0, also when nothing came after all, or as for receive. */
static int await(struct smtp_session *session, int64_t deadline_ms)
{
	bool plain = session->config->tls == SMTP_TLS_NONE;
	/* Encrypted, it may be here already, where poll does not see it. */
	int rc = plain ? wait_for(session, POLLIN, deadline_ms) : 0;

	if (rc == 0)
		rc = receive(session);
	if (rc == -EAGAIN)
		rc = plain ? 0 : wait_for(session, POLLIN, deadline_ms);
	return rc;
}

/* One line into the reply. False: there is no whole line yet. */
static bool take_line(struct smtp_session *session)
{
	char *end = memchr(session->input, '\n', session->input_length);
	size_t length = end ? (size_t)(end + 1 - session->input) : 0;

	if (!end)
		return false;
	smtp_reply_line(&session->reply, session->input, length);
	session->input_length -= length;
	memmove(session->input, session->input + length, session->input_length);
	return true;
}

int smtp_read_reply(struct smtp_session *session, int64_t timeout_ms)
{
	int64_t deadline_ms = smtp_now_ms() + timeout_ms;
	int rc = send_commands(session), lines = 0;

	session->reply = (struct smtp_reply){0};
	while (!session->reply.complete && rc == 0) {
		if (take_line(session)) {
			lines++;
		} else if (session->input_length == sizeof(session->input) ||
			   lines > REPLY_LINES_MAX) {
			rc = -EPROTO;
		} else {
			rc = await(session, deadline_ms);
		}
	}
	if (rc == 0 && session->reply.code == 0)
		rc = -EPROTO;
	session->broken = session->broken || rc != 0 || session->reply.code == 421;
	return rc;
}

bool smtp_is_stale(struct smtp_session *session)
{
	if (session->broken || session->input_length > 0)
		return true;
	/* Between mails a server has nothing to say but 421. */
	return smtp_now_ms() - session->used_ms >= FRESH_MS && receive(session) != -EAGAIN;
}
