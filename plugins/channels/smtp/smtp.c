/* SPDX-License-Identifier: Apache-2.0 */
/* Sends alerts as e-mail over one kept connection to a mail server. */
#include "smtp.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "session.h"

static const char *const tls_choices[] = {"starttls", "implicit", "none", NULL};
static const char *const auth_choices[] = {
	"auto",          "none",    "plain",       "login", "cram-md5",
	"scram-sha-256", "xoauth2", "oauthbearer", NULL,
};
static const char *const threading_choices[] = {"headers", "subject", "off", NULL};

static const struct tocsin_option options[] = {
	TOCSIN_OPTION(CHOICE, struct smtp_config, auth, .preset = "auto", .choices = auth_choices,
		      .help = "How to log in when there is a username. auto takes what the "
			      "server offers, but not SCRAM, which must be named, nor a token."),
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
	TOCSIN_OPTION(TEMPLATE, struct smtp_config, html_body, .escape = TOCSIN_ESCAPE_HTML,
		      .text = true, .example = "\"<h1>{{ .title }}</h1><p>{{ .message }}</p>\"",
		      .help = "The whole HTML part, in place of the built-in one."),
	TOCSIN_OPTION(STRING, struct smtp_config, list_id, .example = "alerts.example.com",
		      .help = "A List-Id header, by which readers sort mail."),
	TOCSIN_OPTION(DURATION, struct smtp_config, max_idle, .preset = "5m", .min = 1000,
		      .max = 3600000,
		      .help = "A connection that was not used for this long is closed."),
	TOCSIN_OPTION(INT, struct smtp_config, max_per_connection, .preset = "100", .min = 1,
		      .max = 100000, .help = "Mails sent over one connection before a new one."),
	TOCSIN_OPTION(TEMPLATE, struct smtp_config, message, .text = true,
		      .example = "\"{{ .message }}\"",
		      .help = "What there is to say about the alert, in both parts."),
	TOCSIN_OPTION(SECRET, struct smtp_config, password,
		      .example = "\"${file:/etc/tocsin/smtp.password}\"",
		      .help = "Password, or the access token for xoauth2 and oauthbearer."),
	TOCSIN_OPTION(
		INT, struct smtp_config, port, .min = 1, .max = 65535, .example = "587",
		.help = "TCP port. Default: 587 for starttls, 465 for implicit, 25 for none."),
	TOCSIN_OPTION(STRING, struct smtp_config, reply_to, .example = "ops@example.com",
		      .help = "Where answers go."),
	TOCSIN_OPTION(DURATION, struct smtp_config, server_timeout, .preset = "60s", .min = 1000,
		      .max = 600000,
		      .help = "How long the server may take for an answer; three times as long "
			      "after the message itself. Connecting has 30 seconds at most."),
	TOCSIN_OPTION(TEMPLATE, struct smtp_config, subject, .escape = TOCSIN_ESCAPE_LINE,
		      .text = true,
		      .example = "\"{{ .heading }}: {{ .title }} ({{ .labels.site }})\"",
		      .help = "The subject. Default: the severity in brackets and the title."),
	TOCSIN_OPTION(STRING, struct smtp_config, subject_prefix, .example = "\"[shop]\"",
		      .help = "Put in front of every subject."),
	TOCSIN_OPTION(TEMPLATE, struct smtp_config, text_body, .text = true,
		      .example = "\"{{ .title }}\\n\\n{{ .message }}\"",
		      .help = "The whole text part, in place of the built-in one."),
	TOCSIN_OPTION(CHOICE, struct smtp_config, threading, .preset = "headers",
		      .choices = threading_choices,
		      .help = "How the mails about one incident become one conversation: by the "
			      "headers In-Reply-To and References; also by the subject, that of "
			      "the first mail behind 'Re: ', without which Gmail begins a new "
			      "one when an alert is resolved; or not at all (off)."),
	TOCSIN_OPTION(TEMPLATE, struct smtp_config, title, .text = true,
		      .example = "\"{{ .labels.site }}: {{ .title }}\"",
		      .help = "What the alert is about, in one line: in the subject and both "
			      "parts."),
	TOCSIN_OPTION(CHOICE, struct smtp_config, tls, .preset = "starttls", .choices = tls_choices,
		      .help = "Encryption: asked for after connecting (starttls), from the first "
			      "byte (implicit), or none. Nothing is sent when it fails."),
	TOCSIN_OPTION(BOOL, struct smtp_config, tls_verify, .preset = "true",
		      .help = "Whether the server's certificate must be valid for 'host'. Without "
			      "it anybody on the way can read mails and password."),
	TOCSIN_OPTION(STRINGS, struct smtp_config, token_command,
		      .example = "[/usr/local/bin/mail-token, alerts@example.com]",
		      .help = "A program, by its absolute path, and its arguments: it prints the "
			      "access token for xoauth2 or oauthbearer, bare or as the JSON of an "
			      "OAuth server (access_token, expires_in). No shell is involved."),
	TOCSIN_OPTION(DURATION, struct smtp_config, token_timeout, .preset = "30s", .min = 1000,
		      .max = 300000, .help = "How long token_command may take."),
	TOCSIN_OPTION(STRING, struct smtp_config, username, .example = "alerts@example.com",
		      .help = "Name to log in with. Without it no login is tried."),
};

