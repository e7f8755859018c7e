/* SPDX-License-Identifier: Apache-2.0 */
/* Runs whose program tocsin itself starts. */
#include "cron.h"
#include "task.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../common/draft.h"
#include "../../common/instant.h"

#define STOP_GRACE_MS 5000

int duty_run(struct cron *cron, struct job *job, const struct start *start, char id[CRON_ID + 1])
{
	int64_t now = cron_wall_ms();
	struct run **starting =
		realloc(cron->starting, (cron->n_starting + 1) * sizeof(struct run *));
	struct run *run = starting ? calloc(1, sizeof(*run)) : NULL;
	int rc;

	if (starting)
		cron->starting = starting;
	if (!run)
		return -ENOMEM;
	run_new_id(id);
	run_init(run, id, start->cause, now);
	run->due_ms = start->due_ms;
	run->again = start->again;
	run->own = true;
	job->left_out_ms = 0;
	rc = book_begin(cron, job, run, now);
	if (rc == 0)
		cron->starting[cron->n_starting++] = run;
	return rc;
}

/* --- what a program gets --- */

static void put(FILE *out, const char *name, const char *value)
{
	fprintf(out, "%s=%s", name, value ? value : "");
	fputc('\0', out);
}

static bool is_configured(const struct tocsin_map *map, const char *name)
{
	for (size_t i = 0; i < map->n; i++)
		if (strcmp(map->pair[i].name, name) == 0)
			return true;
	return false;
}

