/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs begin and end, and states of jobs with them. Here is decided what is raised; nothing of it
 * counts before book_flush has committed it together with what is kept. -ENOMEM anywhere ends the
 * source's run: the core starts it again, and it reads what was committed.
 */
#include "cron.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../common/tojson.h"

int book_post(struct cron *cron, struct letter *letter)
{
	struct letter **grown = NULL;

	if (letter)
		grown = realloc(cron->letter, (cron->n_letters + 1) * sizeof(*grown));
	if (!grown) {
		letter_free(letter);
		return -ENOMEM;
	}
	cron->letter = grown;
	cron->letter[cron->n_letters++] = letter;
	return 0;
}

int book_state(struct cron *cron, struct job *job, enum problem problem, bool holds,
	       const struct run *run, int64_t now_ms)
{
	struct letter *letter;
	int rc;

	if ((job->since_ms[problem] > 0) == holds)
		return 0;
	letter = letter_of_state(cron, job, problem, holds, run, now_ms);
	json_decref(job->fired[problem]);
	job->fired[problem] = NULL;
	if (letter && holds)
		job->fired[problem] = tojson_map(&letter_alert(letter)->labels);
	rc = book_post(cron, letter);
	if (rc == 0 && holds && !job->fired[problem])
		rc = -ENOMEM;
	job->since_ms[problem] = holds ? now_ms : 0;
	job->changed = true;
	cron->host->count(cron->self, holds ? "states_begun" : "states_ended", 1);
	return rc;
}

int book_problem(struct cron *cron, struct job *job, const struct run *run, enum problem problem,
		 int64_t now_ms)
{
	return book_post(cron, letter_of_run(cron, job, run, 1u << problem, now_ms));
}

static int64_t max_run(const struct job *job)
{
	return job->config ? job->config->max_run : 0;
}

static int raise_problems(struct cron *cron, struct job *job, const struct run *run, int64_t now_ms)
{
	unsigned int problems = judge(run, &job->triggers, job->config ? job->config->min_run : 0);

	if (max_run(job) > 0 && run->duration_ms > max_run(job) &&
	    job->since_ms[PROBLEM_TOO_LONG] == 0)
		problems |= 1u << PROBLEM_TOO_LONG;
	if (problems == 0 || run->quiet)
		return 0;
	return book_post(cron, letter_of_run(cron, job, run, problems, now_ms));
}

/* A start that was waited for has come. Those of tocsin itself are made, whatever others run. */
static void note_start(struct job *job, const struct run *run)
{
	struct plan_schedule schedule = job_schedule(job);

	if (!run->own && job_is_scheduled(job) && !job_has_command(job))
		plan_started(&job->plan, &schedule, run->started_ms);
}

/* Runs that begin and never end, as on a machine that kills its jobs, must not fill the memory. */
static int limit_open(struct cron *cron, struct job *job, int64_t now_ms)
{
	struct run *oldest = NULL;
	size_t n = 0;

	for (size_t i = 0; i < job->n_running; i++) {
		struct run *run = job->running[i];

		if (run->own)
			continue;
		n++;
		if (!oldest || run->started_ms < oldest->started_ms)
			oldest = run;
	}
	return n > CRON_OPEN ? book_lost(cron, job, oldest, now_ms) : 0;
}

int book_begin(struct cron *cron, struct job *job, struct run *run, int64_t now_ms)
{
	bool alone = job->n_running == 0;
	bool may_overlap = job->config && job->config->overlap == OVERLAP_ALLOW;
	int rc;

	run->status = RUN_RUNNING;
	if (!run->own)
		run_time(run, now_ms - run->started_ms);
	rc = job_entry_at(job, run->id, run->started_ms) ? -EEXIST : job_add_entry(job, run);
	if (rc == 0)
		rc = job_add_running(job, run);
	if (rc != 0) {
		run_done(run);
		free(run);
		return rc;
	}
	rc = run_keep(cron, job, run);
	note_start(job, run);
	job->changed = true;
	if (rc == 0 && !alone && !may_overlap && job->triggers.overlapped && !run->quiet)
		rc = book_problem(cron, job, run, PROBLEM_OVERLAPPED, now_ms);
	return rc ? rc : limit_open(cron, job, now_ms);
}

int book_began(struct cron *cron, struct job *job, struct run *run, int64_t started_ms,
	       int64_t now_ms)
{
	char *name = run_value_name(job, run->started_ms, run->id);
	struct entry *entry = job_entry_at(job, run->id, run->started_ms);
	int rc = name ? cron->host->keep(cron->self, name, NULL) : -ENOMEM;

	free(name);
	run->started_ms = started_ms;
	run_time(run, now_ms - started_ms);
	if (entry)
		job_drop_entry(job, entry);
	if (rc == 0)
		rc = job_add_entry(job, run);
	return rc ? rc : run_keep(cron, job, run);
}

/* One that began in the future did so before the clock was set back. */
static bool is_newest(const struct job *job, const struct run *run, int64_t now_ms)
{
	return !job->has_last || run->started_ms >= job->last.started_ms ||
	       job->last.started_ms > now_ms;
}

