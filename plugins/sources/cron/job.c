/* SPDX-License-Identifier: Apache-2.0 */
/* The jobs: those of the configuration, and those that were heard of. */
#include "cron.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../common/draft.h"

struct job *job_new(struct cron *cron, const char *name)
{
	struct job *job = calloc(1, sizeof(*job));

	if (cron->n_jobs == cron->room) {
		size_t room = cron->room ? 2 * cron->room : 16;
		struct job **grown = realloc(cron->job, room * sizeof(*grown));

		if (!grown) {
			free(job);
			return NULL;
		}
		cron->job = grown;
		cron->room = room;
	}
	if (job)
		job->name = strdup(name);
	if (!job || !job->name) {
		free(job);
		return NULL;
	}
	job->host = cron->host;
	triggers_of(&job->triggers, NULL, &cron->config->triggers);
	cron->job[cron->n_jobs++] = job;
	cron->announce = true;
	return job;
}

static void job_free(struct job *job)
{
	for (size_t i = 0; i < job->n_running; i++) {
		run_done(job->running[i]);
		free(job->running[i]);
	}
	for (size_t i = 0; i < PROBLEMS; i++)
		json_decref(job->fired[i]);
	run_done(&job->last);
	free(job->running);
	free(job->entry);
	free(job->reason);
	free(job->name);
	free(job);
}

void jobs_free(struct cron *cron)
{
	for (size_t i = 0; i < cron->n_jobs; i++)
		job_free(cron->job[i]);
	free(cron->job);
	cron->job = NULL;
	cron->recent = NULL;
	cron->n_jobs = cron->room = 0;
}

/* Runs of one job come one after the other, from the store above all. */
struct job *job_find(struct cron *cron, const char *name)
{
	if (cron->recent && strcmp(cron->recent->name, name) == 0)
		return cron->recent;
	for (size_t i = 0; i < cron->n_jobs; i++)
		if (strcmp(cron->job[i]->name, name) == 0)
			return cron->recent = cron->job[i];
	return NULL;
}

struct job *job_take(struct cron *cron, const char *name, int *status, const char **why)
{
	struct job *job = job_find(cron, name);

