/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CONNECT_LIMIT_MS (30 * 1000)

/* The capabilities of the last EHLO count: those before STARTTLS may be forged. */
static void note_capability(struct smtp_session *session, const char *text)
{
	if (strncasecmp(text, "SIZE ", 5) == 0)
		session->max_size = strtoll(text + 5, NULL, 10);
	else if (strncasecmp(text, "AUTH ", 5) == 0)
		session->scram |= strcasestr(text, " SCRAM-SHA-256") != NULL;
	else if (strcasecmp(text, "PIPELINING") == 0)
		session->pipelining = true;
}

static void forget_capabilities(struct smtp_session *session)
{
	session->scram = session->pipelining = false;
	session->max_size = 0;
}

static void note_reply(struct smtp_session *session, const struct smtp_reply *reply)
{
	if (reply->code == 220 && !session->opened) {
		session->opened = true;
		session->host->log(session->self, TOCSIN_LOG_INFO, "SMTP connection opened to %s",
				   session->peer);
	}
	if (reply->code == 220)
		forget_capabilities(session);
	if (reply->code == 235)
		session->authenticated = true;
}

/* libcurl hands over every line that the server says while it connects. */
static size_t on_line(char *line, size_t size, size_t n, void *data)
{
	struct smtp_session *session = data;
	char text[256];
	size_t length = size * n;

	smtp_reply_line(&session->reply, line, length);
	if (session->reply.complete)
		note_reply(session, &session->reply);
	if (session->reply.code == 250 && length > 4) {
		snprintf(text, sizeof(text), "%.*s", (int)(length - 4), line + 4);
		text[strcspn(text, "\r\n")] = '\0';
		note_capability(session, text);
	}
	return length;
}

static char *make_url(const struct smtp_session *session)
{
	const struct smtp_config *config = session->config;
	CURLU *url = curl_url();
	char port[8], host[sizeof(session->peer)], *text = NULL;

	snprintf(port, sizeof(port), "%d", (int)smtp_port(config));
	snprintf(host, sizeof(host), strchr(config->host, ':') ? "[%s]" : "%s", config->host);
	if (url &&
	    curl_url_set(url, CURLUPART_SCHEME, config->tls == SMTP_TLS_IMPLICIT ? "smtps" : "smtp",
			 0) == CURLUE_OK &&
	    curl_url_set(url, CURLUPART_HOST, host, 0) == CURLUE_OK &&
	    curl_url_set(url, CURLUPART_PORT, port, 0) == CURLUE_OK &&
	    curl_url_set(url, CURLUPART_PATH, session->hello, CURLU_URLENCODE) == CURLUE_OK)
		(void)curl_url_get(url, CURLUPART_URL, &text, 0);
	curl_url_cleanup(url);
	return text;
}

/* SCRAM is done here: many builds of libcurl lack it. */
static bool curl_logs_in(const struct smtp_config *config)
{
	return config->username && config->auth != SMTP_AUTH_NONE &&
	       config->auth != SMTP_AUTH_SCRAM_SHA_256;
}

/* libcurl copies texts. One that memory does not hold would leave the option as it is without it,
 * and that may be to trust others, or to log in as we must not. */
static bool set_text(CURL *curl, CURLoption option, const char *text)
{
	return curl_easy_setopt(curl, option, text) == CURLE_OK;
}

static bool is_bearer(const struct smtp_config *config)
{
	return config->auth == SMTP_AUTH_XOAUTH2 || config->auth == SMTP_AUTH_OAUTHBEARER;
}

static bool set_login(struct smtp_session *session)
{
	const struct smtp_config *config = session->config;
	const char *secret = session->token.text ? session->token.text : config->password;
	CURL *curl = session->curl;
	static const char *const methods[] = {
		[SMTP_AUTH_PLAIN] = "AUTH=PLAIN",
		[SMTP_AUTH_LOGIN] = "AUTH=LOGIN",
		[SMTP_AUTH_CRAM_MD5] = "AUTH=CRAM-MD5",
		[SMTP_AUTH_XOAUTH2] = "AUTH=XOAUTH2",
		[SMTP_AUTH_OAUTHBEARER] = "AUTH=OAUTHBEARER",
	};
	CURLoption password = is_bearer(config) ? CURLOPT_XOAUTH2_BEARER : CURLOPT_PASSWORD;

	if (!curl_logs_in(config))
		return true;
	return set_text(curl, CURLOPT_USERNAME, config->username) &&
	       set_text(curl, password, secret) &&
	       (config->auth == SMTP_AUTH_AUTO ||
		set_text(curl, CURLOPT_LOGIN_OPTIONS, methods[config->auth]));
}

static bool set_tls(CURL *curl, const struct smtp_config *config)
{
	bool encrypted = config->tls != SMTP_TLS_NONE;

	curl_easy_setopt(curl, CURLOPT_USE_SSL,
			 (long)(encrypted ? CURLUSESSL_ALL : CURLUSESSL_NONE));
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, config->tls_verify ? 1L : 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, config->tls_verify ? 2L : 0L);
	return !config->ca_file || set_text(curl, CURLOPT_CAINFO, config->ca_file);
}

/* False when memory is short: then nothing may be sent. */
static bool set_options(struct smtp_session *session, const char *url)
{
	int64_t limit_ms = session->config->server_timeout;
	CURL *curl = session->curl;

	curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, session->error);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_line);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, session);
	curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
			 (long)(limit_ms < CONNECT_LIMIT_MS ? limit_ms : CONNECT_LIMIT_MS));
	return set_text(curl, CURLOPT_URL, url) && set_text(curl, CURLOPT_PROXY, "") &&
	       set_tls(curl, session->config) && set_login(session);
}

