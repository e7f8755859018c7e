/* SPDX-License-Identifier: Apache-2.0 */
/* What outsiders ask and order. All that waits is answered by one commit. */
#include "cron.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../common/instant.h"

#define SHOWN 20   /* runs that `show` adds */
#define HISTORY 50 /* runs that `history` gives unless it is told */
#define HISTORY_MOST 1000

void call_answer(struct tocsin_call *call, int status, json_t *answer)
{
	call->answer = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
	call->status = call->answer ? status : 503;
	json_decref(answer);
}

void call_refuse(struct tocsin_call *call, int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (vasprintf(&call->answer, format, args) < 0)
		call->answer = NULL;
	va_end(args);
	call->status = status;
}

void call_broken(struct cron *cron, struct tocsin_call *call)
{
	cron->broken = true;
	call_refuse(call, 503, "out of memory");
}

static struct job *known(struct cron *cron, struct tocsin_call *call)
{
	struct job *job = call->item ? job_find(cron, call->item) : NULL;

	if (!call->item)
		call_refuse(call, 400, "name a job");
	else if (!job)
		call_refuse(call, 404, "there is no job '%s'", call->item);
	return job;
}

/* --- questions --- */

struct page {
	const struct job *job;
	json_t *runs;
	size_t limit;
	int64_t before_ms; /* 0: any */
};

/* "run/JOB/0001763476245123-ID" */
static int64_t moment_of(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash ? strtoll(slash + 1, NULL, 10) : 0;
}

static int add_run(const char *name, const char *value, void *data)
{
	struct page *page = data;
	const char *id;
	json_t *run;

	if (page->before_ms > 0 && moment_of(name) >= page->before_ms)
		return 0;
	run = json_loads(value, 0, NULL);
	id = json_string_value(json_object_get(run, "id"));
	run_add_time(id ? job_running(page->job, id) : NULL, run);
	if (json_array_append_new(page->runs, run) != 0)
		return -ENOMEM;
	return json_array_size(page->runs) >= page->limit;
}

/* The newest first; NULL when they cannot be had. */
static json_t *runs_of(const struct cron *cron, const struct job *job, size_t limit,
		       int64_t before_ms)
{
	struct page page = {job, json_array(), limit, before_ms};
	char *name = run_value_name(job, 0, "");
	int rc = -ENOMEM;

	if (name) {
		strrchr(name, '/')[1] = '\0';
		rc = cron->host->each(cron->self, name, true, 0, add_run, &page);
	}
	free(name);
	if (rc >= 0)
		return page.runs;
	json_decref(page.runs);
	return NULL;
}

static int by_name(const void *a, const void *b)
{
	const struct job *const *one = a, *const *other = b;

	return strcmp((*one)->name, (*other)->name);
}

static void call_list(struct cron *cron, struct tocsin_call *call, const json_t *body)
{
	json_t *jobs = json_array();
	struct job **sorted = calloc(cron->n_jobs + 1, sizeof(struct job *));

	(void)body;
	if (!sorted) {
		json_decref(jobs);
		call_refuse(call, 503, "out of memory");
		return;
	}
	for (size_t i = 0; i < cron->n_jobs; i++)
		sorted[i] = cron->job[i];
	qsort(sorted, cron->n_jobs, sizeof(struct job *), by_name);
	for (size_t i = 0; i < cron->n_jobs; i++)
		json_array_append_new(jobs, job_item(sorted[i]));
	free(sorted);
	call_answer(call, 200, json_pack("{so}", "jobs", jobs));
}

static void call_show(struct cron *cron, struct tocsin_call *call, const json_t *body)
{
	struct job *job = known(cron, call);
	json_t *item, *runs;

	(void)body;
	if (!job)
		return;
	runs = runs_of(cron, job, SHOWN, 0);
	item = job_item(job);
	if (runs && item && json_object_set_new(item, "runs", runs) == 0) {
		call_answer(call, 200, item);
		return;
	}
	json_decref(item);
	call_refuse(call, 503, "the runs of the job cannot be read now");
}

/* The run of that id alone. */
static void answer_run(struct cron *cron, struct tocsin_call *call, struct job *job, const char *id)
{
	const struct entry *entry = job_entry(job, id);
	struct page page = {.job = job, .limit = 1};
	char *name;
	int rc = -ENOMEM;

	if (!entry) {
		call_refuse(call, 404,
			    "job '%s' has no run '%.*s': there was none, or it is not among the "
			    "last %lld, which are kept",
			    job->name, CRON_ID, id, (long long)job_keep_runs(cron, job));
		return;
	}
	page.runs = json_array();
	name = run_value_name(job, entry->started_ms, entry->id);
	if (name)
		rc = cron->host->each(cron->self, name, false, 1, add_run, &page);
	free(name);
	if (rc >= 0) {
		call_answer(call, 200, json_pack("{ss so}", "job", job->name, "runs", page.runs));
		return;
	}
	json_decref(page.runs);
	call_refuse(call, 503, "the runs of the job cannot be read now");
}

