/* SPDX-License-Identifier: Apache-2.0 */
/* What the time asks for: jobs that are due, missed, late, or never heard of again. */
#include "cron.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static size_t count_own(const struct cron *cron)
{
	size_t n = 0;

	for (size_t i = 0; i < cron->n_jobs; i++)
		for (size_t k = 0; k < cron->job[i]->n_running; k++)
			n += cron->job[i]->running[k]->own;
	return n;
}

static bool is_busy(const struct job *job)
{
	return job_own_run(job) && job->config->overlap != OVERLAP_ALLOW;
}

/* --- starts that did not take place --- */

static int book_missed(struct cron *cron, struct job *job, int64_t due_ms, int64_t now_ms,
		       const char *why)
{
	struct run *run = calloc(1, sizeof(*run));
	char id[CRON_ID + 1];

	if (!run)
		return -ENOMEM;
	run_new_id(id);
	run_init(run, id, CAUSE_SCHEDULE, due_ms);
	run->due_ms = due_ms;
	run_end(run, RUN_MISSED, now_ms);
	run->duration_ms = -1;
	if (!run_text(&run->error, why)) {
		free(run);
		return -ENOMEM;
	}
	return book_whole(cron, job, run, now_ms);
}

static int miss(struct cron *cron, struct job *job, const struct plan_step *step, int64_t now_ms)
{
	char why[160], time[TOCSIN_LOCAL_TIME];
	int rc;

	job_local(job, step->due_ms, time);
	if (step->missed > 1)
		snprintf(why, sizeof(why), "it did not start, %s%lld times since %s",
			 step->missed >= PLAN_CATCH_UP ? "at least " : "", (long long)step->missed,
			 time);
	else
		snprintf(why, sizeof(why), "it did not start at %s", time);
	rc = book_missed(cron, job, step->due_ms, now_ms, why);
	return rc ? rc : book_state(cron, job, PROBLEM_MISSED, true, NULL, now_ms);
}

static int skip(struct cron *cron, struct job *job, int64_t due_ms, int64_t now_ms)
{
	const char *id = job_own_run(job)->id;
	struct run over;
	char why[200];
	int rc;

	snprintf(why, sizeof(why), "it was left out: the run before it, %s, still goes on", id);
	/* told of once; the state holds until a run is well */
	if (job->left_out_ms == 0 && job->since_ms[PROBLEM_MISSED] == 0)
		job->left_out_ms = due_ms;
	rc = book_missed(cron, job, due_ms, now_ms, why);
	if (rc || !job->triggers.overlapped)
		return rc;
	run_init(&over, id, CAUSE_SCHEDULE, due_ms);
	over.error = why;
	return book_problem(cron, job, &over, PROBLEM_OVERLAPPED, now_ms);
}

/* --- starts --- */

static int start_or_wait(struct cron *cron, struct job *job, int64_t due_ms, int64_t now_ms)
{
	struct start start = {CAUSE_SCHEDULE, due_ms, false};
	char id[CRON_ID + 1];

	if (is_busy(job) && job->config->overlap == OVERLAP_SKIP)
		return skip(cron, job, due_ms, now_ms);
	if (is_busy(job) || count_own(cron) >= (size_t)cron->config->at_once) {
		/* one start waits, whatever else becomes due meanwhile */
		if (job->queued_ms == 0)
			job->queued_ms = due_ms;
		job->changed = true;
		return 0;
	}
	return duty_run(cron, job, &start, id);
}

static int start_queued(struct cron *cron, struct job *job)
{
	struct start start = {CAUSE_SCHEDULE, job->queued_ms, false};
	char id[CRON_ID + 1];

	if (job->queued_ms == 0 || is_busy(job) || count_own(cron) >= (size_t)cron->config->at_once)
		return 0;
	job->queued_ms = 0;
	job->changed = true;
	return duty_run(cron, job, &start, id);
}

static uint64_t seed_of(const char *name)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
	return hash;
}

struct plan_rules job_rules(const struct job *job)
{
	return (struct plan_rules){
		.catch_up = (enum catch_up)job->config->catch_up,
		.jitter_ms = job->config->jitter,
		.grace_ms = job->config->grace,
		.seed = seed_of(job->name),
		.own = job_has_command(job),
		.busy = job_own_run(job) || job->queued_ms > 0,
	};
}

static int look_at_schedule(struct cron *cron, struct job *job, int64_t now_ms, int64_t *wake_ms)
{
	struct plan_schedule schedule = job_schedule(job);
	struct plan before = job->plan;
	int rc = start_queued(cron, job);

	while (rc == 0) {
		struct plan_rules rules = job_rules(job);
		struct plan_step step = plan_step(&job->plan, &schedule, &rules, now_ms);

		if (step.action == PLAN_WAIT) {
			*wake_ms = sooner(*wake_ms, step.wake_ms);
			break;
		}
		if (step.action == PLAN_MISS)
			rc = miss(cron, job, &step, now_ms);
		else
			rc = start_or_wait(cron, job, step.due_ms, now_ms);
	}
	job->changed |= memcmp(&before, &job->plan, sizeof(before)) != 0;
	return rc;
}

