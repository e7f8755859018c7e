/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP, TLS and local streams. libcurl connects and encrypts. Syslog has no acknowledgement; but a
 * TCP that has acknowledged every byte to ours has put them where the receiver reads, which is worth
 * the wait: what a dead connection or a silent firewall swallowed is found out and sent again.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "syslog.h"

/* Between two looks at what is not acknowledged; it doubles up to the most. */
#define PAUSE_NS (20 * 1000L)
#define MOST_NS (5 * 1000 * 1000L)

static char *make_url(const struct syslog_address *address)
{
	CURLU *url = curl_url();
	char port[8], host[sizeof(address->host) + 2], *text = NULL;

	snprintf(port, sizeof(port), "%d", address->port);
	snprintf(host, sizeof(host), strchr(address->host, ':') ? "[%s]" : "%s", address->host);
	/* The scheme says whether to encrypt; no HTTP is spoken. */
	if (url &&
	    curl_url_set(url, CURLUPART_SCHEME, address->kind == SYSLOG_TLS ? "https" : "http",
			 0) == CURLUE_OK &&
	    curl_url_set(url, CURLUPART_HOST, host, 0) == CURLUE_OK &&
	    curl_url_set(url, CURLUPART_PORT, port, 0) == CURLUE_OK)
		(void)curl_url_get(url, CURLUPART_URL, &text, 0);
	curl_url_cleanup(url);
	return text;
}

/* libcurl copies texts; one that memory does not hold would leave the option as it is without it. */
static bool set_text(CURL *curl, CURLoption option, const char *text)
{
	return !text || curl_easy_setopt(curl, option, text) == CURLE_OK;
}

/* False when memory is short: then nothing may be sent. */
static bool set_options(struct syslog_link *link, const char *url)
{
	const struct syslog_config *config = link->config;
	CURL *curl = link->curl;

	link->error[0] = '\0';
	curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, link->error);
	curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_ENABLE_ALPN, 0L);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, config->tls_verify ? 1L : 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, config->tls_verify ? 2L : 0L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)config->server_timeout);
	return set_text(curl, CURLOPT_URL, url) && set_text(curl, CURLOPT_PROXY, "") &&
	       set_text(curl, CURLOPT_CAINFO, config->ca_file) &&
	       set_text(curl, CURLOPT_SSLCERT, config->cert_file) &&
	       set_text(curl, CURLOPT_SSLKEY, config->key_file);
}

int syslog_stream_connect(struct syslog_link *link)
{
	char *url = make_url(link->address);
	CURLcode code = CURLE_OUT_OF_MEMORY;
	curl_socket_t fd = -1;

	link->curl = url ? curl_easy_init() : NULL;
	if (link->curl && set_options(link, url))
		code = curl_easy_perform(link->curl);
	curl_free(url);
	if (code == CURLE_OK)
		code = curl_easy_getinfo(link->curl, CURLINFO_ACTIVESOCKET, &fd);
	if (code == CURLE_OUT_OF_MEMORY)
		return syslog_link_fail(link, -ENOMEM, "out of memory");
	if (code != CURLE_OK || fd < 0)
		return syslog_link_fail(link, -ECONNREFUSED, "cannot connect to %s: %s",
					link->config->to,
					*link->error ? link->error : curl_easy_strerror(code));
	link->fd = fd;
	link->stream = true;
	return 0;
}

static bool is_encrypted(const struct syslog_link *link)
{
	return link->address->kind == SYSLOG_TLS;
}

/* What the receiver says is of no interest, but that it has ended is. */
static bool has_ended(struct syslog_link *link)
{
	char nothing[4096];
	size_t got = 0;
	ssize_t n;

	if (is_encrypted(link)) {
		CURLcode code = curl_easy_recv(link->curl, nothing, sizeof(nothing), &got);

		return code != CURLE_AGAIN && (code != CURLE_OK || got == 0);
	}
	n = recv(link->fd, nothing, sizeof(nothing), MSG_DONTWAIT);
	return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

bool syslog_stream_is_stale(struct syslog_link *link)
{
	struct pollfd at = {.fd = link->fd, .events = POLLIN | POLLRDHUP};

	if (poll(&at, 1, 0) <= 0)
		return false;
	return (at.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) || has_ended(link);
}

/* Sends a part. 0 and *sent, which may be 0; or a negative errno. */
static int send_part(struct syslog_link *link, const char *data, size_t length, size_t *sent)
{
	ssize_t n;

	*sent = 0;
	if (is_encrypted(link)) {
		CURLcode code = curl_easy_send(link->curl, data, length, sent);

		return code == CURLE_OK || code == CURLE_AGAIN ? 0 : -ECONNRESET;
	}
	n = send(link->fd, data, length, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return -errno;
	*sent = n > 0 ? (size_t)n : 0;
	return 0;
}

static int send_all(struct syslog_link *link, const char *data, size_t length, int64_t deadline_ms)
{
	struct pollfd at = {.fd = link->fd, .events = POLLOUT};

	while (length > 0) {
		size_t sent;
		int rc = send_part(link, data, length, &sent);

		if (rc != 0)
			return syslog_link_fail(link, rc, "the connection to %s was lost: %s",
						link->config->to, strerror(-rc));
		data += sent;
		length -= sent;
		if (sent == 0 && poll(&at, 1, syslog_left_ms(deadline_ms)) == 0)
			return syslog_link_fail(link, -ETIMEDOUT, "%s does not read",
						link->config->to);
	}
	return 0;
}

/* Waits for the given time, or until something happens to the connection; what. */
static int watch(const struct syslog_link *link, long pause_ns)
{
	struct pollfd at = {.fd = link->fd, .events = POLLRDHUP};
	const struct timespec pause = {.tv_nsec = pause_ns};

	return ppoll(&at, 1, &pause, NULL) > 0 ? at.revents : 0;
}

/* Waits until the other side's TCP has taken every byte. */
static int wait_acknowledged(struct syslog_link *link, int64_t deadline_ms)
{
	long pause_ns = 0;
	int waiting = 0, events;

	for (;;) {
		if (ioctl(link->fd, SIOCOUTQ, &waiting) != 0)
			return syslog_link_fail(link, -errno, "the connection to %s was lost",
						link->config->to);
		events = watch(link, waiting > 0 ? pause_ns : 0);
		if ((events & (POLLERR | POLLHUP)) || (waiting > 0 && events))
			return syslog_link_fail(link, -ECONNRESET,
						"%s closed the connection; the messages may have "
						"arrived",
						link->config->to);
		if (waiting == 0)
			return 0;
		if (syslog_left_ms(deadline_ms) == 0)
			return syslog_link_fail(link, -ETIMEDOUT,
						"%s does not acknowledge; the messages may have "
						"arrived",
						link->config->to);
		pause_ns = pause_ns < PAUSE_NS  ? PAUSE_NS
			   : pause_ns < MOST_NS ? 2 * pause_ns
						: MOST_NS;
	}
}

int syslog_stream_send(struct syslog_link *link, const char *data, size_t length)
{
	int64_t deadline_ms = syslog_now_ms() + link->config->server_timeout;
	int rc = send_all(link, data, length, deadline_ms);

	/* Of a local stream the same figure is what the reader has not read: that may take. */
	if (rc == 0 && link->address->kind != SYSLOG_UNIX)
		rc = wait_acknowledged(link, deadline_ms);
	return rc;
}
