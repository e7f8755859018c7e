/* SPDX-License-Identifier: Apache-2.0 */
/* Writes each alert to standard output or standard error. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tocsin/plugin.h>

#include "../../common/draft.h"
#include "../../common/notice.h"
#include "../../common/record.h"
#include "../../common/text.h"

enum format { FORMAT_LINE, FORMAT_BLOCK, FORMAT_JSON };
enum color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

struct config {
	int64_t stream, format, color;
	const struct tocsin_template *title, *message, *record;
};

static const char *const streams[] = {"stdout", "stderr", NULL};
static const char *const formats[] = {"line", "block", "json", NULL};
static const char *const colors[] = {"auto", "always", "never", NULL};

static const struct tocsin_option options[] = {
	TOCSIN_OPTION(CHOICE, struct config, stream, .preset = "stdout", .choices = streams,
		      .help = "Where alerts are written."),
	TOCSIN_OPTION(CHOICE, struct config, format, .preset = "line", .choices = formats,
		      .help = "One line an alert, a block of lines, or one JSON object a line."),
	TOCSIN_OPTION(CHOICE, struct config, color, .preset = "auto", .choices = colors,
		      .help = "Whether the heading is coloured. auto: on a terminal, unless "
			      "NO_COLOR is set or TERM is dumb."),
	TOCSIN_OPTION(TEMPLATE, struct config, message, .text = true,
		      .example = "\"{{ .message }}\"",
		      .help = "What there is to say, in the formats line and block. Empty: "
			      "nothing but the title."),
	TOCSIN_OPTION(STRUCTURE, struct config, record,
		      .example = "{at: \"{{ .time }}\", what: \"{{ .title }}\"}",
		      .help = "What the format json writes in place of its own object."),
	TOCSIN_OPTION(TEMPLATE, struct config, title, .text = true, .example = "\"{{ .title }}\"",
		      .help = "What it is about, in the formats line and block."),
};

struct console {
	const struct tocsin_host *host;
	const struct config *config;
	int fd;
	enum format format;
	bool colored;
};

static bool wants_color(enum color color, int fd)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	if (color != COLOR_AUTO)
		return color == COLOR_ALWAYS;
	return isatty(fd) && (!no_color || !*no_color) && (!term || strcmp(term, "dumb") != 0);
}

static struct console console_of(const struct tocsin_host *host, const struct config *config)
{
	int fd = config->stream == 0 ? STDOUT_FILENO : STDERR_FILENO;

	return (struct console){
		.host = host,
		.config = config,
		.fd = fd,
		.format = (enum format)config->format,
		.colored = wants_color((enum color)config->color, fd),
	};
}

static int console_open(struct tocsin_self *self, const struct tocsin_host *host,
			const void *config, void **state)
{
	struct console *console = calloc(1, sizeof(*console));

	(void)self;
	if (!console)
		return -ENOMEM;
	*console = console_of(host, config);
	*state = console;
	return 0;
}

static struct record_paint paint_of(const struct console *console, const struct tocsin_alert *alert)
{
	const char *on = "\033[34m";

	if (!console->colored)
		return (struct record_paint){"", ""};
	if (alert->status == TOCSIN_RESOLVED)
		on = "\033[32m";
	else if (alert->severity >= TOCSIN_CRITICAL)
		on = "\033[1;31m";
	else if (alert->severity == TOCSIN_ERROR)
		on = "\033[31m";
	else if (alert->severity == TOCSIN_WARNING)
		on = "\033[33m";
	return (struct record_paint){on, "\033[0m"};
}

static void put_line(FILE *out, const struct tocsin_alert *alert, const struct record_paint *paint,
		     const struct record_words *words)
{
	char time[NOTICE_TIME_SIZE];
	size_t i;

	fprintf(out, "%s %s%-9s%s ", notice_local_time(notice_time_ms(alert), time), paint->on,
		notice_heading(alert), paint->off);
	text_put_line(out, words->title);
	if (words->message) {
		fputs(": ", out);
		text_put_line(out, words->message);
	}
	for (i = 0; i < alert->labels.n; i++) {
		fputs(i == 0 ? " [" : " ", out);
		text_put_line(out, alert->labels.pair[i].name);
		fputc('=', out);
		text_put_line(out, alert->labels.pair[i].value);
	}
	fputs(i > 0 ? "]\n" : "\n", out);
}

/* The user's words, or the usual ones. */
static struct record_words words_of(const struct console *console, struct tocsin_delivery *delivery)
{
	const char *title = console->host->text(delivery, console->config->title);
	const char *message = console->host->text(delivery, console->config->message);

	if (!message)
		message = notice_message(delivery->alert);
	return (struct record_words){title ? title : notice_title(delivery->alert),
				     message && *message ? message : NULL};
}

static void put_json(struct draft *draft, const struct console *console,
		     struct tocsin_delivery *delivery)
{
	const char *json = console->host->text(delivery, console->config->record);

	if (json)
		fprintf(draft->out, "%s\n", json);
	else
		record_put_json(draft, delivery, NULL);
}

/* For the caller to free(); NULL when memory is short. */
static char *render(const struct console *console, struct tocsin_delivery *delivery, size_t *length)
{
	struct record_paint paint = paint_of(console, delivery->alert);
	struct record_words words = words_of(console, delivery);
	struct draft draft;

	if (!draft_begin(&draft))
		return NULL;
	if (console->format == FORMAT_JSON)
		put_json(&draft, console, delivery);
	else if (console->format == FORMAT_BLOCK)
		record_put_text(draft.out, delivery, &words, &paint);
	else
		put_line(draft.out, delivery->alert, &paint, &words);
	return draft_end(&draft, length);
}

static char *console_preview(const struct tocsin_host *host, const void *config,
			     struct tocsin_delivery *delivery)
{
	struct console console = console_of(host, config);

	return render(&console, delivery, NULL);
}

/* Standard streams are shared and may have been made non-blocking by somebody else. */
static int write_all(int fd, const char *text, size_t length)
{
	while (length > 0) {
		ssize_t n = write(fd, text, length);

		if (n >= 0) {
			text += n;
			length -= (size_t)n;
		} else if (errno == EAGAIN) {
			(void)poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, 1000);
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

static void deliver_one(struct console *console, struct tocsin_delivery *delivery)
{
	char why[128] = "written";
	size_t length;
	char *text = render(console, delivery, &length);
	int rc = text ? write_all(console->fd, text, length) : -ENOMEM;

	if (rc != 0)
		snprintf(why, sizeof(why), "cannot write to %s: %s",
			 console->fd == STDOUT_FILENO ? "standard output" : "standard error",
			 strerror(-rc));
	console->host->done(delivery, rc == 0 ? TOCSIN_DELIVERED : TOCSIN_UNAVAILABLE, 0, why);
	free(text);
}

static void console_deliver(void *state, struct tocsin_delivery *const batch[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		deliver_one(state, batch[i]);
}

static const struct tocsin_channel_ops ops = {
	.size = sizeof(ops),
	.open = console_open,
	.deliver = console_deliver,
	.close = free,
	.preview = console_preview,
};

TOCSIN_PLUGIN(.kind = TOCSIN_CHANNEL, .name = "console", .version = "1.0",
	      .summary = "writes alerts to standard output or standard error", .options = options,
	      .option_count = TOCSIN_COUNT(options), .config_size = sizeof(struct config),
	      .channel = &ops, .blocking = true, .batch = 64, .supports = TOCSIN_SUPPORTS_LINKS, );
