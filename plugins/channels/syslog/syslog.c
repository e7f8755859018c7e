/* SPDX-License-Identifier: Apache-2.0 */
/* Sends alerts to a syslog daemon, here or elsewhere. */
#include "syslog.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const forms[] = {"auto", "rfc5424", "rfc3164", "local", NULL};
static const char *const framings[] = {"auto", "octets", "lines", NULL};
/* in the order of their numbers */
static const char *const facilities[] = {
	"kern",   "user",     "mail",   "daemon", "auth",   "syslog", "lpr",   "news",   "uucp",
	"cron",   "authpriv", "ftp",    "ntp",    "audit",  "alert",  "clock", "local0", "local1",
	"local2", "local3",   "local4", "local5", "local6", "local7", NULL,
};

static const struct tocsin_option options[] = {
	TOCSIN_OPTION(STRING, struct syslog_config, app_name, .preset = "tocsin",
		      .help = "The program that messages are from (APP-NAME, or the tag)."),
	TOCSIN_OPTION(BOOL, struct syslog_config, bom, .preset = "false",
		      .help = "A byte order mark before the words, by which RFC 5424 tells UTF-8. "
			      "Many receivers keep it as three odd characters."),
	TOCSIN_OPTION(PATH, struct syslog_config, ca_file, .example = "/etc/ssl/certs/logs-ca.pem",
		      .help = "Certificates of the authorities to trust for tls:, in place of the "
			      "system's."),
	TOCSIN_OPTION(PATH, struct syslog_config, cert_file, .example = "/etc/tocsin/client.pem",
		      .help = "Our own certificate for tls:, if the receiver wants one."),
	TOCSIN_OPTION(INT, struct syslog_config, enterprise, .preset = "32473", .min = 1,
		      .max = INT32_MAX,
		      .help = "Your number in IANA's list of private enterprises, for the names of "
			      "structured data. The preset is the one for examples."),
	TOCSIN_OPTION(CHOICE, struct syslog_config, facility, .preset = "daemon",
		      .choices = facilities, .help = "The facility of all messages."),
	TOCSIN_OPTION(CHOICE, struct syslog_config, format, .preset = "auto", .choices = forms,
		      .help = "rfc5424 with structured data, rfc3164, or local, which is rfc3164 "
			      "without the host as /dev/log wants it. auto: local for unix:, else "
			      "rfc5424."),
	TOCSIN_OPTION(CHOICE, struct syslog_config, framing, .preset = "auto", .choices = framings,
		      .help = "How messages are told apart in a stream: by their length (octets, "
			      "RFC 6587 and 5425) or by newlines. auto: octets for tcp: and tls:."),
	TOCSIN_OPTION(STRING, struct syslog_config, hostname, .example = "monitor.example.com",
		      .help = "The host that messages are from. Default: the name of this one."),
	TOCSIN_OPTION(PATH, struct syslog_config, key_file, .example = "/etc/tocsin/client.key",
		      .help = "The key of cert_file."),
	TOCSIN_OPTION(SIZE, struct syslog_config, max_size, .max = SYSLOG_MOST, .example = "2048",
		      .help = "Longer messages are cut. Default: 8192; 2048 for udp:, 1024 for "
			      "rfc3164."),
	TOCSIN_OPTION(TEMPLATE, struct syslog_config, message, .text = true,
		      .example = "\"{{ .annotations.description }}\"",
		      .help = "What follows the title. Default: the annotation description or "
			      "message."),
	TOCSIN_OPTION(DURATION, struct syslog_config, server_timeout, .preset = "10s", .min = 100,
		      .max = 600000,
		      .help = "How long connecting may take, and sending with the acknowledgement "
			      "of TCP."),
	TOCSIN_OPTION(
		BOOL, struct syslog_config, structured_data, .preset = "true",
		.help = "In rfc5424: id, key, status, severity and labels as structured data."),
	TOCSIN_OPTION(TEMPLATE, struct syslog_config, title, .text = true,
		      .example = "\"{{ .labels.site }}: {{ .title }}\"",
		      .help = "How the words begin. Default: the annotation summary, else the "
			      "alertname."),
	TOCSIN_OPTION(BOOL, struct syslog_config, tls_verify, .preset = "true",
		      .help = "Whether the receiver's certificate must be valid for its name. "
			      "Without it anybody on the way can read along."),
	TOCSIN_OPTION(STRING, struct syslog_config, to, .preset = "unix:/dev/log",
		      .example = "tls:logs.example.com:6514",
		      .help = "The receiver: unix:PATH, udp:HOST[:514], tcp:HOST[:601] or "
			      "tls:HOST[:6514]."),
};

struct syslog {
	struct tocsin_self *self;
	const struct tocsin_host *host;
	const struct syslog_config *config;
	struct syslog_address address;
	struct syslog_format format;
	struct syslog_link link;
	struct syslog_batch batch;
	char *message; /* room for one */
};

static void syslog_close(void *state)
{
	struct syslog *syslog = state;

	syslog_link_close(&syslog->link);
	free(syslog->batch.text);
	free(syslog->message);
	free(syslog);
}

