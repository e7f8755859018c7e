/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs under way. Each has a thread that starts it, watches it and keeps its end, because a
 * program dies with the thread that started it, and a job must outlive the instance whose settings a
 * reload changes: the next instance takes it over by the id of its run. That is why there is one
 * list for the process, with a lock.
 */
#include "task.h"
#include "cron.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define STACK (512 * 1024)

struct task {
	struct task *next;
	char id[CRON_ID + 1];
	int notify, stop; /* notify -1: nobody waits for it now */
	bool ended;
	int64_t began_ms;
	struct task_end end;
	/* its thread's own */
	char **arguments, **environment;
	char *directory;
	struct program_user user;
	bool has_user;
	struct program_limits limits;
	int64_t time_limit_ms, kill_after_ms;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct task *tasks;
static int successors;

void task_successor(int more)
{
	pthread_mutex_lock(&lock);
	successors += more;
	pthread_mutex_unlock(&lock);
}

bool task_has_successor(void)
{
	bool has;

	pthread_mutex_lock(&lock);
	has = successors > 0;
	pthread_mutex_unlock(&lock);
	return has;
}

static void task_free(struct task *task)
{
	if (task->stop >= 0)
		close(task->stop);
	free(task->arguments);
	free(task->environment);
	free(task->directory);
	free(task);
}

static void ring(int fd)
{
	static const uint64_t one = 1;

	if (fd >= 0 && write(fd, &one, sizeof(one)) < 0)
		return; /* it is full: who reads it is awake */
}

static void run_program(struct task *task)
{
	struct program_launch launch = {.arguments = task->arguments,
					.environment = task->environment,
					.directory = task->directory,
					.user = task->has_user ? &task->user : NULL,
					.limits = &task->limits,
					.may_gain_rights = true,
					.mask = 022};
	struct program_watch watch = {.stop = task->stop,
				      .time_limit_ms = task->time_limit_ms,
				      .kill_after_ms = task->kill_after_ms};
	int pipe[2], null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pid_t process;

	task->end.what = "no descriptor is left for it";
	if (null < 0 || pipe2(pipe, O_CLOEXEC) != 0) {
		task->end.started = -errno;
		if (null >= 0)
			close(null);
		return;
	}
	(void)fcntl(pipe[0], F_SETFL, O_NONBLOCK);
	launch.input = null;
	launch.output = pipe[1];
	watch.output = pipe[0];
	process = program_start(&launch, &task->end.what);
	close(pipe[1]);
	close(null);
	task->end.started = process > 0 ? 0 : process;
	if (process > 0)
		program_watch(&task->end.run, process, &watch);
	close(pipe[0]);
}

static void *thread(void *data)
{
	struct task *task = data;

	run_program(task);
	pthread_mutex_lock(&lock);
	task->ended = true;
	ring(task->notify);
	pthread_mutex_unlock(&lock);
	return NULL;
}

/* The words of the command, NUL after each, as program_strings takes them. */
static char **arguments_of(const struct tocsin_strings *command)
{
	size_t length = 0, at = 0;
	char *text, **list = NULL;

	for (size_t i = 0; i < command->n; i++)
		length += strlen(command->item[i]) + 1;
	text = malloc(length + 1);
	for (size_t i = 0; text && i < command->n; i++) {
		memcpy(text + at, command->item[i], strlen(command->item[i]) + 1);
		at += strlen(command->item[i]) + 1;
	}
	if (text)
		list = program_strings(text, length);
	free(text);
	return list;
}

static struct task *task_new(const struct task_order *order, int notify)
{
	struct task *task = calloc(1, sizeof(*task));

	if (!task)
		return NULL;
	task->notify = notify;
	task->began_ms = cron_boot_ms();
	strncpy(task->id, order->id, CRON_ID);
	task->arguments = arguments_of(&order->command);
	task->environment = program_strings(order->environment, order->environment_length);
	task->directory = strdup(order->directory);
	task->limits = order->limits;
	task->time_limit_ms = order->time_limit_ms;
	task->kill_after_ms = order->kill_after_ms;
	task->has_user = order->user != NULL;
	if (order->user)
		task->user = *order->user;
	task->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (task->arguments && task->environment && task->directory && task->stop >= 0)
		return task;
	task_free(task);
	return NULL;
}

/* Nothing of the daemon's signals is for these threads. */
static int start_thread(struct task *task)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	pthread_t id;
	int rc;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&id, &attributes, thread, task);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return -rc;
}

int task_start(const struct task_order *order, int notify)
{
	struct task *task = task_new(order, notify);
	int rc;

	if (!task)
		return -ENOMEM;
	pthread_mutex_lock(&lock);
	rc = start_thread(task);
	if (rc == 0) {
		task->next = tasks;
		tasks = task;
	}
	pthread_mutex_unlock(&lock);
	if (rc != 0)
		task_free(task);
	return rc;
}

/* With the lock held. */
static struct task **find(const char *id)
{
	struct task **at = &tasks;

	while (*at && strcmp((*at)->id, id) != 0)
		at = &(*at)->next;
	return at;
}

bool task_adopt(const char *id, int notify)
{
	struct task *task;

	pthread_mutex_lock(&lock);
	task = *find(id);
	if (task) {
		task->notify = notify;
		if (task->ended)
			ring(notify);
	}
	pthread_mutex_unlock(&lock);
	return task != NULL;
}

int64_t task_began_ms(const char *id)
{
	const struct task *task;
	int64_t began_ms;

	pthread_mutex_lock(&lock);
	task = *find(id);
	began_ms = task ? task->began_ms : 0;
	pthread_mutex_unlock(&lock);
	return began_ms;
}

bool task_collect(const char *id, struct task_end *end)
{
	struct task **at, *task;

	pthread_mutex_lock(&lock);
	at = find(id);
	task = *at && (*at)->ended ? *at : NULL;
	if (task)
		*at = task->next;
	pthread_mutex_unlock(&lock);
	if (!task)
		return false;
	*end = task->end;
	task_free(task);
	return true;
}

void task_unplug(int notify)
{
	pthread_mutex_lock(&lock);
	for (struct task *task = tasks; task; task = task->next)
		if (task->notify == notify)
			task->notify = -1;
	pthread_mutex_unlock(&lock);
}

void task_stop(const char *id)
{
	struct task *task;

	pthread_mutex_lock(&lock);
	task = *find(id);
	if (task)
		ring(task->stop);
	pthread_mutex_unlock(&lock);
}

void task_leave(const char *id)
{
	struct task *task;

	pthread_mutex_lock(&lock);
	task = *find(id);
	if (task)
		task->notify = -1;
	pthread_mutex_unlock(&lock);
}
