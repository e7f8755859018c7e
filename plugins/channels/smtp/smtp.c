/* SPDX-License-Identifier: Apache-2.0 */
/* Sends alerts as e-mail over one kept connection to a mail server. */
#include "smtp.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "../../common/draft.h"
#include "session.h"

static const char *const tls_choices[] = {"starttls", "implicit", "none", NULL};
static const char *const auth_choices[] = {
	"auto", "none", "plain", "login", "cram-md5", "scram-sha-256", "xoauth2", NULL,
};

static const struct tocsin_option options[] = {
	TOCSIN_OPTION(CHOICE, struct smtp_config, auth, .preset = "auto", .choices = auth_choices,
		      .help = "How to log in when there is a username. auto takes what the "
			      "server offers, but not SCRAM, which must be named."),
	TOCSIN_OPTION(PATH, struct smtp_config, ca_file, .example = "/etc/ssl/certs/mail-ca.pem",
		      .help = "Certificates of the authorities to trust, in place of the "
			      "system's."),
	TOCSIN_OPTION(STRING, struct smtp_config, from, .required = true,
		      .example = "\"Alerts <alerts@example.com>\"",
		      .help = "The sender, with or without a name."),
	TOCSIN_OPTION(MAP, struct smtp_config, headers, .example = "{X-Team: operations}",
		      .help = "Further headers for every mail."),
	TOCSIN_OPTION(STRING, struct smtp_config, hello, .example = "monitor.example.com",
		      .help = "The name this host gives itself. Default: the domain of 'from'."),
	TOCSIN_OPTION(STRING, struct smtp_config, host, .required = true,
		      .example = "smtp.example.com", .help = "Name or address of the mail server."),
	TOCSIN_OPTION(BOOL, struct smtp_config, html, .preset = "true",
		      .help = "Mails have an HTML part beside the text."),
	TOCSIN_OPTION(STRING, struct smtp_config, list_id, .example = "alerts.example.com",
		      .help = "A List-Id header, by which readers sort mail."),
	TOCSIN_OPTION(DURATION, struct smtp_config, max_idle, .preset = "5m", .min = 1000,
		      .max = 3600000,
		      .help = "A connection that was not used for this long is closed."),
	TOCSIN_OPTION(INT, struct smtp_config, max_per_connection, .preset = "100", .min = 1,
		      .max = 100000, .help = "Mails sent over one connection before a new one."),
	TOCSIN_OPTION(SECRET, struct smtp_config, password,
		      .example = "\"${file:/etc/tocsin/smtp.password}\"",
		      .help = "Password, or the access token for xoauth2."),
	TOCSIN_OPTION(
		INT, struct smtp_config, port, .min = 1, .max = 65535, .example = "587",
		.help = "TCP port. Default: 587 for starttls, 465 for implicit, 25 for none."),
	TOCSIN_OPTION(STRING, struct smtp_config, reply_to, .example = "ops@example.com",
		      .help = "Where answers go."),
	TOCSIN_OPTION(DURATION, struct smtp_config, server_timeout, .preset = "60s", .min = 1000,
		      .max = 600000,
		      .help = "How long the server may take for an answer; three times as long "
			      "after the message itself. Connecting has 30 seconds at most."),
	TOCSIN_OPTION(STRING, struct smtp_config, subject_prefix, .example = "\"[shop]\"",
		      .help = "Put in front of every subject."),
	TOCSIN_OPTION(CHOICE, struct smtp_config, tls, .preset = "starttls", .choices = tls_choices,
		      .help = "Encryption: asked for after connecting (starttls), from the first "
			      "byte (implicit), or none. Nothing is sent when it fails."),
	TOCSIN_OPTION(BOOL, struct smtp_config, tls_verify, .preset = "true",
		      .help = "Whether the server's certificate must be valid for 'host'. Without "
			      "it anybody on the way can read mails and password."),
	TOCSIN_OPTION(STRING, struct smtp_config, username, .example = "alerts@example.com",
		      .help = "Name to log in with. Without it no login is tried."),
};

struct smtp {
	struct tocsin_self *self;
	const struct tocsin_host *host;
	const struct smtp_config *config;
	struct smtp_envelope envelope;
	struct smtp_session session;
};

