/* SPDX-License-Identifier: Apache-2.0 */
/* Programs under way in this process, which outlive a reload. Any thread. */
#ifndef CRON_TASK_H
#define CRON_TASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tocsin/plugin.h>

#include "../../common/program.h"

struct task_order {
	const char *id;
	struct tocsin_strings command;
	const char *environment; /* NAME=value, NUL after each */
	size_t environment_length;
	const char *directory;
	const struct program_user *user;
	struct program_limits limits;
	int64_t time_limit_ms, kill_after_ms;
};
struct task_end {
	int started;           /* 0, or why it could not be, and what */
	const char *what;
	struct program_run run;
};
/* notify: an eventfd, written to when it has ended. 0 or a negative errno. */
int task_start(const struct task_order *order, int notify);
/* Is there one of that id? From now on it tells this one. */
bool task_adopt(const char *id, int notify);
/* When it was started, in boot time; 0: there is none. */
int64_t task_began_ms(const char *id);
/* What became of it, once, when it has ended. */
bool task_collect(const char *id, struct task_end *end);
void task_stop(const char *id);
/* Nobody waits for it any more. */
void task_leave(const char *id);
/* The eventfd is about to be closed: none of them writes to it any more. */
void task_unplug(int notify);
/* Instances that were opened and do not run yet: those that take over. */
void task_successor(int more);
bool task_has_successor(void);

#endif