static int syslog_open(struct tocsin_self *self, const struct tocsin_host *host,
		       const void *config_data, void **state)
{
	const struct syslog_config *config = config_data;
	struct syslog *syslog = calloc(1, sizeof(*syslog));
	char why[256];

	if (!syslog)
		return -ENOMEM;
	syslog->self = self;
	syslog->host = host;
	syslog->config = config;
	syslog_link_init(&syslog->link, self, host, config, &syslog->address);
	if (syslog_address_parse(&syslog->address, config->to, why, sizeof(why)) != 0) {
		host->log(self, TOCSIN_LOG_ERROR, "%s", why);
		syslog_close(syslog);
		return -EINVAL;
	}
	syslog_format_init(&syslog->format, config, &syslog->address);
	syslog->message = malloc(syslog->format.max_size);
	syslog->batch.text = malloc(SYSLOG_BATCH * (syslog->format.max_size + SYSLOG_FRAME));
	if (!syslog->message || !syslog->batch.text) {
		syslog_close(syslog);
		return -ENOMEM;
	}
	if (!config->tls_verify && syslog->address.kind == SYSLOG_TLS)
		host->log(self, TOCSIN_LOG_WARNING,
			  "tls_verify is off: anybody on the way to %s can read along", config->to);
	*state = syslog;
	return 0;
}

/* Adds the message with what sets it apart. */
static void add_message(struct syslog *syslog, struct tocsin_delivery *delivery,
			enum syslog_framing framing)
{
	struct syslog_batch *batch = &syslog->batch;
	char *at = batch->text + (batch->n > 0 ? batch->end[batch->n - 1] : 0);
	size_t length = syslog_format_put(
		&syslog->format, delivery, syslog->host->text(delivery, syslog->config->title),
		syslog->host->text(delivery, syslog->config->message), syslog->message);

	if (framing == SYSLOG_OCTETS)
		at += snprintf(at, SYSLOG_FRAME, "%zu ", length);
	memcpy(at, syslog->message, length);
	at += length;
	if (framing == SYSLOG_LINES)
		*at++ = '\n';
	batch->end[batch->n++] = (size_t)(at - batch->text);
}

/* What a failure means for the messages that it hit. */
static enum tocsin_outcome outcome_of(int rc)
{
	return rc == -EMSGSIZE ? TOCSIN_REJECTED : TOCSIN_UNAVAILABLE;
}

static void syslog_deliver(void *state, struct tocsin_delivery *const batch[], size_t n)
{
	struct syslog *syslog = state;
	struct syslog_link *link = &syslog->link;
	const struct tocsin_host *host = syslog->host;
	int rc = syslog_link_ready(link);
	size_t sent = 0;

	syslog->batch.n = 0;
	if (rc == 0) {
		for (size_t i = 0; i < n; i++) {
			host->begin(batch[i]);
			add_message(syslog, batch[i], syslog_link_framing(link));
		}
		sent = syslog_link_send(link, &syslog->batch, &rc);
	}
	for (size_t i = 0; i < n; i++) {
		/* A datagram that is too long says nothing of those behind it. */
		if (i < sent)
			host->done(batch[i], TOCSIN_DELIVERED, 0, "sent");
		else
			host->done(batch[i],
				   i == sent ? outcome_of(rc)
					     : (rc == -EMSGSIZE ? TOCSIN_RETRY : outcome_of(rc)),
				   0, link->why);
	}
}

/* Nothing else would ever tell a socket of UDP that the name has another address now. */
static void syslog_idle(void *state)
{
	struct syslog *syslog = state;

	if (syslog->address.kind == SYSLOG_UDP)
		syslog_link_close(&syslog->link);
}

static char *syslog_preview(const struct tocsin_host *host, const void *config_data,
			    struct tocsin_delivery *delivery)
{
	const struct syslog_config *config = config_data;
	struct syslog_address address;
	struct syslog_format format;
	char why[256], *text;

	if (syslog_address_parse(&address, config->to, why, sizeof(why)) != 0)
		return strdup(why);
	syslog_format_init(&format, config, &address);
	text = malloc(format.max_size + 2);
	if (text) {
		size_t length = syslog_format_put(&format, delivery,
						  host->text(delivery, config->title),
						  host->text(delivery, config->message), text);

		memcpy(text + length, "\n", 2);
	}
	return text;
}

static const struct tocsin_channel_ops ops = {
	.size = sizeof(ops),
	.open = syslog_open,
	.deliver = syslog_deliver,
	.close = syslog_close,
	.check = syslog_check,
	.idle = syslog_idle,
	.preview = syslog_preview,
};

TOCSIN_PLUGIN(.kind = TOCSIN_CHANNEL, .name = "syslog", .version = "1.0",
	      .summary = "sends alerts to a syslog daemon on this machine or another",
	      .options = options, .option_count = TOCSIN_COUNT(options),
	      .config_size = sizeof(struct syslog_config), .channel = &ops, .blocking = true,
	      .batch = SYSLOG_BATCH, .limits = "max_size: 8 KiB, over UDP 2 KiB", );
