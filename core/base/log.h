/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/log: one line per event, to one file descriptor, from any thread. A line
 * is written whole, alone or with its neighbours. Control characters and invalid UTF-8 in
 * the text are escaped, so a line stays a line, and every registered secret is
 * replaced by ***.
 *
 *	2025-11-18 14:30:45.123 info    mail: sent to ops@example.com
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdarg.h>
#include <stdbool.h>

#include <tocsin/plugin.h>

#define LOG_GATHER_MS 10

struct log; /* opaque; one per program */

enum log_format { LOG_TEXT, LOG_JSON };

/* fd is borrowed. 0 or -ENOMEM. */
int log_new(struct log **log, int fd, enum log_format format, enum tocsin_level least);
/* What was gathered is written first. */
void log_free(struct log *log);
/* From now on lines below a warning may wait LOG_GATHER_MS for others that are written with them,
 * by a thread of the log's own. Without memory for one it stays as it was. */
void log_gather(struct log *log);
/* Writes what was gathered. */
void log_flush(struct log *log);
void log_set_level(struct log *log, enum tocsin_level least);
void log_set_format(struct log *log, enum log_format format);

/* Never to be printed again, by this log or log_mask, nor the parts of it that base/secrets
 * knows; copied. 0 or -ENOMEM. */
int log_secret(struct log *log, const char *secret);
/* Replaces every registered secret in text by ***, in place. */
void log_mask(struct log *log, char *text);

/* who: the instance or room that speaks ("mail", "config"), or NULL. log may be NULL: nothing
 * is written. */
void log_write(struct log *log, enum tocsin_level level, const char *who, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void log_vwrite(struct log *log, enum tocsin_level level, const char *who, const char *format,
		va_list args) __attribute__((format(printf, 4, 0)));

/* "debug", "info", "warning", "error" */
const char *log_level_name(enum tocsin_level level);

#endif