static void put_base(FILE *out, const struct job *job)
{
	const struct job_config *config = job->config;
	const struct tocsin_pair base[] = {
		{"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
		{"LANG", "C.UTF-8"},
		{"SHELL", "/bin/sh"},
		{"HOME", config->user ? job->account->home : getenv("HOME")},
		{"LOGNAME", config->user},
		{"USER", config->user},
	};

	for (size_t i = 0; i < TOCSIN_COUNT(base); i++)
		if (base[i].value && !is_configured(&config->environment, base[i].name))
			put(out, base[i].name, base[i].value);
	for (size_t i = 0; i < config->environment.n; i++)
		put(out, config->environment.pair[i].name, config->environment.pair[i].value);
}

static char *environment_of(const struct job *job, const struct run *run, size_t *length)
{
	char due[INSTANT_SIZE];
	struct draft draft;

	if (!draft_begin(&draft))
		return NULL;
	put_base(draft.out, job);
	put(draft.out, "TOCSIN_JOB", job->name);
	put(draft.out, "TOCSIN_RUN", run->id);
	put(draft.out, "TOCSIN_TRIGGER", run->cause == CAUSE_MANUAL ? "manual" : "schedule");
	put(draft.out, "TOCSIN_DUE", run->due_ms > 0 ? instant_text(run->due_ms, due) : "");
	return draft_end(&draft, length);
}

static int launch(struct cron *cron, const struct job *job, const struct run *run)
{
	struct task_order order = {.id = run->id,
				   .command = job->config->command,
				   .directory = job->config->directory,
				   .user = job->config->user ? job->account : NULL,
				   .limits = job->config->limits,
				   .time_limit_ms = job->config->time_limit,
				   .kill_after_ms = job->config->kill_after};
	char *environment = environment_of(job, run, &order.environment_length);
	int rc = -ENOMEM;

	order.environment = environment;
	if (environment)
		rc = task_start(&order, cron->notify);
	free(environment);
	return rc;
}

static struct job *job_of(struct cron *cron, const struct run *run)
{
	for (size_t i = 0; i < cron->n_jobs; i++)
		for (size_t k = 0; k < cron->job[i]->n_running; k++)
			if (cron->job[i]->running[k] == run)
				return cron->job[i];
	return NULL;
}

int duty_start(struct cron *cron)
{
	size_t n = cron->n_starting;
	int rc = 0;

	cron->n_starting = 0;
	for (size_t i = 0; i < n; i++) {
		struct run *run = cron->starting[i];
		struct job *job = job_of(cron, run);
		int started = job ? launch(cron, job, run) : 0;

		run_time(run, 0);
		if (started == 0)
			continue;
		run->duration_ms = 0;
		run_end(run, RUN_FAILED, cron_wall_ms());
		if (!run_text(&run->error, strerror(-started)))
			rc = -ENOMEM;
		else if (rc == 0)
			rc = book_end(cron, job, run, cron_wall_ms());
	}
	return rc;
}

/* --- how it ended --- */

static int64_t ms_of(const struct timeval *time)
{
	return (int64_t)time->tv_sec * 1000 + time->tv_usec / 1000;
}

static int say(struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int say(struct run *run, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return run_text(&run->error, text) ? 0 : -ENOMEM;
}

static int set_status(struct run *run, const struct job *job, const struct task_end *end)
{
	int status = end->run.status;

	if (end->started != 0)
		return say(run, "%s: %s", end->what, strerror(-end->started));
	if (end->run.lost)
		return say(run, "nobody knows how it ended: its status was taken by somebody else");
	if (WIFEXITED(status))
		run->exit = WEXITSTATUS(status);
	else if (WIFSIGNALED(status))
		snprintf(run->signal, sizeof(run->signal), "SIG%s",
			 sigabbrev_np(WTERMSIG(status)) ? sigabbrev_np(WTERMSIG(status)) : "?");
	if (end->run.timed_out)
		return say(run, "it did not end within its time limit of %lld s and was ended",
			   (long long)(job->config ? job->config->time_limit / 1000 : 0));
	if (end->run.stopped && run->exit != 0)
		return say(run, "it was ended because tocsin stopped");
	return 0;
}

static int take_end(struct cron *cron, struct job *job, struct run *run, struct task_end *end)
{
	int64_t now = cron_wall_ms();
	struct program_output *output = &end->run.output;
	bool good;

	if (set_status(run, job, end) != 0)
		return -ENOMEM;
	for (size_t i = 0; i < output->length; i++)
		if (output->text[i] == '\0')
			output->text[i] = ' ';
	output->text[output->length < PROGRAM_OUTPUT ? output->length : PROGRAM_OUTPUT] = '\0';
	if (cron->host->mask)
		cron->host->mask(cron->self, output->text);
	if (!run_text(&run->output, output->text))
		return -ENOMEM;
	(void)results_find(&run->results, run->output);
	run->has_usage = end->started == 0 && !end->run.lost;
	run->user_ms = ms_of(&end->run.usage.ru_utime);
	run->system_ms = ms_of(&end->run.usage.ru_stime);
	run->max_rss_kib = end->run.max_rss_kib;
	/* by the clock that nobody sets */
	run->duration_ms = end->run.took_ms;
	good = run->exit == 0 && !run->error;
	run_end(run, good ? RUN_COMPLETED : RUN_FAILED, now);
	return book_end(cron, job, run, now);
}

int duty_collect(struct cron *cron)
{
	struct task_end *end = malloc(sizeof(*end));
	uint64_t count;
	int rc = end ? 0 : -ENOMEM;

	if (read(cron->notify, &count, sizeof(count)) < 0)
		count = 0; /* nothing has rung */
	for (size_t i = 0; rc == 0 && i < cron->n_jobs; i++) {
		struct job *job = cron->job[i];

		for (size_t k = job->n_running; rc == 0 && k-- > 0;)
			if (job->running[k]->own && task_collect(job->running[k]->id, end))
				rc = take_end(cron, job, job->running[k], end);
	}
	free(end);
	return rc;
}

bool duty_idle(const struct cron *cron)
{
	for (size_t i = 0; i < cron->n_jobs; i++) {
		if (cron->job[i]->queued_ms > 0)
			return false;
		for (size_t k = 0; k < cron->job[i]->n_running; k++)
			if (cron->job[i]->running[k]->own)
				return false;
	}
	return true;
}

/* --- earlier and later lives --- */

/* The run of a process that is gone; in its place another one, once. */
static int lose(struct cron *cron, struct job *job, struct run *run)
{
	bool again = job_has_command(job) && !job->paused && run->cause == CAUSE_SCHEDULE &&
		     !run->again && job->config->catch_up != CATCH_UP_NONE;
	struct start start = {CAUSE_SCHEDULE, run->due_ms, true};
	int64_t now = cron_wall_ms();
	int left = leftover_kill(run->id), rc;
	char id[CRON_ID + 1];

	if (left > 0)
		cron->host->log(cron->self, TOCSIN_LOG_WARNING,
				"job %s: killed %d processes that run %s had left behind",
				job->name, left, run->id);
	run_end(run, RUN_LOST, now);
	run->duration_ms = -1;
	rc = say(run, "tocsin ended while it ran%s", again ? "; it is run again" : "");
	if (rc == 0)
		rc = book_end(cron, job, run, now);
	return rc || !again ? rc : duty_run(cron, job, &start, id);
}

int duty_resume(struct cron *cron)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < cron->n_jobs; i++) {
		struct job *job = cron->job[i];

		for (size_t k = job->n_running; rc == 0 && k-- > 0;) {
			struct run *run = job->running[k];

			if (run->own && !task_adopt(run->id, cron->notify))
				rc = lose(cron, job, run);
			else if (run->own)
				run_time(run, cron_boot_ms() - task_began_ms(run->id));
		}
	}
	return rc;
}

