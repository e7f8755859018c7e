/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/secrets.h"
#include "base/text.h"

#define TEXT_MAX 16384

/* Stands for a line that memory does not hold. */
static const char missing[] = "a line of this log is missing: out of memory\n";

struct log {
	int fd;
	atomic_int format;
	atomic_int least;
	/* Guards the secrets, and keeps lines apart that are longer than a pipe takes at once. */
	pthread_mutex_t mutex;
	struct secrets secrets;
};

int log_new(struct log **log, int fd, enum log_format format, enum tocsin_level least)
{
	struct log *new = calloc(1, sizeof(*new));
	int code;

	if (new == NULL)
		return -ENOMEM;
	code = pthread_mutex_init(&new->mutex, NULL);
	if (code != 0) {
		free(new);
		return -code;
	}
	new->fd = fd;
	atomic_init(&new->format, (int)format);
	atomic_init(&new->least, (int)least);
	*log = new;
	return 0;
}

void log_free(struct log *log)
{
	if (log == NULL)
		return;
	secrets_done(&log->secrets);
	pthread_mutex_destroy(&log->mutex);
	free(log);
}

void log_set_level(struct log *log, enum tocsin_level least)
{
	atomic_store(&log->least, (int)least);
}

void log_set_format(struct log *log, enum log_format format)
{
	atomic_store(&log->format, (int)format);
}

int log_secret(struct log *log, const char *secret)
{
	int code;

	if (log == NULL)
		return 0;
	pthread_mutex_lock(&log->mutex);
	code = secrets_add(&log->secrets, secret);
	pthread_mutex_unlock(&log->mutex);
	return code;
}

void log_mask(struct log *log, char *text)
{
	if (log == NULL)
		return;
	pthread_mutex_lock(&log->mutex);
	secrets_mask(&log->secrets, text);
	pthread_mutex_unlock(&log->mutex);
}

const char *log_level_name(enum tocsin_level level)
{
	static const char *const names[] = {"debug", "info", "warning", "error"};

	return names[level];
}

static void add_text_line(struct buffer *line, int64_t now_ms, enum tocsin_level level,
			  const char *who, const char *text)
{
	char time[CLOCK_TEXT];

	clock_format_local(now_ms, time);
	buffer_printf(line, "%s.%03d %-7s ", time, (int)(now_ms % 1000), log_level_name(level));
	if (who != NULL) {
		text_add_safe(line, who, false);
		buffer_puts(line, ": ");
	}
	text_add_safe(line, text, false);
	buffer_putc(line, '\n');
}

static void add_json_line(struct buffer *line, int64_t now_ms, enum tocsin_level level,
			  const char *who, const char *text)
{
	char time[CLOCK_TEXT];

	clock_format_utc(now_ms, time);
	buffer_printf(line, "{\"time\":\"%s\",\"level\":\"%s\"", time, log_level_name(level));
	if (who != NULL) {
		buffer_puts(line, ",\"who\":\"");
		text_add_json(line, who);
		buffer_putc(line, '"');
	}
	buffer_puts(line, ",\"text\":\"");
	text_add_json(line, text);
	buffer_puts(line, "\"}\n");
}

/* One write as a rule; the rest of a line only when the descriptor took a part of it. What cannot
 * be logged is lost: there is nowhere to say so. */
static void write_line(int fd, const char *data, size_t length)
{
	while (length > 0) {
		ssize_t n = write(fd, data, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		data += n;
		length -= (size_t)n;
	}
}

static void put_line(struct log *log, enum tocsin_level level, const char *who, char *text)
{
	struct buffer line = {0};
	int64_t now_ms = clock_wall_ms();

	secrets_mask(&log->secrets, text);
	/* Cut only now: half a secret would not be recognised. */
	text[text_prefix(text, strlen(text), TEXT_MAX)] = '\0';
	if (atomic_load(&log->format) == LOG_JSON)
		add_json_line(&line, now_ms, level, who, text);
	else
		add_text_line(&line, now_ms, level, who, text);
	if (line.failed)
		write_line(log->fd, missing, sizeof(missing) - 1);
	else
		write_line(log->fd, line.data, line.length);
	buffer_done(&line);
}

void log_vwrite(struct log *log, enum tocsin_level level, const char *who, const char *format,
		va_list args)
{
	struct buffer text = {0};

	if (log == NULL || (int)level < atomic_load(&log->least))
		return;
	buffer_vprintf(&text, format, args);
	pthread_mutex_lock(&log->mutex);
	if (text.failed)
		write_line(log->fd, missing, sizeof(missing) - 1);
	else
		put_line(log, level, who, text.data);
	pthread_mutex_unlock(&log->mutex);
	buffer_done(&text);
}

void log_write(struct log *log, enum tocsin_level level, const char *who, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_vwrite(log, level, who, format, args);
	va_end(args);
}