	if (job)
		return job;
	*status = 404;
	*why = "there is no such job, and unknown_jobs says 'refuse': add it to `jobs`";
	if (cron->config->unknown_jobs == UNKNOWN_REFUSE)
		return NULL;
	*status = 400;
	*why = "the name of a job has 1 to 200 bytes and no control characters";
	if (!*name || strlen(name) > CRON_NAME)
		return NULL;
	for (const char *c = name; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return NULL;
	*why = "there are 10000 jobs already, no more are remembered";
	if (cron->n_jobs >= CRON_JOBS)
		return NULL;
	*status = 503;
	*why = "out of memory";
	return job_new(cron, name);
}

/* --- runs of a job --- */

struct entry *job_entry(struct job *job, const char *id)
{
	for (size_t i = job->n; i-- > 0;)
		if (strcmp(job->entry[i].id, id) == 0)
			return &job->entry[i];
	return NULL;
}

struct entry *job_entry_at(struct job *job, const char *id, int64_t started_ms)
{
	for (size_t i = job->n; i-- > 0;)
		if (job->entry[i].started_ms == started_ms && strcmp(job->entry[i].id, id) == 0)
			return &job->entry[i];
	return NULL;
}

struct run *job_running(const struct job *job, const char *id)
{
	for (size_t i = 0; i < job->n_running; i++)
		if (strcmp(job->running[i]->id, id) == 0)
			return job->running[i];
	return NULL;
}

const struct run *job_own_run(const struct job *job)
{
	for (size_t i = 0; i < job->n_running; i++)
		if (job->running[i]->own)
			return job->running[i];
	return NULL;
}

int job_add_running(struct job *job, struct run *run)
{
	struct run **grown = realloc(job->running, (job->n_running + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	job->running = grown;
	job->running[job->n_running++] = run;
	return 0;
}

void job_drop_running(struct job *job, struct run *run)
{
	for (size_t i = 0; i < job->n_running; i++) {
		if (job->running[i] != run)
			continue;
		memmove(job->running + i, job->running + i + 1,
			(job->n_running - i - 1) * sizeof(struct run *));
		job->n_running--;
		break;
	}
	run_done(run);
	free(run);
}

int64_t job_keep_runs(const struct cron *cron, const struct job *job)
{
	return job->config && job->config->keep_runs > 0 ? job->config->keep_runs
							 : cron->config->keep_runs;
}

/* The moment first, so that names are in the order of time. */
char *run_value_name(const struct job *job, int64_t started_ms, const char *id)
{
	struct draft draft;

	if (!draft_begin(&draft))
		return NULL;
	fputs("run/", draft.out);
	for (const char *c = job->name; *c; c++)
		fprintf(draft.out, *c == '/' || *c == '%' ? "%%%02X" : "%c",
			(unsigned int)(unsigned char)*c);
	fprintf(draft.out, "/%016lld-%s", (long long)started_ms, id);
	return draft_end(&draft, NULL);
}

/* At its place in time; what comes late is rare. */
int job_add_entry(struct job *job, const struct run *run)
{
	size_t at = job->n;

	if (job->n == job->room) {
		size_t room = job->room ? 2 * job->room : 8;
		struct entry *grown = realloc(job->entry, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		job->entry = grown;
		job->room = room;
	}
	while (at > 0 && job->entry[at - 1].started_ms > run->started_ms)
		at--;
	memmove(job->entry + at + 1, job->entry + at, (job->n - at) * sizeof(struct entry));
	job->entry[at] = (struct entry){
		.started_ms = run->started_ms, .status = run->status, .own = run->own};
	memcpy(job->entry[at].id, run->id, sizeof(run->id));
	job->n++;
	return 0;
}

void job_drop_entry(struct job *job, struct entry *entry)
{
	size_t at = (size_t)(entry - job->entry);

	memmove(entry, entry + 1, (job->n - at - 1) * sizeof(*entry));
	job->n--;
}

/* --- the configuration --- */

static int64_t next_of(const void *data, int64_t after_ms)
{
	const struct job *job = data;

	return job->host->next(job->config->schedule, job->config->timezone, after_ms);
}

struct plan_schedule job_schedule(const struct job *job)
{
	return (struct plan_schedule){next_of, job};
}

/* A start that is put off behind the next one would be lost. Says so. */
int job_check_jitter(const struct cron *cron, const struct job_config *config)
{
	const struct job job = {.config = config, .host = cron->host};
	struct plan_schedule schedule = job_schedule(&job);
	int64_t round;

	if (config->jitter <= 0 || !config->schedule)
		return 0;
	round = plan_round(&schedule, cron_wall_ms());
	if (config->jitter < round)
		return 0;
	cron->host->log(
		cron->self, TOCSIN_LOG_ERROR,
		"job %s: 'jitter' must be shorter than the time between two starts, and the "
		"schedule has some that are only %lld s apart",
		config->name, (long long)(round / 1000));
	return -EINVAL;
}

bool job_is_scheduled(const struct job *job)
{
	return job->config && job->config->schedule;
}

/* The schedule's own zone goes before that of the job. */
const struct tocsin_zone *job_zone(const struct job *job)
{
	if (!job->config)
		return NULL;
	return job_is_scheduled(job) && job->config->schedule->zone ? job->config->schedule->zone
								    : job->config->timezone;
}

void job_local(const struct job *job, int64_t ms, char text[TOCSIN_LOCAL_TIME])
{
	job->host->local(job_zone(job), ms, text);
}

bool job_has_command(const struct job *job)
{
	return job->config && job->config->command.n > 0;
}

/* What another schedule planned than the one that the job has now, or what is left of the plans of a
 * job that tocsin no longer starts, counts no more. */
static void check_plan(struct job *job)
{
	int64_t due = job->plan.due_ms;
	bool planned = due != 0 && due != PLAN_NEVER && job_is_scheduled(job) &&
		       next_of(job, due - 1) == due;

	if (due != 0 && !planned) {
		job->plan = (struct plan){0};
		job->changed = true;
	}
	if ((job->queued_ms != 0 || job->left_out_ms != 0) &&
	    !(job_is_scheduled(job) && job_has_command(job))) {
		job->queued_ms = job->left_out_ms = 0;
		job->changed = true;
	}
}

int jobs_configure(struct cron *cron)
{
	const struct job_config *config = cron->config->jobs.item;

	for (size_t i = 0; i < cron->config->jobs.n; i++) {
		struct job *job = job_find(cron, config[i].name);

		if (!job)
			job = job_new(cron, config[i].name);
		if (!job)
			return -ENOMEM;
		job->config = &config[i];
		job->account = cron->account ? &cron->account[i] : NULL;
		triggers_of(&job->triggers, &config[i].triggers, &cron->config->triggers);
	}
	for (size_t i = 0; i < cron->n_jobs; i++)
		check_plan(cron->job[i]);
	return 0;
}

int jobs_announce(struct cron *cron)
{
	const char **name = calloc(cron->n_jobs + 1, sizeof(*name));
	int rc = -ENOMEM;

	for (size_t i = 0; name && i < cron->n_jobs; i++)
		name[i] = cron->job[i]->name;
	if (name)
		rc = cron->host->announce(cron->self, name, cron->n_jobs);
	cron->announce = rc != 0;
	free(name);
	return rc;
}
