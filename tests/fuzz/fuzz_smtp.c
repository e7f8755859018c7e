/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mail server that answers anything, to a session that logs in with SCRAM and sends two mails.
 * libcurl's part is played here, so that no socket is needed. The client says nothing but
 * commands, gives the message away only after DATA was answered, never tells its password, and
 * takes a mail for delivered only after it was sent.
 *
 * The input: how libcurl's part ends (a digit, 0: well) and what the server says until then; a
 * NUL; what it says afterwards, where the byte 0x1c stands for a pause. When the input ends with the
 * byte 0x1d, the core lets no delivery begin.
 */
#include "fuzz.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../../plugins/channels/smtp/session.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#define PAUSE 0x1c
#define CLOSES 0x1d
#define PASSWORD "hunter2-and-hunter3"
#define MESSAGE "Subject: x\r\n\r\nMESSAGE\r\n.\r\n"

static struct server {
	const uint8_t *greeting, *speech;
	size_t greeting_length, length;
	int ends;
	bool closes;
	size_t (*on_line)(char *line, size_t size, size_t n, void *data);
	void *on_line_data;
	char heard[65536]; /* what the client said */
	size_t n_heard;
	int always_ready;
} server;

/* libcurl as the session uses it. */

#undef curl_easy_setopt
#undef curl_easy_getinfo

CURL *curl_easy_init(void)
{
	return &server;
}

void curl_easy_cleanup(CURL *curl)
{
	assert(curl == &server);
}

CURLcode curl_easy_setopt(CURL *curl, CURLoption option, ...)
{
	va_list arguments;

	assert(curl == &server);
	va_start(arguments, option);
	if (option == CURLOPT_HEADERFUNCTION)
		server.on_line = va_arg(arguments, size_t(*)(char *, size_t, size_t, void *));
	else if (option == CURLOPT_HEADERDATA)
		server.on_line_data = va_arg(arguments, void *);
	va_end(arguments);
	return CURLE_OK;
}

CURLcode curl_easy_getinfo(CURL *curl, CURLINFO info, ...)
{
	va_list arguments;

	assert(curl == &server && (info == CURLINFO_ACTIVESOCKET || info == CURLINFO_OS_ERRNO));
	va_start(arguments, info);
	if (info == CURLINFO_ACTIVESOCKET)
		*va_arg(arguments, curl_socket_t *) = server.always_ready;
	else
		*va_arg(arguments, long *) = 0;
	va_end(arguments);
	return CURLE_OK;
}

CURLcode curl_easy_perform(CURL *curl)
{
	static const CURLcode codes[] = {
		CURLE_OK,
		CURLE_LOGIN_DENIED,
		CURLE_USE_SSL_FAILED,
		CURLE_OPERATION_TIMEDOUT,
		CURLE_COULDNT_RESOLVE_HOST,
		CURLE_COULDNT_CONNECT,
		CURLE_PEER_FAILED_VERIFICATION,
		CURLE_WEIRD_SERVER_REPLY,
		CURLE_RECV_ERROR,
		CURLE_OK,
	};

	assert(curl == &server);
	while (server.greeting_length > 0) {
		const uint8_t *end = memchr(server.greeting, '\n', server.greeting_length);
		size_t length = end ? (size_t)(end - server.greeting) + 1 : server.greeting_length;
		char *line = malloc(length);

		assert(line);
		memcpy(line, server.greeting, length);
		assert(server.on_line(line, 1, length, server.on_line_data) == length);
		free(line);
		server.greeting += length;
		server.greeting_length -= length;
	}
	return codes[server.ends];
}

CURLcode curl_easy_send(CURL *curl, const void *data, size_t length, size_t *sent)
{
	assert(curl == &server);
	*sent = length < 100 ? length : 100;
	assert(server.n_heard + *sent < sizeof(server.heard));
	memcpy(server.heard + server.n_heard, data, *sent);
	server.n_heard += *sent;
	server.heard[server.n_heard] = '\0';
	return CURLE_OK;
}

CURLcode curl_easy_recv(CURL *curl, void *data, size_t room, size_t *got)
{
	const uint8_t *pause = server.length > 0 ? memchr(server.speech, PAUSE, server.length)
						 : NULL;
	size_t length = pause ? (size_t)(pause - server.speech) : server.length;

	assert(curl == &server && room > 0);
	*got = length < room ? length : room;
	if (*got > 0)
		memcpy(data, server.speech, *got);
	server.speech += *got + (length == 0 && pause);
	server.length -= *got + (length == 0 && pause);
	return length == 0 && pause ? CURLE_AGAIN : CURLE_OK;
}

/* A nonce that a seed can know, and no time spent on a million iterations. */

int RAND_bytes(unsigned char *bytes, int n)
{
	memset(bytes, 0xab, (size_t)n);
	return 1;
}