static int smtp_open(struct tocsin_self *self, const struct tocsin_host *host, const void *config,
		     void **state)
{
	struct smtp *smtp = calloc(1, sizeof(*smtp));
	const char *hello;
	char why[256];
	int rc;

	if (!smtp)
		return -ENOMEM;
	smtp->self = self;
	smtp->host = host;
	smtp->config = config;
	rc = smtp_address_parse(&smtp->envelope.from, smtp->config->from, true, why, sizeof(why));
	if (rc == 0 && smtp->config->reply_to)
		rc = smtp_address_parse(&smtp->envelope.reply_to, smtp->config->reply_to, true, why,
					sizeof(why));
	if (rc != 0) {
		host->log(self, TOCSIN_LOG_ERROR, "%s", why);
		free(smtp);
		return rc;
	}
	if (!smtp->config->tls_verify && smtp->config->tls != SMTP_TLS_NONE)
		host->log(self, TOCSIN_LOG_WARNING,
			  "tls_verify is off: anybody on the way to %s "
			  "can read mails and password",
			  smtp->config->host);
	hello = smtp->config->hello;
	if (!hello)
		hello = smtp_address_domain(&smtp->envelope.from);
	smtp_session_init(&smtp->session, self, host, smtp->config, hello);
	*state = smtp;
	return 0;
}

static void smtp_close(void *state)
{
	struct smtp *smtp = state;

	smtp_session_close(&smtp->session);
	free(smtp);
}

static void smtp_idle(void *state)
{
	struct smtp *smtp = state;

	smtp_session_idle(&smtp->session);
}

/* The message in the form that follows DATA, or NULL when memory is short. */
static char *make_wire(struct smtp *smtp, const struct tocsin_delivery *delivery, size_t *length)
{
	size_t size = 0;
	char *message = smtp_message(smtp->config, &smtp->envelope, delivery,
				     (int64_t)time(NULL) * 1000, &size),
	     *wire = NULL;
	struct draft draft;

	if (message && draft_begin(&draft)) {
		smtp_put_wire(draft.out, message, size);
		wire = draft_end(&draft, length);
	}
	free(message);
	return wire;
}

static void send_wire(struct smtp *smtp, struct tocsin_delivery *delivery, const char *wire,
		      size_t length, struct tocsin_verdict *verdict)
{
	struct smtp_result result;

	if (smtp_session_ready(&smtp->session, &result)) {
		smtp->host->begin(delivery);
		smtp_session_send(&smtp->session, smtp->envelope.from.address,
				  smtp->envelope.to.address, wire, length, &result);
	}
	smtp_judge(&result, verdict);
	if (verdict->outcome == TOCSIN_DELIVERED)
		smtp->host->log(smtp->self, TOCSIN_LOG_INFO, "sent to %s",
				smtp->envelope.to.address);
}

/* One at a time: what the core hands over is under way, and a mail that only waits is not. */
static void smtp_deliver(void *state, struct tocsin_delivery *const batch[], size_t n)
{
	struct smtp *smtp = state;
	struct tocsin_verdict verdict = {.outcome = TOCSIN_REJECTED};
	size_t length = 0;
	char *wire;

	(void)n;
	if (smtp_address_parse(&smtp->envelope.to, batch[0]->recipient, false, verdict.why,
			       sizeof(verdict.why)) == 0) {
		wire = make_wire(smtp, batch[0], &length);
		if (wire)
			send_wire(smtp, batch[0], wire, length, &verdict);
		else
			verdict = (struct tocsin_verdict){TOCSIN_RETRY, 0, "out of memory"};
		free(wire);
	}
	smtp->host->done(batch[0], verdict.outcome, verdict.retry_after_ms, verdict.why);
}

static const struct tocsin_channel_ops ops = {
	.size = sizeof(ops),
	.open = smtp_open,
	.deliver = smtp_deliver,
	.close = smtp_close,
	.check = smtp_check,
	.idle = smtp_idle,
};

TOCSIN_PLUGIN(.kind = TOCSIN_CHANNEL, .name = "smtp", .version = "1.0",
	      .summary = "sends alerts as e-mail through a mail server", .options = options,
	      .option_count = TOCSIN_COUNT(options), .config_size = sizeof(struct smtp_config),
	      .channel = &ops, .blocking = true, .recipients = true, .batch = 1);