/* A delivery as a mail; there is one to send, and one that is made ready meanwhile. */
struct letter {
	struct tocsin_delivery *delivery; /* NULL: none */
	struct smtp_envelope envelope;
	struct smtp_thread thread;
	struct smtp_mail mail;
	char *wire; /* its message; NULL: there is none, and verdict says why */
	struct smtp_post post;
	struct tocsin_verdict verdict;
};

struct smtp {
	struct tocsin_self *self;
	const struct tocsin_host *host;
	const struct smtp_config *config;
	struct letter letter[2];
	struct smtp_session session;
};

static int read_senders(struct smtp_envelope *envelope, const struct smtp_config *config, char *why,
			size_t why_size)
{
	int rc = smtp_address_parse(&envelope->from, config->from, true, why, why_size);

	if (rc == 0 && config->reply_to)
		rc = smtp_address_parse(&envelope->reply_to, config->reply_to, true, why, why_size);
	return rc;
}

static int smtp_open(struct tocsin_self *self, const struct tocsin_host *host, const void *config,
		     void **state)
{
	struct smtp *smtp = calloc(1, sizeof(*smtp));
	struct smtp_envelope envelope = {0};
	const char *hello;
	char why[256];
	int rc;

	if (!smtp)
		return -ENOMEM;
	smtp->self = self;
	smtp->host = host;
	smtp->config = config;
	rc = read_senders(&envelope, smtp->config, why, sizeof(why));
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
	smtp->letter[0].envelope = smtp->letter[1].envelope = envelope;
	hello = smtp->config->hello;
	if (!hello)
		hello = smtp_address_domain(&smtp->letter[0].envelope.from);
	smtp_session_init(&smtp->session, self, host, smtp->config, hello);
	*state = smtp;
	return 0;
}

static void smtp_close(void *state)
{
	struct smtp *smtp = state;

	smtp_session_close(&smtp->session);
	smtp_token_forget(&smtp->session.token);
	free(smtp);
}

static void smtp_idle(void *state)
{
	struct smtp *smtp = state;

	smtp_session_idle(&smtp->session);
}

static struct smtp_words words_of(const struct tocsin_host *host, const struct smtp_config *config,
				  struct tocsin_delivery *delivery)
{
	return (struct smtp_words){
		.subject = host->text(delivery, config->subject),
		.title = host->text(delivery, config->title),
		.message = host->text(delivery, config->message),
		.text_body = host->text(delivery, config->text_body),
		.html_body = host->text(delivery, config->html_body),
	};
}

/* The message in the form that follows DATA, or NULL when memory is short. */
static char *make_wire(const struct smtp_mail *mail, size_t *length)
{
	struct sheet wire = {0};
	size_t size = 0;
	char *message = smtp_message(mail, &size);

	if (!message)
		return NULL;
	smtp_put_wire(&wire, message, size);
	free(message);
	return sheet_end(&wire, length);
}

/* The conversation that this mail goes on with. A store that cannot say costs only that. */
static void find_thread(struct smtp *smtp, struct smtp_mail *mail, struct tocsin_delivery *delivery,
			struct smtp_thread *thread)
{
	char *note = NULL;

	if (!smtp_threads(smtp->config, delivery) || smtp->host->recall(delivery, &note) != 0)
		return;
	smtp_thread_read(thread, note);
	free(note);
	if (smtp_thread_goes_on(thread, delivery->alert, mail->now_ms))
		mail->thread = thread;
}

/* The first mail is remembered, and that the incident is over. */
static void keep_thread(struct smtp *smtp, const struct smtp_mail *mail,
			struct tocsin_delivery *delivery, const struct smtp_thread *thread)
{
	bool resolved = delivery->alert->status == TOCSIN_RESOLVED;
	struct sheet id = {0};
	char *first, *subject, *note = NULL;

	if (!smtp_threads(smtp->config, delivery) || (mail->thread != NULL) != resolved)
		return;
	if (resolved) {
		note = smtp_thread_end(thread);
	} else {
		smtp_put_id(&id, mail);
		first = sheet_end(&id, NULL);
		subject = smtp_subject(mail);
		note = first && subject ? smtp_thread_begin(first, subject, mail->now_ms) : NULL;
		free(first);
		free(subject);
	}
	if (note)
		smtp->host->note(delivery, note);
	free(note);
}

static void write_mail(struct smtp *smtp, struct letter *letter)
{
	size_t length = 0;

	letter->mail = (struct smtp_mail){
		.config = smtp->config,
		.envelope = &letter->envelope,
		.delivery = letter->delivery,
		.words = words_of(smtp->host, smtp->config, letter->delivery),
		.now_ms = (int64_t)time(NULL) * 1000,
	};
	find_thread(smtp, &letter->mail, letter->delivery, &letter->thread);
	letter->wire = make_wire(&letter->mail, &length);
	if (!letter->wire)
		letter->verdict = (struct tocsin_verdict){TOCSIN_RETRY, 0, "out of memory"};
	letter->post = (struct smtp_post){.delivery = letter->delivery,
					  .from = letter->envelope.from.address,
					  .to = letter->envelope.to.address,
					  .message = letter->wire,
					  .length = length};
}