int PKCS5_PBKDF2_HMAC(const char *password, int length, const unsigned char *salt, int salt_length,
		      int rounds, const EVP_MD *digest, int key_length, unsigned char *key)
{
	assert(length == (int)strlen(password) && salt_length >= 0 && digest);
	assert(salt_length == 0 || salt);
	assert(rounds >= 4096 && rounds <= 1000000);
	memset(key, 0x5a, (size_t)key_length);
	return 1;
}

static void quiet(struct tocsin_self *self, enum tocsin_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void quiet(struct tocsin_self *self, enum tocsin_level level, const char *format, ...)
{
	(void)self;
	(void)level;
	(void)format;
}

static void count(struct tocsin_self *self, const char *counter, int64_t add)
{
	(void)self;
	(void)counter;
	(void)add;
}

static size_t times(const char *what)
{
	size_t n = 0;

	for (const char *at = strstr(server.heard, what); at; at = strstr(at + 1, what))
		n++;
	return n;
}

/* Each line is a command of ours, a line of the message, or base64. */
static void check_heard(void)
{
	static const char *const commands[] = {
		"MAIL FROM:<tocsin@example.com>",
		"RCPT TO:<ops@example.com>",
		"DATA\r\n",
		"RSET\r\n",
		"QUIT\r\n",
		"AUTH SCRAM-SHA-256 ",
		"Subject: x\r\n",
		"MESSAGE\r\n",
		".\r\n",
		"\r\n",
	};
	static const char base64[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";

	for (const char *line = server.heard; *line; line = strchr(line, '\n') + 1) {
		size_t i = 0;

		assert(strstr(line, "\r\n"));
		while (i < TOCSIN_COUNT(commands) &&
		       strncmp(line, commands[i], strlen(commands[i])) != 0)
			i++;
		assert(i < TOCSIN_COUNT(commands) || strcspn(line, "\r") == strspn(line, base64));
	}
	assert(!strstr(server.heard, PASSWORD));
	assert(times("MESSAGE\r\n") <= times("DATA\r\n"));
}

static void check_result(const struct smtp_result *result)
{
	struct tocsin_verdict verdict;

	smtp_judge(result, &verdict);
	assert(verdict.outcome >= TOCSIN_DELIVERED && verdict.outcome <= TOCSIN_THROTTLED);
	assert(fuzz_is_clean(verdict.why, strlen(verdict.why), ""));
	assert(!strstr(verdict.why, PASSWORD) && verdict.retry_after_ms >= 0);
}

/* The server has asked for this message. */
static bool begin(struct tocsin_delivery *delivery)
{
	(void)delivery;
	assert(times("MESSAGE\r\n") < times("DATA\r\n"));
	return !server.closes;
}

static void send_two(struct smtp_session *session)
{
	const struct smtp_post one = {.from = "tocsin@example.com",
				      .to = "ops@example.com",
				      .message = MESSAGE,
				      .length = sizeof(MESSAGE) - 1};
	const struct smtp_post post[] = {one, one};
	size_t delivered = 0;

	for (int i = 0; i < 2; i++) {
		struct smtp_result result = {0};

		if (smtp_session_ready(session, &result))
			smtp_session_send(session, &post[i], i == 0 ? &post[1] : NULL, &result);
		check_result(&result);
		delivered += result.stage == SMTP_STAGE_END && result.code / 100 == 2;
		assert(delivered <= times("MESSAGE\r\n"));
		assert(!server.closes || times("MESSAGE\r\n") == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct tocsin_host host = {
		.size = sizeof(host), .log = quiet, .count = count, .begin = begin};
	const uint8_t *end = size > 0 ? memchr(data, 0, size) : NULL;
	struct smtp_config config = {
		.host = "mail.example.com",
		.auth = SMTP_AUTH_SCRAM_SHA_256,
		.username = "tocsin,=",
		.password = PASSWORD,
		.max_per_connection = 100,
		.max_idle = 60000,
		.server_timeout = 60000,
	};
	struct smtp_session session;

	/* A server that knows the password already can say it. */
	if (!end || data[0] < '0' || data[0] > '9' || memmem(data, size, PASSWORD, 8))
		return 0;
	if (server.always_ready == 0)
		server.always_ready = eventfd(1, EFD_CLOEXEC);
	server.ends = data[0] - '0';
	/* 9: connected in the clear, without a login. */
	if (server.ends == 9) {
		config.username = NULL;
		config.tls = SMTP_TLS_NONE;
	}
	server.greeting = data + 1;
	server.greeting_length = (size_t)(end - data) - 1;
	server.speech = end + 1;
	server.length = size - server.greeting_length - 2;
	server.closes = data[size - 1] == CLOSES;
	if (server.closes && server.length > 0)
		server.length--;
	server.n_heard = 0;
	server.heard[0] = '\0';
	smtp_session_init(&session, NULL, &host, &config, "client.example.com");
	send_two(&session);
	smtp_session_idle(&session);
	smtp_session_close(&session);
	check_heard();
	return 0;
}
