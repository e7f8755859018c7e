/* SPDX-License-Identifier: Apache-2.0 */
#include "cron.h"

#include <stdlib.h>
#include <string.h>

#include "../../common/instant.h"
#include "../../common/tojson.h"

static const char *state_of(const struct job *job)
{
	if (job->paused)
		return "paused";
	if (job->n_running > 0)
		return "running";
	return job->since_ms[PROBLEM_MISSED] > 0 ? "late" : "idle";
}

static json_t *command_of(const struct job *job)
{
	return job_has_command(job) ? tojson_strings(&job->config->command) : json_null();
}

static json_t *schedule_of(const struct job *job)
{
	return job_is_scheduled(job) ? tojson_text(job->config->schedule->text) : json_null();
}

static json_t *zone_of(const struct job *job)
{
	const struct tocsin_zone *zone = job_is_scheduled(job) ? job_zone(job) : NULL;

	return zone ? tojson_text(zone->name) : json_null();
}

static json_t *next_run(const struct job *job)
{
	struct plan_schedule schedule = job_schedule(job);
	int64_t due = job->plan.due_ms, now = cron_wall_ms();
	char text[INSTANT_SIZE];
	struct plan_rules rules;

	if (!job_is_scheduled(job) || job->paused || due == 0 || due == PLAN_NEVER)
		return json_null();
	rules = job_rules(job);
	if (rules.own)
		due = plan_jittered(&rules, due);
	else if (due < now) /* a start that may still come, within its grace */
		due = schedule.next(schedule.data, now);
	return due == PLAN_NEVER ? json_null() : json_string(instant_text(due, text));
}

static json_t *last_of(const struct job *job)
{
	char *text = job->has_last ? run_json(&job->last, job->name) : NULL;
	json_t *run = text ? json_loads(text, 0, NULL) : json_null();

	free(text);
	return run;
}

/* The one that began last of those under way. */
static json_t *current_of(const struct job *job)
{
	const struct run *newest = NULL;
	json_t *run;
	char *text;

	for (size_t i = 0; i < job->n_running; i++)
		if (!newest || job->running[i]->started_ms >= newest->started_ms)
			newest = job->running[i];
	text = newest ? run_json(newest, job->name) : NULL;
	run = text ? json_loads(text, 0, NULL) : json_null();
	free(text);
	run_add_time(newest, run);
	return run;
}

json_t *job_item(const struct job *job)
{
	return json_pack("{so ss sI so so so so so so sI sI so so}", "name", tojson_text(job->name),
			 "state", state_of(job), "running", (json_int_t)job->n_running, "schedule",
			 schedule_of(job), "timezone", zone_of(job), "command", command_of(job),
			 "next_run", next_run(job), "current", current_of(job), "last",
			 last_of(job), "total", (json_int_t)job->total, "succeeded",
			 (json_int_t)job->succeeded, "average_ms",
			 job->timed > 0 ? json_integer(job->time_sum_ms / job->timed) : json_null(),
			 "reason", job->reason ? tojson_text(job->reason) : json_null());
}
