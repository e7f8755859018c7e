/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/secrets.h"
#include "base/text.h"

#define TEXT_MAX 16384
#define GATHER_MAX 65536 /* bytes of lines that wait */
#define SMALL 512        /* most texts are, and need no memory of their own */

/* Stands for a line that memory does not hold. */
static const char missing[] = "a line of this log is missing: out of memory\n";

struct log {
	int fd;
	atomic_int format;
	atomic_int least;
	pthread_mutex_t mutex; /* guards what follows, and writing */
	struct secrets secrets;
	struct buffer lines; /* not written yet */
	int64_t second;      /* of the wall clock, and how it is written */
	char time[CLOCK_TEXT];

	pthread_t gatherer;
	pthread_cond_t changed;
	bool gathers, counting, ending; /* counting: the gatherer knows that there are lines */
};

int log_new(struct log **log, int fd, enum log_format format, enum tocsin_level least)
{
	struct log *new = calloc(1, sizeof(*new));
	int code;

	if (new == NULL)
		return -ENOMEM;
	code = pthread_mutex_init(&new->mutex, NULL);
	if (code == 0) {
		code = -clock_cond_init(&new->changed);
		if (code != 0)
			pthread_mutex_destroy(&new->mutex);
	}
	if (code != 0) {
		free(new);
		return -code;
	}
	new->fd = fd;
	new->second = INT64_MIN;
	atomic_init(&new->format, (int)format);
	atomic_init(&new->least, (int)least);
	*log = new;
	return 0;
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

/* Not with printf: a busy run writes some ten thousand lines a second. */
static void put_moment(struct buffer *line, const char *second, int ms, enum tocsin_level level)
{
	static const char *const names[] = {"debug   ", "info    ", "warning ", "error   "};
	const char fraction[] = {'.', (char)('0' + ms / 100), (char)('0' + ms / 10 % 10),
				 (char)('0' + ms % 10), ' '};

	buffer_puts(line, second);
	buffer_add(line, fraction, sizeof(fraction));
	buffer_puts(line, names[level]);
}

static void add_text_line(struct log *log, int64_t now_ms, enum tocsin_level level, const char *who,
			  const char *text)
{
	struct buffer *line = &log->lines;

	if (now_ms / 1000 != log->second) {
		log->second = now_ms / 1000;
		clock_format_local(now_ms, log->time);
	}
	put_moment(line, log->time, (int)(now_ms % 1000), level);
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

/* One write as a rule; the rest only when the descriptor took a part of it. What cannot be logged is
 * lost: there is nowhere to say so. */
static void write_all(int fd, const char *data, size_t length)
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

static void write_lines(struct log *log)
{
	if (log->lines.length > 0)
		write_all(log->fd, log->lines.data, log->lines.length);
	buffer_clear(&log->lines);
}

static void write_missing(struct log *log)
{
	write_lines(log);
	write_all(log->fd, missing, sizeof(missing) - 1);
}

static void put_line(struct log *log, enum tocsin_level level, const char *who, char *text)
{
	size_t before = log->lines.length;
	int64_t now_ms = clock_wall_ms();

	secrets_mask(&log->secrets, text);
	/* Cut only now: half a secret would not be recognised. */
	text[text_prefix(text, strlen(text), TEXT_MAX)] = '\0';
	if (atomic_load(&log->format) == LOG_JSON)
		add_json_line(&log->lines, now_ms, level, who, text);
	else
		add_text_line(log, now_ms, level, who, text);
	if (log->lines.failed) {
		log->lines.length = before;
		write_missing(log);
	} else if (!log->gathers || level >= TOCSIN_LOG_WARNING || log->lines.length > GATHER_MAX) {
		write_lines(log);
	} else if (!log->counting) {
		pthread_cond_signal(&log->changed);
	}
}

void log_vwrite(struct log *log, enum tocsin_level level, const char *who, const char *format,
		va_list args)
{
	char small[SMALL];
	struct buffer large = {0};
	va_list again;
	int length;

	if (log == NULL || (int)level < atomic_load(&log->least))
		return;
	FAULT_POINT("log.write");
	va_copy(again, args);
	length = vsnprintf(small, sizeof(small), format, again);
	va_end(again);
	if (length < 0 || (size_t)length >= sizeof(small))
		buffer_vprintf(&large, format, args);
	pthread_mutex_lock(&log->mutex);
	if (large.failed)
		write_missing(log);
	else
		put_line(log, level, who, large.data != NULL ? large.data : small);
	pthread_mutex_unlock(&log->mutex);
	buffer_done(&large);
}

void log_write(struct log *log, enum tocsin_level level, const char *who, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_vwrite(log, level, who, format, args);
	va_end(args);
}

/* --- gathering --- */

static void *gatherer(void *data)
{
	struct log *log = data;

	pthread_mutex_lock(&log->mutex);
	while (!log->ending) {
		int64_t until = clock_boot_ms() + LOG_GATHER_MS;

		log->counting = log->lines.length > 0;
		if (!log->counting) {
			pthread_cond_wait(&log->changed, &log->mutex);
			continue;
		}
		while (!log->ending && clock_boot_ms() < until)
			clock_cond_wait(&log->changed, &log->mutex, until);
		write_lines(log);
	}
	pthread_mutex_unlock(&log->mutex);
	return NULL;
}

void log_gather(struct log *log)
{
	pthread_mutex_lock(&log->mutex);
	if (!log->gathers)
		log->gathers = pthread_create(&log->gatherer, NULL, gatherer, log) == 0;
	pthread_mutex_unlock(&log->mutex);
}

void log_flush(struct log *log)
{
	if (log == NULL)
		return;
	pthread_mutex_lock(&log->mutex);
	write_lines(log);
	pthread_mutex_unlock(&log->mutex);
}

static void stop_gathering(struct log *log)
{
	pthread_mutex_lock(&log->mutex);
	log->ending = true;
	pthread_cond_signal(&log->changed);
	pthread_mutex_unlock(&log->mutex);
	pthread_join(log->gatherer, NULL);
}

void log_free(struct log *log)
{
	if (log == NULL)
		return;
	if (log->gathers)
		stop_gathering(log);
	write_lines(log);
	buffer_done(&log->lines);
	secrets_done(&log->secrets);
	pthread_cond_destroy(&log->changed);
	pthread_mutex_destroy(&log->mutex);
	free(log);
}
