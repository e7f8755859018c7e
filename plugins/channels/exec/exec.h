/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of the exec channel. A delivery is one run of a program: what it gets (environment.c
 * and the document of common/document), how it is started and watched
 * (common/program) and what its end means (verdict.c).
 */
#ifndef EXEC_EXEC_H
#define EXEC_EXEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tocsin/plugin.h>

#include "../../common/program.h"

#define EXEC_CODES 256

/* Which statuses mean what; the rest is `otherwise`. */
struct exec_statuses {
	struct tocsin_strings delivered, retry, unavailable, rejected;
	int64_t otherwise, killed; /* enum exec_meaning */
};

struct exec_config {
	struct tocsin_strings command;
	const char *directory;
	struct tocsin_map environment;
	struct exec_statuses status;
	int64_t time_limit, kill_after;
	struct program_limits limits;
	const struct tocsin_template *title, *message;
	const char *user;
};

enum exec_meaning { EXEC_REJECTED, EXEC_RETRY, EXEC_UNAVAILABLE, EXEC_DELIVERED };

/* --- check.c --- */

/* As tocsin_channel_ops.check. */
const char *exec_check(const void *config, char *why, size_t why_size);
/* The status written in the text, or -1. */
int exec_status_of(const char *text);

/* --- environment.c --- */

/* The whole environment of one run: one block of memory, for the caller to free(); NULL when memory
 * is short. title and message: in place of the alert's own, or NULL. */
char **exec_environment(const struct exec_config *config, const struct tocsin_delivery *delivery,
			const char *title, const char *message);

/* --- verdict.c --- */

/* What each status means. */
void exec_meanings(const struct exec_config *config, enum exec_meaning of[EXEC_CODES]);
void exec_judge(const struct exec_config *config, const enum exec_meaning of[EXEC_CODES],
		const struct program_run *run, struct tocsin_verdict *verdict);

#endif