/* The figures of the job: runs that were missed are none. */
static void count(struct job *job, const struct run *run, int64_t now_ms)
{

	if (run->status == RUN_MISSED)
		return;
	job->total++;
	job->succeeded += run->status == RUN_COMPLETED;
	if (run->duration_ms >= 0 && run->status != RUN_LOST) {
		job->timed++;
		job->time_sum_ms += run->duration_ms;
	}
	if (is_newest(job, run, now_ms))
		job->failures = run->status == RUN_COMPLETED ? 0 : job->failures + 1;
}

static int set_reason(struct job *job, const struct run *run)
{
	char text[300] = "";

	if (run->status == RUN_FAILED && run->error)
		snprintf(text, sizeof(text), "its last run failed: %.200s", run->error);
	else if (run->status == RUN_FAILED)
		snprintf(text, sizeof(text), "its last run failed");
	else if (run->status != RUN_COMPLETED && run->error)
		snprintf(text, sizeof(text), "%.250s", run->error);
	return run_text(&job->reason, text) ? 0 : -ENOMEM;
}

/* Is there one that should have ended? */
static bool runs_too_long(const struct job *job)
{
	for (size_t i = 0; max_run(job) > 0 && i < job->n_running; i++)
		if (run_age_ms(job->running[i]) > max_run(job))
			return true;
	return false;
}

/* What begins or is over with the end of this run, the newest. */
static int settle_states(struct cron *cron, struct job *job, int64_t now_ms)
{
	const struct run *run = &job->last;
	int64_t most = job->triggers.failures_in_a_row;
	int rc = 0;

	if (run->status == RUN_COMPLETED) {
		rc = book_state(cron, job, PROBLEM_MISSED, false, run, now_ms);
		if (rc == 0)
			rc = book_state(cron, job, PROBLEM_IN_A_ROW, false, run, now_ms);
	} else if (most > 0 && job->failures >= most && !run->quiet) {
		rc = book_state(cron, job, PROBLEM_IN_A_ROW, true, run, now_ms);
	}
	return rc;
}

/* The run is no longer among those under way; its texts become those of the last run, or go. */
static int close_run(struct cron *cron, struct job *job, struct run *run, int64_t now_ms)
{
	bool newest = is_newest(job, run, now_ms);
	int rc = run_keep(cron, job, run);

	count(job, run, now_ms);
	if (rc == 0)
		rc = raise_problems(cron, job, run, now_ms);
	if (rc == 0 && newest)
		rc = set_reason(job, run);
	if (newest && run->status != RUN_MISSED) {
		run_done(&job->last);
		job->last = *run;
		job->has_last = true;
		run->error = run->output = run->host = run->user = run->command = NULL;
		if (rc == 0)
			rc = settle_states(cron, job, now_ms);
	}
	if (rc == 0 && !runs_too_long(job))
		rc = book_state(cron, job, PROBLEM_TOO_LONG, false,
				job->has_last ? &job->last : NULL, now_ms);
	job->changed = true;
	cron->host->count(cron->self, run_status_word(run->status), 1);
	return rc ? rc : runs_prune(cron, job);
}

int book_end(struct cron *cron, struct job *job, struct run *run, int64_t now_ms)
{
	struct entry *entry = job_entry_at(job, run->id, run->started_ms);
	struct run ended = *run;

	if (entry)
		entry->status = run->status;
	run->error = run->output = run->host = run->user = run->command = NULL;
	job_drop_running(job, run);

	int rc = close_run(cron, job, &ended, now_ms);

	run_done(&ended);
	return rc;
}

int book_lost(struct cron *cron, struct job *job, struct run *run, int64_t now_ms)
{
	run_end(run, RUN_LOST, now_ms);
	run->duration_ms = -1;
	if (!run_text(&run->error, "its end was never told; it is taken for lost"))
		return -ENOMEM;
	return book_end(cron, job, run, now_ms);
}

int book_whole(struct cron *cron, struct job *job, struct run *run, int64_t now_ms)
{
	int rc = job_entry_at(job, run->id, run->started_ms) ? -EEXIST : job_add_entry(job, run);

	if (rc == 0 && run->status != RUN_MISSED)
		note_start(job, run);
	if (rc == 0)
		rc = close_run(cron, job, run, now_ms);
	run_done(run);
	free(run);
	return rc;
}

void book_found(struct job *job, struct entry *entry)
{
	job->total -= job->total > 0;
	job_drop_entry(job, entry);
}

/* --- the commit --- */

static int emit(struct cron *cron)
{
	struct tocsin_emission *batch = calloc(cron->n_letters + 1, sizeof(*batch));
	int rc = -ENOMEM;

	for (size_t i = 0; batch && i < cron->n_letters; i++)
		batch[i].alert = *letter_alert(cron->letter[i]);
	if (batch)
		rc = cron->host->emit(cron->self, batch, cron->n_letters);
	free(batch);
	return rc;
}

int book_flush(struct cron *cron)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < cron->n_jobs; i++)
		if (cron->job[i]->changed)
			rc = job_keep(cron, cron->job[i]);
	if (rc == 0 && (cron->dirty || cron->n_letters > 0))
		rc = emit(cron);
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < cron->n_letters; i++)
		letter_free(cron->letter[i]);
	cron->n_letters = 0;
	cron->dirty = false;
	return duty_start(cron);
}
