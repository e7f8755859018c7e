/* SPDX-License-Identifier: Apache-2.0 */
/* Appends alerts to files, for people (alerts.log) or for programs (JSON lines). */
#include "file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../common/draft.h"
#include "../../common/notice.h"
#include "../../common/record.h"
#include "shelf.h"

#define BATCH 64
#define DAY_MS INT64_C(86400000)

static const char *const formats[] = {"text", "json", NULL};

static const struct tocsin_option rotate_options[] = {
	TOCSIN_OPTION(
		DURATION, struct file_rotate, every, .min = 60000, .max = 366 * DAY_MS,
		.example = "1d",
		.help = "A file is for so long. Periods begin at full multiples, counted from "
			"a Monday, 0:00 local time: 1d is from midnight to midnight."),
	TOCSIN_OPTION(INT, struct file_rotate, keep, .preset = "7", .min = 1, .max = 1000,
		      .help = "Old files that are kept: FILE.1 is the last one."),
	TOCSIN_OPTION(SIZE, struct file_rotate, size, .min = 1024, .max = INT64_C(1) << 50,
		      .example = "100MiB",
		      .help = "A file gets no larger, unless one write alone is."),
};

static const struct tocsin_option options[] = {
	TOCSIN_OPTION(CHOICE, struct file_config, format, .preset = "text", .choices = formats,
		      .help = "A block of text an alert, or one JSON object a line."),
	TOCSIN_OPTION(TEMPLATE, struct file_config, message, .text = true,
		      .example = "\"{{ .annotations.description }}\"",
		      .help = "The message of a record. Default: the annotation description or "
			      "message, else the title."),
	TOCSIN_OPTION(STRING, struct file_config, mode, .preset = "0640",
		      .help = "Permissions of a file when it is created here, in octal."),
	TOCSIN_OPTION(INT, struct file_config, most_files, .preset = "1000", .min = 1,
		      .max = 1000000,
		      .help = "With per_label: the most files. Further values share _other.log."),
	TOCSIN_OPTION(PATH, struct file_config, path, .required = true,
		      .example = "/var/log/tocsin/alerts.log",
		      .help = "The file. Its directory must exist; no part of the path may be a "
			      "symbolic link. With per_label: the directory."),
	TOCSIN_OPTION(STRING, struct file_config, per_label, .example = "site",
		      .help = "A label: each of its values gets a file VALUE.log in the directory "
			      "`path`."),
	TOCSIN_OPTION_SECTION(struct file_config, rotate, rotate_options,
			      .help = "When a file begins anew. Without it, never: another program "
				      "may rotate."),
	TOCSIN_OPTION(BOOL, struct file_config, sync, .preset = "true",
		      .help = "An alert counts as delivered only when it is on disk."),
	TOCSIN_OPTION(TEMPLATE, struct file_config, title, .text = true,
		      .example = "\"{{ .labels.site }}: {{ .title }}\"",
		      .help = "The heading of a text record. Default: the annotation summary, else "
			      "the alertname."),
};