static void each_own(struct cron *cron, void (*fn)(const char *id))
{
	for (size_t i = 0; i < cron->n_jobs; i++)
		for (size_t k = 0; k < cron->job[i]->n_running; k++)
			if (cron->job[i]->running[k]->own)
				fn(cron->job[i]->running[k]->id);
}

static int64_t longest_kill_after(const struct cron *cron)
{
	int64_t most = 0;

	for (size_t i = 0; i < cron->n_jobs; i++)
		if (cron->job[i]->config && cron->job[i]->config->kill_after > most)
			most = cron->job[i]->config->kill_after;
	return most;
}

/* Did it do what it had to, although it was told to end? */
static bool ended_well(const struct task_end *end)
{
	return !end->run.lost && WIFEXITED(end->run.status) && WEXITSTATUS(end->run.status) == 0;
}

/* One whose program was ended is left as it is: to the next daemon it is lost. One that had ended
 * before, or ends well, is as any other. *more: another one has yet to end. 0 or -ENOMEM. */
static int collect_last(struct cron *cron, struct job *job, struct task_end *end, bool *more)
{
	int rc = 0;

	for (size_t i = job->n_running; rc == 0 && i-- > 0;) {
		struct run *run = job->running[i];

		if (!run->own)
			continue;
		if (!task_collect(run->id, end))
			*more |= task_adopt(run->id, cron->notify);
		else if (!end->run.stopped || ended_well(end))
			rc = take_end(cron, job, run, end);
	}
	return rc;
}

/* As far as a source that is to stop may say something still. */
static void flush_last(struct cron *cron, int rc)
{
	if (rc == 0)
		rc = book_flush(cron);
	if (rc != 0)
		cron->host->log(cron->self, TOCSIN_LOG_WARNING,
				"what happened last cannot be recorded (%s): programs that have "
				"ended count as lost at the next start",
				strerror(-rc));
}

/* Until all have ended, or the time is over. */
static void await_ends(struct cron *cron, struct task_end *end, bool told)
{
	struct pollfd bell = {.fd = cron->notify, .events = POLLIN};
	int64_t wait = longest_kill_after(cron) + STOP_GRACE_MS;
	bool more = true;
	uint64_t count;

	while (more) {
		int rc = 0;

		more = false;
		for (size_t i = 0; rc == 0 && i < cron->n_jobs; i++)
			rc = collect_last(cron, cron->job[i], end, &more);
		if (told && (rc != 0 || cron->dirty))
			flush_last(cron, rc);
		if (rc != 0 || (more && poll(&bell, 1, (int)wait) <= 0))
			break;
		if (read(cron->notify, &count, sizeof(count)) < 0)
			count = 0; /* it has rung already */
	}
}

/* A start that nobody committed has not taken place: its time is still to come, for the next life. */
static void withdraw(struct cron *cron, struct job *job, struct run *run)
{
	char *name = run_value_name(job, run->started_ms, run->id);

	if (run->cause == CAUSE_SCHEDULE && job->plan.previous_ms == run->due_ms)
		job->plan = (struct plan){.due_ms = run->due_ms};
	else if (run->cause == CAUSE_SCHEDULE && job->queued_ms == 0)
		job->queued_ms = run->due_ms;
	job->changed = true;
	if (!name || cron->host->keep(cron->self, name, NULL) != 0)
		cron->broken = true;
	free(name);
	job_drop_entry(job, job_entry(job, run->id));
	job_drop_running(job, run);
}

static void withdraw_starts(struct cron *cron)
{
	for (size_t i = 0; i < cron->n_starting; i++) {
		struct job *job = job_of(cron, cron->starting[i]);

		if (job)
			withdraw(cron, job, cron->starting[i]);
	}
	cron->n_starting = 0;
}

void duty_stop(struct cron *cron, bool told, bool runs_again)
{
	struct task_end *end = malloc(sizeof(*end));

	told = told && cron->loaded && !cron->broken;
	withdraw_starts(cron);
	if (told)
		flush_last(cron, cron->broken ? -ENOMEM : duty_collect(cron));
	if (end && !runs_again && !task_has_successor()) {
		each_own(cron, task_stop);
		await_ends(cron, end, told && !cron->broken);
	}
	each_own(cron, task_leave);
	free(end);
}
