/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of the exec channel. A delivery is one run of a program: what it gets (environment.c
 * and the document of common/document), how it is started (launch.c), watched (run.c) and what its
 * end means (verdict.c).
 */
#ifndef EXEC_EXEC_H
#define EXEC_EXEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <tocsin/plugin.h>

#define EXEC_CODES 256
#define EXEC_GROUPS 64
#define EXEC_OUTPUT 4096 /* bytes of output that are kept */

/* Which statuses mean what; the rest is `otherwise`. */
struct exec_statuses {
	struct tocsin_strings delivered, retry, unavailable, rejected;
	int64_t otherwise, killed; /* enum exec_meaning */
};

/* 0: as the daemon has it. */
struct exec_limits {
	int64_t memory, cpu, files, processes;
};

struct exec_config {
	struct tocsin_strings command;
	const char *directory;
	struct tocsin_map environment;
	struct exec_statuses status;
	int64_t time_limit, kill_after;
	struct exec_limits limits;
	const struct tocsin_template *title, *message;
	const char *user;
};

enum exec_meaning { EXEC_REJECTED, EXEC_RETRY, EXEC_UNAVAILABLE, EXEC_DELIVERED };

/* Whom the program runs as; numbers, because names are looked up when the channel opens. */
struct exec_user {
	uid_t uid;
	gid_t gid, groups[EXEC_GROUPS];
	int n_groups;
};

/* --- check.c --- */

/* As tocsin_channel_ops.check. */
const char *exec_check(const void *config, char *why, size_t why_size);
/* The status written in the text, or -1. */
int exec_status_of(const char *text);
/* 0, or a negative errno and why. */
int exec_user_find(struct exec_user *user, const char *name, char *why, size_t why_size);

/* --- environment.c --- */

/* The whole environment of one run: one block of memory, for the caller to free(); NULL when memory
 * is short. title and message: in place of the alert's own, or NULL. */
char **exec_environment(const struct exec_config *config, const struct tocsin_delivery *delivery,
			const char *title, const char *message);

/* --- launch.c --- */

struct exec_launch {
	char *const *arguments, *const *environment;
	const char *directory;
	const struct exec_user *user; /* NULL: as the daemon */
	const struct exec_limits *limits;
	int input, output;            /* its standard streams; output takes errors too */
};

/* Starts the program in a session of its own with nothing of the daemon but these. The process, or
 * a negative errno and what could not be done. */
pid_t exec_start(const struct exec_launch *launch, const char **what);

/* --- run.c --- */

/* What a program wrote: all of it, or its beginning and its end. */
struct exec_output {
	char text[2 * EXEC_OUTPUT];
	size_t length;
	bool cut;
};

struct exec_run {
	int status;             /* as of waitpid */
	bool lost;              /* somebody else has taken the status */
	bool timed_out;
	int64_t took_ms;
	struct exec_output output;
};

void exec_output_add(struct exec_output *output, const char *text, size_t length);
/* At most EXEC_OUTPUT bytes; once, at the end. */
void exec_output_end(struct exec_output *output);
/* Watches the program until it and its process group are gone. pipe: where it writes to. */
void exec_watch(struct exec_run *run, pid_t process, int pipe, int64_t time_limit_ms,
		int64_t kill_after_ms);

/* --- verdict.c --- */

/* What each status means. */
void exec_meanings(const struct exec_config *config, enum exec_meaning of[EXEC_CODES]);
void exec_judge(const struct exec_config *config, const enum exec_meaning of[EXEC_CODES],
		const struct exec_run *run, struct tocsin_verdict *verdict);

#endif
