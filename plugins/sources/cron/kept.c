/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept in the store: "job/NAME" of each job, "run/NAME/TIME-ID" of each run. Both are in the
 * commit of what was raised with them.
 */
#include "cron.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../common/tojson.h"

static json_t *plan_json(const struct job *job)
{
	return json_pack("{sI sI sI sI sI}", "due", (json_int_t)job->plan.due_ms, "previous",
			 (json_int_t)job->plan.previous_ms, "made_up",
			 (json_int_t)job->plan.made_up, "queued", (json_int_t)job->queued_ms,
			 "left_out", (json_int_t)job->left_out_ms);
}

static json_t *since_json(const struct job *job)
{
	json_t *object = json_object();

	for (unsigned int i = 0; i < PROBLEMS; i++)
		if (job->since_ms[i] > 0)
			json_object_set_new(object, problem_words((enum problem)i)->trigger,
					    json_integer(job->since_ms[i]));
	return object;
}

static json_t *fired_json(const struct job *job)
{
	json_t *object = json_object();

	for (unsigned int i = 0; i < PROBLEMS; i++)
		if (job->fired[i])
			json_object_set(object, problem_words((enum problem)i)->trigger,
					job->fired[i]);
	return object;
}

static json_t *last_json(const struct job *job)
{
	char *text = job->has_last ? run_json(&job->last, job->name) : NULL;
	json_t *object = text ? json_loads(text, 0, NULL) : json_null();

	free(text);
	return object;
}

int job_keep(struct cron *cron, struct job *job)
{
	json_t *object = json_pack(
		"{so sb sI sI sI sI sI sI so so so so ss}", "plan", plan_json(job), "paused",
		(int)job->paused, "total", (json_int_t)job->total, "succeeded",
		(json_int_t)job->succeeded, "timed", (json_int_t)job->timed, "time_sum_ms",
		(json_int_t)job->time_sum_ms, "failures", (json_int_t)job->failures, "forgotten",
		(json_int_t)job->forgotten_ms, "since", since_json(job), "fired", fired_json(job),
		"last", last_json(job), "reason",
		job->reason ? tojson_text(job->reason) : json_null(), "name", job->name);
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL, *name = NULL;
	int rc = -ENOMEM;

	if (text && asprintf(&name, "job/%s", job->name) >= 0)
		rc = cron->host->keep(cron->self, name, text);
	if (rc == 0) {
		job->changed = false;
		cron->dirty = true;
	}
	free(name);
	free(text);
	json_decref(object);
	return rc;
}

static int64_t number_of(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

/* One that an earlier life left waiting. */
static void note_overdue(struct job *job)
{
	int64_t now = cron_wall_ms(), overdue = job->queued_ms;

	if (overdue == 0)
		overdue = job->left_out_ms;
	if (overdue > 0)
		job->overdue_boot_ms = cron_boot_ms() - (now > overdue ? now - overdue : 0);
}

static void read_job(struct job *job, const json_t *object)
{
	const json_t *plan = json_object_get(object, "plan"), *since;
	json_t *fired;
	const char *reason = json_string_value(json_object_get(object, "reason"));
	char *last = json_dumps(json_object_get(object, "last"), JSON_COMPACT);

	job->plan = (struct plan){number_of(plan, "due"), number_of(plan, "previous"),
				  number_of(plan, "made_up")};
	job->queued_ms = number_of(plan, "queued");
	job->left_out_ms = number_of(plan, "left_out");
	note_overdue(job);
	job->paused = json_is_true(json_object_get(object, "paused"));
	job->total = number_of(object, "total");
	job->succeeded = number_of(object, "succeeded");
	job->timed = number_of(object, "timed");
	job->time_sum_ms = number_of(object, "time_sum_ms");
	job->failures = number_of(object, "failures");
	job->forgotten_ms = number_of(object, "forgotten");
	since = json_object_get(object, "since");
	fired = json_object_get(object, "fired");
	for (unsigned int i = 0; i < PROBLEMS; i++) {
		const char *trigger = problem_words((enum problem)i)->trigger;

		job->since_ms[i] = number_of(since, trigger);
		json_decref(job->fired[i]);
		job->fired[i] = json_incref(json_object_get(fired, trigger));
	}
	(void)run_text(&job->reason, reason);
	job->has_last = last && run_read(&job->last, last);
	free(last);
}

static int load_job(const char *name, const char *value, void *data)
{
	struct cron *cron = data;
	json_t *object = json_loads(value, 0, NULL);
	const char *own = json_string_value(json_object_get(object, "name"));
	struct job *job = own ? job_find(cron, own) : NULL;
	int rc = 0;

	(void)name;
	if (own && !job)
		job = job_new(cron, own);
	if (job)
		read_job(job, object);
	else if (own)
		rc = -ENOMEM;
	json_decref(object);
	return rc;
}

/* Runs come in the order of their names: the jobs', and within them of time. */
static int load_run(const char *name, const char *value, void *data)
{
	struct cron *cron = data;
	json_t *object = json_loads(value, 0, NULL);
	const char *of = json_string_value(json_object_get(object, "job"));
	struct job *job = of ? job_find(cron, of) : NULL;
	struct run *run = calloc(1, sizeof(*run));
	int rc = run ? 0 : -ENOMEM;

	(void)name;
	if (rc == 0 && job && run_read(run, value)) {
		rc = job_add_entry(job, run);
		if (rc == 0 && run->status == RUN_RUNNING) {
			/* nothing else is known of it than what the wall clock says */
			if (!run->own)
				run_time(run, cron_wall_ms() - run->started_ms);
			rc = job_add_running(job, run);
			run = rc == 0 ? NULL : run;
		}
		if (run)
			run_done(run);
	}
	free(run);
	json_decref(object);
	return rc;
}

int jobs_load(struct cron *cron)
{
	int rc = cron->host->each(cron->self, "job/", false, 0, load_job, cron);

	if (rc == 0)
		rc = cron->host->each(cron->self, "run/", false, 0, load_run, cron);
	return rc;
}

int run_keep(struct cron *cron, const struct job *job, const struct run *run)
{
	char *name = run_value_name(job, run->started_ms, run->id);
	char *value = name ? run_json(run, job->name) : NULL;
	int rc = value ? cron->host->keep(cron->self, name, value) : -ENOMEM;

	cron->dirty = true;
	free(value);
	free(name);
	return rc;
}

/* The oldest go, but for those that still run. */
int runs_prune(struct cron *cron, struct job *job)
{
	size_t most = (size_t)job_keep_runs(cron, job);
	int rc = 0;

	for (size_t i = 0; rc == 0 && job->n > most && i < job->n;) {
		char *name;

		if (job->entry[i].status == RUN_RUNNING) {
			i++;
			continue;
		}
		name = run_value_name(job, job->entry[i].started_ms, job->entry[i].id);
		rc = name ? cron->host->keep(cron->self, name, NULL) : -ENOMEM;
		free(name);
		if (job->entry[i].started_ms > job->forgotten_ms)
			job->forgotten_ms = job->entry[i].started_ms;
		job->changed = true;
		job_drop_entry(job, &job->entry[i]);
	}
	return rc;
}