struct file {
	struct tocsin_self *self;
	const struct tocsin_host *host;
	const struct file_config *config;
	struct logfile logfile; /* or, with per_label, */
	struct shelf shelf;
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
	const struct file_config *config = config_data;

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

static int open_files(struct file *file)
{
	const struct file_config *config = file->config;
	const struct file_rotate *rotate = &config->rotate;
	const struct logfile_settings settings = {
		.mode = (mode_t)mode_of(config->mode),
		.sync = config->sync,
		.rotation = {rotate->size, rotate->every, rotate->keep},
	};
	int rc;

	if (config->per_label) {
		shelf_init(&file->shelf, config->path, &settings, config->most_files);
		rc = shelf_open(&file->shelf);
	} else {
		logfile_init(&file->logfile, config->path, &settings);
		rc = logfile_open(&file->logfile);
	}
	if (rc != 0)
		file->host->log(file->self, TOCSIN_LOG_ERROR, "%s",
				config->per_label ? file->shelf.why : file->logfile.why);
	return rc;
}

static void file_close(void *state)
{
	struct file *file = state;

	if (file->config->per_label)
		shelf_done(&file->shelf);
	else
		logfile_done(&file->logfile);
	free(file);
}

static int file_open(struct tocsin_self *self, const struct tocsin_host *host,
		     const void *config_data, void **state)
{
	struct file *file = calloc(1, sizeof(*file));
	int rc;

	if (!file)
		return -ENOMEM;
	file->self = self;
	file->host = host;
	file->config = config_data;
	rc = open_files(file);
	if (rc != 0)
		file_close(file);
	else
		*state = file;
	return rc;
}

static void file_reopen(void *state)
{
	struct file *file = state;

	if (file->config->per_label && shelf_open(&file->shelf) != 0)
		file->host->log(file->self, TOCSIN_LOG_ERROR, "%s", file->shelf.why);
	if (!file->config->per_label && logfile_open(&file->logfile) != 0)
		file->host->log(file->self, TOCSIN_LOG_ERROR,
				"%s; the file opened before stays in use", file->logfile.why);
}

static void put_record(struct draft *draft, const struct tocsin_host *host,
		       const struct file_config *config, struct tocsin_delivery *delivery)
{
	const struct record_words words = {host->text(delivery, config->title),
					   host->text(delivery, config->message)};

	if (config->format == FILE_JSON)
		record_put_json(draft, delivery, &words);
	else
		record_put_text(draft->out, delivery, &words, &(struct record_paint){"", ""});
}

/* For the caller to free(); NULL when memory is short. */
static char *render(const struct file *file, struct tocsin_delivery *const batch[], size_t n,
		    size_t *length)
{
	struct draft draft;

	if (!draft_begin(&draft))
		return NULL;
	for (size_t i = 0; i < n; i++)
		put_record(&draft, file->host, file->config, batch[i]);
	return draft_end(&draft, length);
}

/* A place that is unsafe for one value of the label says nothing of the others. */
static enum tocsin_outcome outcome_of(const struct file *file, int rc)
{
	if (rc == 0)
		return TOCSIN_DELIVERED;
	if (file->config->per_label && rc != -ENOSPC && rc != -EDQUOT && rc != -EIO && rc != -EROFS)
		return TOCSIN_RETRY;
	return TOCSIN_UNAVAILABLE;
}

/* The batch is written and synced as one, so it succeeds or is tried again as one. */
static void append(struct file *file, struct logfile *logfile,
		   struct tocsin_delivery *const batch[], size_t n)
{
	size_t length, i;
	char *text = logfile ? render(file, batch, n, &length) : NULL;
	const char *why = logfile ? "out of memory" : file->shelf.why;
	int rc = -ENOMEM;

	if (text) {
		rc = logfile_append(logfile, text, length);
		why = rc == 0 ? "written" : logfile->why;
		if (*logfile->warning)
			file->host->log(file->self, TOCSIN_LOG_WARNING, "%s", logfile->warning);
		logfile->warning[0] = '\0';
	}
	for (i = 0; i < n; i++)
		file->host->done(batch[i], outcome_of(file, rc), 0, why);
	free(text);
}

/* Those that belong to the same file are written together, in their order. */
static void deliver_by_label(struct file *file, struct tocsin_delivery *const batch[], size_t n)
{
	struct tocsin_delivery *same[BATCH];
	char name[BATCH][SHELF_NAME];

	for (size_t i = 0; i < n; i++) {
		const char *value = notice_value(&batch[i]->alert->labels, file->config->per_label);

		shelf_name(value ? value : "", name[i]);
	}
	for (size_t i = 0; i < n; i++) {
		size_t n_same = 0;

		if (!*name[i])
			continue; /* written already */
		same[n_same++] = batch[i];
		for (size_t k = i + 1; k < n; k++) {
			if (strcmp(name[k], name[i]) != 0)
				continue;
			same[n_same++] = batch[k];
			name[k][0] = '\0';
		}
		append(file, shelf_find(&file->shelf, name[i]), same, n_same);
	}
}

static void file_deliver(void *state, struct tocsin_delivery *const batch[], size_t n)
{
	struct file *file = state;

	if (file->config->per_label)
		deliver_by_label(file, batch, n);
	else
		append(file, &file->logfile, batch, n);
}

static char *file_preview(const struct tocsin_host *host, const void *config,
			  struct tocsin_delivery *delivery)
{
	struct draft draft;

	if (!draft_begin(&draft))
		return NULL;
	put_record(&draft, host, config, delivery);
	return draft_end(&draft, NULL);
}

static const struct tocsin_channel_ops ops = {
	.size = sizeof(ops),
	.open = file_open,
	.deliver = file_deliver,
	.close = file_close,
	.check = file_check,
	.reopen = file_reopen,
	.preview = file_preview,
};

TOCSIN_PLUGIN(.kind = TOCSIN_CHANNEL, .name = "file", .version = "1.1",
	      .summary = "appends alerts to files, as text for people or as JSON lines",
	      .options = options, .option_count = TOCSIN_COUNT(options),
	      .config_size = sizeof(struct file_config), .channel = &ops, .blocking = true,
	      .batch = BATCH, .supports = TOCSIN_SUPPORTS_LINKS | TOCSIN_SUPPORTS_IDEMPOTENCY, );