static void write_letter(struct smtp *smtp, struct letter *letter)
{
	letter->wire = NULL;
	letter->verdict = (struct tocsin_verdict){.outcome = TOCSIN_REJECTED};
	if (smtp_address_parse(&letter->envelope.to, letter->delivery->recipient, false,
			       letter->verdict.why, sizeof(letter->verdict.why)) == 0)
		write_mail(smtp, letter);
}

static void send_wire(struct smtp *smtp, struct letter *letter, const struct smtp_post *next)
{
	struct smtp_result result;

	if (smtp_session_ready(&smtp->session, &result))
		smtp_session_send(&smtp->session, &letter->post, next, &result);
	smtp_judge(&result, &letter->verdict);
	if (letter->verdict.outcome != TOCSIN_DELIVERED)
		return;
	smtp->host->log(smtp->self, TOCSIN_LOG_INFO, "sent to %s", letter->post.to);
	keep_thread(smtp, &letter->mail, letter->delivery, &letter->thread);
}

/* next: the one that is sent after it, when that is written already; or NULL. */
static void send_letter(struct smtp *smtp, struct letter *letter, const struct letter *next)
{
	const struct tocsin_verdict *verdict = &letter->verdict;

	if (letter->wire)
		send_wire(smtp, letter, next && next->wire ? &next->post : NULL);
	free(letter->wire);
	smtp->host->done(letter->delivery, verdict->outcome, verdict->retry_after_ms, verdict->why);
}

/* Whether what becomes of the one changes what the next one says: both are of one conversation. */
static bool are_related(const struct smtp *smtp, const struct tocsin_delivery *one,
			const struct tocsin_delivery *next)
{
	return smtp_threads(smtp->config, next) && one->alert->fingerprint &&
	       strcmp(one->alert->fingerprint, next->alert->fingerprint) == 0 &&
	       strcmp(one->recipient, next->recipient) == 0;
}

/* What the core hands over is under way, and a mail that only waits is not. So there is one, and while
 * that goes over the line one more. */
static void smtp_deliver(void *state, struct tocsin_delivery *const batch[], size_t n)
{
	struct smtp *smtp = state;
	struct letter *letter = &smtp->letter[0], *next = &smtp->letter[1], *sent;
	bool early;

	(void)n;
	letter->delivery = batch[0];
	write_letter(smtp, letter);
	while (letter->delivery) {
		next->delivery = NULL;
		if (smtp_session_takes_more(&smtp->session))
			next->delivery = smtp->host->more(smtp->self);
		early = next->delivery && !are_related(smtp, letter->delivery, next->delivery);
		if (early)
			write_letter(smtp, next);
		send_letter(smtp, letter, early ? next : NULL);
		if (next->delivery && !early)
			write_letter(smtp, next);
		sent = letter;
		letter = next;
		next = sent;
	}
}

/* As texts and files of mails have them here. */
static char *with_plain_line_ends(char *message)
{
	char *out = message;

	for (const char *in = message; in && *in; in++)
		if (*in != '\r' || in[1] != '\n')
			*out++ = *in;
	if (out)
		*out = '\0';
	return message;
}

/* The message as it would go out as the first about its incident. */
static char *smtp_preview(const struct tocsin_host *host, const void *config_data,
			  struct tocsin_delivery *delivery)
{
	const struct smtp_config *config = config_data;
	struct smtp_envelope envelope = {0};
	struct smtp_mail mail = {
		.config = config,
		.envelope = &envelope,
		.delivery = delivery,
		.words = words_of(host, config, delivery),
		.now_ms = (int64_t)time(NULL) * 1000,
	};
	char why[256];
	size_t length;

	if (read_senders(&envelope, config, why, sizeof(why)) != 0 ||
	    smtp_address_parse(&envelope.to, delivery->recipient, false, why, sizeof(why)) != 0)
		return strdup(why);
	return with_plain_line_ends(smtp_message(&mail, &length));
}

static const struct tocsin_channel_ops ops = {
	.size = sizeof(ops),
	.open = smtp_open,
	.deliver = smtp_deliver,
	.close = smtp_close,
	.check = smtp_check,
	.idle = smtp_idle,
	.preview = smtp_preview,
};

TOCSIN_PLUGIN(.kind = TOCSIN_CHANNEL, .name = "smtp", .version = "1.0",
	      .summary = "sends alerts as e-mail through a mail server", .options = options,
	      .option_count = TOCSIN_COUNT(options), .config_size = sizeof(struct smtp_config),
	      .channel = &ops, .blocking = true, .recipients = true, .batch = 1,
	      .supports = TOCSIN_SUPPORTS_THREADS | TOCSIN_SUPPORTS_RICH_TEXT |
			  TOCSIN_SUPPORTS_LINKS | TOCSIN_SUPPORTS_IDEMPOTENCY,
	      .limits = "SIZE of the server", .begins = true, );