static void call_history(struct cron *cron, struct tocsin_call *call, const json_t *body)
{
	const json_t *limit = json_object_get(body, "limit"), *before;
	const char *id = json_string_value(json_object_get(body, "id"));
	json_int_t most = limit ? json_integer_value(limit) : HISTORY;
	struct job *job = known(cron, call);
	int64_t before_ms = 0;
	json_t *runs;

	if (!job)
		return;
	before = json_object_get(body, "before");
	if (most < 1 || most > HISTORY_MOST) {
		call_refuse(call, 400, "limit: write a number from 1 to %d", HISTORY_MOST);
	} else if (id) {
		answer_run(cron, call, job, id);
	} else if (json_is_string(before) && !instant_read(json_string_value(before), &before_ms)) {
		call_refuse(call, 400, "before: write a time such as 2026-01-31T12:00:00Z");
	} else {
		runs = runs_of(cron, job, (size_t)most, before_ms);
		if (runs)
			call_answer(call, 200,
				    json_pack("{ss so}", "job", job->name, "runs", runs));
		else
			call_refuse(call, 503, "the runs of the job cannot be read now");
	}
}

/* --- orders --- */

static void set_paused(struct cron *cron, struct tocsin_call *call, bool paused)
{
	struct job *job = known(cron, call);

	if (!job)
		return;
	/* What was due meanwhile is not made up for: it was to rest. */
	if (job->paused && !paused)
		job->plan = (struct plan){0};
	job->changed |= job->paused != paused;
	job->paused = paused;
	if (paused)
		job->queued_ms = job->left_out_ms = 0;
	/* Nobody waits for it now. */
	if (paused && job_expect_no_more(cron, job, cron_wall_ms()) != 0) {
		call_broken(cron, call);
		return;
	}
	call_answer(call, 200, job_item(job));
}

static void call_pause(struct cron *cron, struct tocsin_call *call, const json_t *body)
{
	(void)body;
	set_paused(cron, call, true);
}

static void call_resume(struct cron *cron, struct tocsin_call *call, const json_t *body)
{
	(void)body;
	set_paused(cron, call, false);
}

static void call_run(struct cron *cron, struct tocsin_call *call, const json_t *body)
{
	static const struct start start = {CAUSE_MANUAL, 0, false};
	struct job *job = known(cron, call);
	char id[CRON_ID + 1];

	(void)body;
	if (!job)
		return;
	if (!job_has_command(job))
		call_refuse(call, 400,
			    "job '%s' has no command: something else runs it, and tocsin only "
			    "hears of it",
			    job->name);
	else if (job_own_run(job) && job->config->overlap != OVERLAP_ALLOW)
		call_refuse(call, 409, "job '%s' runs already (%s), and its runs must not overlap",
			    job->name, job_own_run(job)->id);
	else if (duty_run(cron, job, &start, id) != 0)
		call_broken(cron, call);
	else
		call_answer(call, 200, json_pack("{ss}", "id", id));
}

static const struct verb {
	const char *name;
	void (*fn)(struct cron *cron, struct tocsin_call *call, const json_t *body);
	bool changes;
} verbs[] = {
	{"list", call_list, false},       {"show", call_show, false},
	{"history", call_history, false}, {"ping", call_ping, true},
	{"report", call_report, true},    {"run", call_run, true},
	{"pause", call_pause, true},      {"resume", call_resume, true},
};

/* True when its 200 is to be committed. */
static bool answer(struct cron *cron, struct tocsin_call *call)
{
	json_t *body = json_loads(call->body ? call->body : "{}", 0, NULL);
	const struct verb *verb = NULL;

	for (size_t i = 0; i < TOCSIN_COUNT(verbs) && !verb; i++)
		if (strcmp(call->verb, verbs[i].name) == 0)
			verb = &verbs[i];
	if (!verb)
		call_refuse(call, 400,
			    "jobs do not know '%s'; they know list, show, history, ping, report, "
			    "run, pause and resume",
			    call->verb);
	else if (!json_is_object(body))
		call_refuse(call, 400, "write a JSON object, or nothing");
	else
		verb->fn(cron, call, body);
	json_decref(body);
	return verb && verb->changes && call->status < 300;
}

void cron_call(void *state, struct tocsin_call *const call[], size_t n)
{
	struct cron *cron = state;
	bool *changes = calloc(n, sizeof(*changes));
	int rc = changes ? cron_load(cron) : -ENOMEM;

	for (size_t i = 0; i < n; i++) {
		if (rc == 0)
			changes[i] = answer(cron, call[i]);
		else
			call_refuse(call[i], 503, "the jobs cannot be read now; try again");
	}
	/* half of something must not be committed */
	if (rc == 0)
		rc = cron->broken ? -ENOMEM : book_flush(cron);
	/* It is to stop: this is the last that it was told, and goes with its last word. */
	if (rc == -ESHUTDOWN)
		rc = book_flush(cron);
	if (rc == 0 && cron->announce)
		(void)jobs_announce(cron);
	for (size_t i = 0; i < n && rc != 0; i++) {
		if (!changes || !changes[i])
			continue;
		free(call[i]->answer);
		call_refuse(call[i], 503, "the store cannot take it now; try again");
	}
	if (rc == -ENOMEM)
		cron->broken = true;
	free(changes);
}
