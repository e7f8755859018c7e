/* SPDX-License-Identifier: Apache-2.0 */
/*
 * common/program: one run of a program, for those plugins that run some. It gets nothing of the
 * daemon but what it is given, is watched until it and its process group are gone, and dies when the
 * thread that started it ends: so start and watch it on a thread that lives as long as it does.
 */
#ifndef COMMON_PROGRAM_H
#define COMMON_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#define PROGRAM_GROUPS 64
#define PROGRAM_OUTPUT 4096 /* bytes of output that are kept */

/* Resource limits; 0: as the daemon has it. */
struct program_limits {
	int64_t memory, cpu, files, processes;
};

/* Whom the program runs as; numbers, because names are looked up beforehand. */
struct program_user {
	uid_t uid;
	gid_t gid, groups[PROGRAM_GROUPS];
	int n_groups;
	char home[256];
};

/* 0, or a negative errno and why. */
int program_user_find(struct program_user *user, const char *name, char *why, size_t why_size);

/* Texts that end with NUL, one after the other, as a list that ends with NULL: one block of memory,
 * for the caller to free(); NULL when memory is short. */
char **program_strings(const char *text, size_t length);

struct program_launch {
	char *const *arguments, *const *environment;
	const char *directory;
	const struct program_user *user; /* NULL: as the daemon */
	const struct program_limits *limits;
	bool may_gain_rights;            /* by programs that are set-user-ID, such as sudo */
	mode_t mask;                     /* umask */
	int input, output;               /* its standard streams; output takes errors too */
};

/* Starts the program in a session of its own. The process, or a negative errno and what could not
 * be done. */
pid_t program_start(const struct program_launch *launch, const char **what);

/* What a program wrote: all of it, or its beginning and its end. */
struct program_output {
	char text[2 * PROGRAM_OUTPUT];
	size_t length;
	bool cut;
};

void program_output_add(struct program_output *output, const char *text, size_t length);
/* At most PROGRAM_OUTPUT bytes; once, at the end. */
void program_output_end(struct program_output *output);

struct program_run {
	int status;             /* as of waitpid */
	bool lost;              /* somebody else has taken the status */
	bool timed_out;
	bool stopped;           /* it was to end before its time */
	int64_t took_ms;
	struct rusage usage;    /* of it and of the children that it waited for, but for ru_maxrss */
	int64_t max_rss_kib;    /* -1: not known, see program_watch */
	struct program_output output;
};

struct program_watch {
	int output;             /* where it writes to, not blocking */
	int stop;               /* when this becomes readable it is to end; -1: never */
	int64_t time_limit_ms;  /* 0: none */
	int64_t kill_after_ms;  /* from SIGTERM to SIGKILL */
};

/* Watches the program until it and its process group are gone.
 *
 * The system counts the memory of the daemon as the program's own: until it executed something, it had
 * that memory. So its peak is known only when it is clearly above that of the daemon. */
void program_watch(struct program_run *run, pid_t process, const struct program_watch *watch);

#endif
