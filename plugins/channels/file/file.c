/* SPDX-License-Identifier: Apache-2.0 */
/* Appends alerts to a file, for people (alerts.log) or for programs (JSON lines). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tocsin/plugin.h>

#include "../../common/draft.h"
#include "../../common/record.h"
#include "logfile.h"

enum format { FORMAT_TEXT, FORMAT_JSON };

struct config {
	const char *path;
	int64_t format;
	const char *mode;
	bool sync;
};

static const char *const formats[] = {"text", "json", NULL};

static const struct tocsin_option options[] = {
	TOCSIN_OPTION(CHOICE, struct config, format, .preset = "text", .choices = formats,
		      .help = "A block of text an alert, or one JSON object a line."),
	TOCSIN_OPTION(STRING, struct config, mode, .preset = "0640",
		      .help = "Permissions of the file when it is created here, in octal."),
	TOCSIN_OPTION(PATH, struct config, path, .required = true,
		      .example = "/var/log/tocsin/alerts.log",
		      .help = "The file. Its directory must exist; no part of the path may be a "
			      "symbolic link."),
	TOCSIN_OPTION(BOOL, struct config, sync, .preset = "true",
		      .help = "An alert counts as delivered only when it is on disk."),
};

struct file {
	struct tocsin_self *self;
	const struct tocsin_host *host;
	enum format format;
	struct logfile logfile;
};

/* Permission bits written in octal, or -1; a log is never executable or world-writable. */
static int mode_of(const char *text)
{
	char *end;
	long mode = strtol(text, &end, 8);

	if (end == text || *end || mode <= 0 || mode & ~0664L || (mode & 0600) != 0600)
		return -1;
	return (int)mode;
}

static const char *file_check(const void *config_data, char *why, size_t why_size)
{
	const struct config *config = config_data;

	(void)why;
	(void)why_size;
	if (mode_of(config->mode) < 0)
		return "'mode' is not a mode for a log file; write one such as \"0640\" or "
		       "\"0600\"";
	if (config->path[0] != '/' || config->path[strlen(config->path) - 1] == '/')
		return "'path' is not the absolute path of a file; write one such as "
		       "/var/log/tocsin/alerts.log";
	return NULL;
}

static int file_open(struct tocsin_self *self, const struct tocsin_host *host,
		     const void *config_data, void **state)
{
	const struct config *config = config_data;
	struct file *file = calloc(1, sizeof(*file));
	int rc;

	if (!file)
		return -ENOMEM;
	file->self = self;
	file->host = host;
	file->format = (enum format)config->format;
	logfile_init(&file->logfile, config->path, (mode_t)mode_of(config->mode), config->sync);
	rc = logfile_open(&file->logfile);
	if (rc != 0) {
		host->log(self, TOCSIN_LOG_ERROR, "%s", file->logfile.why);
		logfile_done(&file->logfile);
		free(file);
		return rc;
	}
	*state = file;
	return 0;
}

static void file_close(void *state)
{
	struct file *file = state;

	logfile_done(&file->logfile);
	free(file);
}

static void file_reopen(void *state)
{
	struct file *file = state;

	if (logfile_open(&file->logfile) != 0)
		file->host->log(file->self, TOCSIN_LOG_ERROR,
				"%s; the file opened before stays in use", file->logfile.why);
}

/* For the caller to free(); NULL when memory is short. */
static char *render(const struct file *file, struct tocsin_delivery *const batch[], size_t n,
		    size_t *length)
{
	struct draft draft;

	if (!draft_begin(&draft))
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (file->format == FORMAT_JSON)
			record_put_json(&draft, batch[i], NULL);
		else
			record_put_text(draft.out, batch[i], NULL, &(struct record_paint){"", ""});
	}
	return draft_end(&draft, length);
}

/* The batch is written and synced as one, so it succeeds or is tried again as one. */
static void file_deliver(void *state, struct tocsin_delivery *const batch[], size_t n)
{
	struct file *file = state;
	size_t length, i;
	char *text = render(file, batch, n, &length);
	const char *why = "out of memory";
	int rc = -ENOMEM;

	if (text) {
		rc = logfile_append(&file->logfile, text, length);
		why = rc == 0 ? "written" : file->logfile.why;
	}
	for (i = 0; i < n; i++)
		file->host->done(batch[i], rc == 0 ? TOCSIN_DELIVERED : TOCSIN_UNAVAILABLE, 0, why);
	free(text);
}

static const struct tocsin_channel_ops ops = {
	.size = sizeof(ops),
	.open = file_open,
	.deliver = file_deliver,
	.close = file_close,
	.check = file_check,
	.reopen = file_reopen,
};

TOCSIN_PLUGIN(.kind = TOCSIN_CHANNEL, .name = "file", .version = "1.0",
	      .summary = "appends alerts to a file, as text for people or as JSON lines",
	      .options = options, .option_count = TOCSIN_COUNT(options),
	      .config_size = sizeof(struct config), .channel = &ops, .blocking = true,
	      .batch = 64, );