/* Left out, waiting for the run before, or one of many that are made up for. */
int64_t job_overdue_ms(const struct job *job, int64_t now_ms)
{
	struct plan_rules rules;
	int64_t at;

	if (job->queued_ms > 0 || job->left_out_ms > 0)
		return job->queued_ms > 0 ? job->queued_ms : job->left_out_ms;
	if (!job_is_scheduled(job) || !job_has_command(job) || job->paused ||
	    job->plan.due_ms == 0 || job->plan.due_ms > now_ms)
		return 0;
	rules = job_rules(job);
	at = plan_jittered(&rules, job->plan.due_ms);
	return at <= now_ms ? at : 0;
}

/* An own start that did not come about within its grace. */
static int look_for_delay(struct cron *cron, struct job *job, int64_t now_ms, int64_t *wake_ms)
{
	int64_t boot = cron_boot_ms(), left;
	int rc;

	if (job_overdue_ms(job, now_ms) == 0 || job->config->grace <= 0 ||
	    job->since_ms[PROBLEM_MISSED] > 0) {
		job->overdue_boot_ms = 0;
		return 0;
	}
	if (job->overdue_boot_ms == 0)
		job->overdue_boot_ms = boot;
	left = job->overdue_boot_ms + job->config->grace - boot;
	if (left >= 0) {
		*wake_ms = sooner(*wake_ms, now_ms + left + 1);
		return 0;
	}
	rc = book_state(cron, job, PROBLEM_MISSED, true, NULL, now_ms);
	job->left_out_ms = 0;
	return rc;
}

/* --- a clock that is set --- */

/* Starts that somebody else was to make, or their grace, in hours that never were. */
static bool is_leapt_over(const struct job *job, int64_t leap_ms, int64_t now_ms)
{
	int64_t due = job->plan.due_ms, until = due + job->config->grace;

	return due != PLAN_NEVER && until > now_ms - leap_ms && due <= now_ms &&
	       (due > now_ms - leap_ms || until <= now_ms);
}

/* Neither waited for nor made up for; what is made up for, plan.c does. */
static void look_for_leap(struct cron *cron)
{
	int64_t now = cron_wall_ms(), ahead = now - cron_boot_ms();
	int64_t leap = cron->has_looked ? ahead - cron->ahead_ms : 0;

	cron->has_looked = true;
	cron->ahead_ms = ahead;
	for (size_t i = 0; leap > CRON_SET_MS && i < cron->n_jobs; i++) {
		struct job *job = cron->job[i];

		if (!job_is_scheduled(job) || job->plan.due_ms == 0 ||
		    (job_has_command(job) && job->config->catch_up != CATCH_UP_NONE) ||
		    !is_leapt_over(job, leap, now))
			continue;
		job->plan = (struct plan){0};
		job->changed = true;
	}
}

/* --- runs that go on --- */

/* At which age it is next looked at: too long, and then, unless it is an own one, lost. */
static int64_t next_age(const struct run *run, int64_t age, int64_t most)
{
	if (age <= most)
		return most;
	return run->own ? INT64_MAX : 2 * most;
}

/* A run of somebody else that is twice as old as it may be: nobody will tell its end. */
static int look_at_runs(struct cron *cron, struct job *job, int64_t now_ms, int64_t *wake_ms)
{
	int64_t most = job->config ? job->config->max_run : 0;
	int rc = 0;

	for (size_t i = job->n_running; rc == 0 && most > 0 && i-- > 0;) {
		struct run *run = job->running[i];
		int64_t age = run_age_ms(run);

		if (age > most)
			rc = book_state(cron, job, PROBLEM_TOO_LONG, true, run, now_ms);
		if (rc == 0 && age > 2 * most && !run->own)
			rc = book_lost(cron, job, run, now_ms);
		else if (next_age(run, age, most) < INT64_MAX)
			*wake_ms = sooner(*wake_ms, now_ms + next_age(run, age, most) - age + 1);
	}
	return rc;
}

int job_expect_no_more(struct cron *cron, struct job *job, int64_t now_ms)
{
	if (job->since_ms[PROBLEM_MISSED] == 0)
		return 0;
	(void)run_text(&job->reason, NULL);
	return book_state(cron, job, PROBLEM_MISSED, false, NULL, now_ms);
}

int64_t duty_look(struct cron *cron, int64_t now_ms, int *rc)
{
	int64_t settling_ms = cron->judge_from_ms - cron_boot_ms();
	int64_t wake_ms = settling_ms > 0 ? now_ms + settling_ms : INT64_MAX;

	*rc = 0;
	look_for_leap(cron);
	for (size_t i = 0; *rc == 0 && i < cron->n_jobs; i++) {
		struct job *job = cron->job[i];
		bool judged = settling_ms <= 0 || job_has_command(job);

		if (judged)
			*rc = look_at_runs(cron, job, now_ms, &wake_ms);
		if (*rc == 0 && job_is_scheduled(job) && !job->paused &&
		    (judged || job->plan.due_ms == 0))
			*rc = look_at_schedule(cron, job, now_ms, &wake_ms);
		if (*rc == 0 && job_is_scheduled(job))
			*rc = look_for_delay(cron, job, now_ms, &wake_ms);
		else if (*rc == 0)
			*rc = job_expect_no_more(cron, job, now_ms);
	}
	return wake_ms;
}
