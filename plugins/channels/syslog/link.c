/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "syslog.h"

int64_t syslog_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int syslog_left_ms(int64_t deadline_ms)
{
	int64_t left = deadline_ms - syslog_now_ms();

	return left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

int syslog_link_fail(struct syslog_link *link, int rc, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(link->why, sizeof(link->why), format, arguments);
	va_end(arguments);
	return rc;
}

void syslog_link_init(struct syslog_link *link, struct tocsin_self *self,
		      const struct tocsin_host *host, const struct syslog_config *config,
		      const struct syslog_address *address)
{
	*link = (struct syslog_link){
		.self = self,
		.host = host,
		.config = config,
		.address = address,
		.fd = -1,
	};
}

void syslog_link_close(struct syslog_link *link)
{
	if (link->curl)
		curl_easy_cleanup(link->curl); /* closes the descriptor */
	else if (link->fd >= 0)
		close(link->fd);
	link->curl = NULL;
	link->fd = -1;
}

int syslog_link_ready(struct syslog_link *link)
{
	bool local = link->address->kind == SYSLOG_UNIX;
	int rc;

	/* A stream whose other side is gone takes one more write without a word. */
	if (link->fd >= 0 && link->stream && syslog_stream_is_stale(link)) {
		link->host->log(link->self, TOCSIN_LOG_INFO, "%s closed the connection",
				link->config->to);
		syslog_link_close(link);
	}
	if (link->fd >= 0)
		return 0;
	if (local || link->address->kind == SYSLOG_UDP)
		rc = syslog_datagram_connect(link);
	else
		rc = syslog_stream_connect(link);
	if (rc != 0) {
		syslog_link_close(link);
		return rc;
	}
	link->host->count(link->self, "connections", 1);
	link->host->log(link->self, TOCSIN_LOG_DEBUG, "connected to %s", link->config->to);
	return 0;
}

enum syslog_framing syslog_link_framing(const struct syslog_link *link)
{
	if (!link->stream)
		return SYSLOG_DATAGRAM;
	if (link->config->framing != SYSLOG_FRAMING_AUTO)
		return (enum syslog_framing)link->config->framing;
	return link->address->kind == SYSLOG_UNIX ? SYSLOG_LINES : SYSLOG_OCTETS;
}

size_t syslog_link_send(struct syslog_link *link, const struct syslog_batch *batch, int *rc)
{
	size_t sent = batch->n;

	*rc = 0;
	if (!link->stream)
		sent = syslog_datagram_send(link, batch, rc);
	else
		*rc = syslog_stream_send(link, batch->text, batch->end[batch->n - 1]);
	if (*rc != 0)
		syslog_link_close(link);
	/* Of a stream that broke nobody knows what arrived. */
	return link->stream && *rc != 0 ? 0 : sent;
}