/* What the system says of a connection that was not made: libcurl only says that it was not. */
static const char *reason_of(const struct smtp_session *session, CURLcode code)
{
	long reason = 0;

	if (code == CURLE_COULDNT_CONNECT &&
	    curl_easy_getinfo(session->curl, CURLINFO_OS_ERRNO, &reason) == CURLE_OK && reason > 0)
		return strerror((int)reason);
	return *session->error ? session->error : curl_easy_strerror(code);
}

/* What libcurl says, in the terms of the configuration. */
static int explain(struct smtp_session *session, CURLcode code, struct smtp_result *result)
{
	const struct smtp_reply *reply = &session->reply;
	const char *detail = reason_of(session, code), *peer = session->peer;

	switch (code) {
	case CURLE_LOGIN_DENIED:
		/* A wrong token is answered with a challenge, and libcurl leaves it at that. */
		if (reply->code == 334)
			return smtp_login_failed(result, -EACCES, "%s refuses the login", peer);
		if (reply->code < 400)
			return smtp_login_failed(result, -EACCES,
						 "%s offers no login that 'auth' allows", peer);
		return smtp_login_failed(result, -EACCES, "%s refuses the login%s: %d %s", peer,
					 smtp_hint(reply->text), reply->code, reply->text);
	case CURLE_USE_SSL_FAILED:
		return smtp_login_failed(result, -EPROTO, "%s offers no STARTTLS; nothing was sent",
					 peer);
	case CURLE_OPERATION_TIMEDOUT:
		return smtp_login_failed(result, -ETIMEDOUT, "no answer from %s in time", peer);
	case CURLE_COULDNT_RESOLVE_HOST:
		return smtp_login_failed(result, -EHOSTUNREACH, "the host '%s' cannot be found",
					 session->config->host);
	case CURLE_COULDNT_CONNECT:
		return smtp_login_failed(result, -ECONNREFUSED, "cannot connect to %s: %s", peer,
					 detail);
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
		return smtp_login_failed(result, -EPROTO,
					 "TLS with %s failed, nothing was sent: %s", peer, detail);
	default:
		if (reply->complete && reply->code >= 400)
			return smtp_login_failed(result, -ECONNREFUSED,
						 "%s refuses the connection: %d %s", peer,
						 reply->code, reply->text);
		return smtp_login_failed(result, -ECONNRESET, "the connection to %s failed: %s",
					 peer, detail);
	}
}

static int log_in(struct smtp_session *session, struct smtp_result *result)
{
	const struct smtp_config *config = session->config;
	int rc = 0;

	if (config->username && config->auth == SMTP_AUTH_SCRAM_SHA_256)
		rc = smtp_scram_login(session, result);
	/* libcurl goes on without a login when the server offers none at all. */
	else if (curl_logs_in(config) && !session->authenticated)
		rc = smtp_login_failed(result, -EACCES,
				       "%s offers no login; remove 'username' if it needs none",
				       session->peer);
	if (rc == 0)
		session->host->log(session->self, TOCSIN_LOG_INFO, "%s",
				   session->authenticated ? "connected and authenticated"
							  : "connected");
	return rc;
}

static int connect_once(struct smtp_session *session, struct smtp_result *result)
{
	char *url = make_url(session);
	CURLcode code;
	bool set;

	session->curl = url ? curl_easy_init() : NULL;
	if (!session->curl) {
		curl_free(url);
		return smtp_login_failed(result, -ENOMEM, "out of memory, or 'host' is not a host");
	}
	forget_capabilities(session);
	session->error[0] = '\0';
	session->reply = (struct smtp_reply){0};
	session->input_length = session->output_length = 0;
	session->mails = 0;
	session->opened = session->authenticated = session->broken = session->needs_reset = false;
	set = set_options(session, url);
	curl_free(url);
	if (!set) {
		session->broken = true;
		return smtp_login_failed(result, -ENOMEM, "out of memory");
	}
	code = curl_easy_perform(session->curl);
	if (code == CURLE_OK)
		code = curl_easy_getinfo(session->curl, CURLINFO_ACTIVESOCKET, &session->fd);
	if (code != CURLE_OK) {
		session->broken = true;
		return explain(session, code, result);
	}
	session->used_ms = smtp_now_ms();
	session->host->count(session->self, "connections", 1);
	return log_in(session, result);
}

static int get_token(struct smtp_session *session, struct smtp_result *result)
{
	const struct smtp_config *config = session->config;

	return smtp_token_get(&session->token, &config->token_command, config->token_timeout,
			      smtp_now_ms(), result->text, sizeof(result->text));
}

/* A token that was good yesterday may have expired, or been withdrawn: then another one is asked
 * for, once. */
static int connect_with_token(struct smtp_session *session, struct smtp_result *result)
{
	int rc = get_token(session, result);
	bool was_kept = !session->token.fresh;

	if (rc == 0)
		rc = connect_once(session, result);
	session->token.fresh = false;
	if (rc != -EACCES)
		return rc;
	smtp_token_forget(&session->token);
	if (!was_kept)
		return rc;
	smtp_session_close(session);
	rc = get_token(session, result);
	if (rc == 0)
		rc = connect_once(session, result);
	session->token.fresh = false;
	if (rc == -EACCES)
		smtp_token_forget(&session->token);
	return rc;
}

int smtp_connect(struct smtp_session *session, struct smtp_result *result)
{
	*result = (struct smtp_result){.stage = SMTP_STAGE_CONNECT};
	return session->config->token_command.n > 0 ? connect_with_token(session, result)
						    : connect_once(session, result);
}
