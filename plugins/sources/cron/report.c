/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs that others report: `tocsin run`, scripts, ping pairs. A report may come twice (an answer was
 * lost, a spool is read again), late, or without its other half; what is known already changes
 * nothing.
 */
#include "cron.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../common/instant.h"
#include "../../common/text.h"

struct report {
	bool end;
	const char *id;                            /* NULL: it has none */
	int64_t started_ms, ended_ms, duration_ms; /* 0 and -1: not said */
	const json_t *body;
};

static bool read_time(const struct report *report, const char *name, int64_t now_ms, int64_t *ms)
{
	const char *text = json_string_value(json_object_get(report->body, name));

	*ms = 0;
	if (text && !instant_read(text, ms))
		return false;
	/* another machine's clock may be ahead; what has happened has happened */
	if (*ms > now_ms)
		*ms = now_ms;
	return true;
}

static bool is_id(const char *id)
{
	size_t length = strlen(id);

	return length > 0 && length <= CRON_ID &&
	       strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-") ==
		       length;
}

static const char *read_report(struct report *report, const json_t *body, int64_t now_ms)
{
	const char *event = json_string_value(json_object_get(body, "event"));
	const json_t *exit = json_object_get(body, "exit");
	const json_t *duration = json_object_get(body, "duration_ms");

	*report = (struct report){.body = body, .duration_ms = -1};
	if (!event || (strcmp(event, "start") != 0 && strcmp(event, "end") != 0))
		return "event: write \"start\" or \"end\"";
	report->end = strcmp(event, "end") == 0;
	report->id = json_string_value(json_object_get(body, "id"));
	if (report->id && !is_id(report->id))
		return "id: write a UUID, or up to 64 letters, digits and . _ : -";
	if (!read_time(report, "started_at", now_ms, &report->started_ms))
		return "started_at: write a time such as 2026-01-31T12:00:00.000Z";
	if (!read_time(report, "ended_at", now_ms, &report->ended_ms))
		return "ended_at: write a time such as 2026-01-31T12:00:00.000Z";
	if (exit && !json_is_null(exit) &&
	    (!json_is_integer(exit) || json_integer_value(exit) < 0 ||
	     json_integer_value(exit) > 255))
		return "exit: write a number from 0 to 255";
	if (json_is_number(duration) && json_number_value(duration) >= 0 &&
	    json_number_value(duration) < 1e15)
		report->duration_ms = (int64_t)json_number_value(duration);
	return NULL;
}

/* --- what it says of the run --- */

/* The words of a command as one text; false when memory is short. */
static bool set_command(struct run *run, const json_t *command)
{
	char text[CRON_TEXT + 1] = "";
	size_t used = 0, i;
	json_t *word;

	if (json_is_string(command))
		return run_text(&run->command, json_string_value(command));
	json_array_foreach((json_t *)(uintptr_t)command, i, word)
	{
		const char *said = json_string_value(word);

		if (said && used < sizeof(text))
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s",
						 i > 0 ? " " : "", said);
	}
	text[text_prefix(text, CRON_TEXT - 4)] = '\0';
	return !*text || run_text(&run->command, text);
}

static bool set_texts(struct run *run, const json_t *body)
{
	struct {
		const char *name;
		char **into;
	} texts[] = {{"error", &run->error}, {"host", &run->host}, {"user", &run->user}};
	const char *output = json_string_value(json_object_get(body, "output"));

	for (size_t i = 0; i < TOCSIN_COUNT(texts); i++) {
		const char *text = json_string_value(json_object_get(body, texts[i].name));

		if (text && !run_text(texts[i].into, text))
			return false;
	}
	if (!set_command(run, json_object_get(body, "command")))
		return false;
	/* how it ended tells most */
	return !output || run_text(&run->output, text_last(output, CRON_TEXT));
}

static void set_signal(struct run *run, const json_t *signal)
{
	const char *name = json_string_value(signal);
	int number = (int)json_integer_value(signal);

	if (!name && number > 0 && number < NSIG)
		name = sigabbrev_np(number);
	if (name)
		snprintf(run->signal, sizeof(run->signal), "%s%.10s",
			 strncmp(name, "SIG", 3) == 0 ? "" : "SIG", name);
}

static void set_usage(struct run *run, const json_t *usage)
{
	const json_t *memory = json_object_get(usage, "max_rss_kib");

	run->has_usage = json_is_object(usage);
	run->user_ms = json_integer_value(json_object_get(usage, "user_ms"));
	run->system_ms = json_integer_value(json_object_get(usage, "system_ms"));
	run->max_rss_kib = json_is_integer(memory) ? json_integer_value(memory) : -1;
}

/* False when memory is short. */
static bool describe(struct run *run, const struct report *report)
{
	const json_t *body = report->body, *exit = json_object_get(body, "exit");

	if (!set_texts(run, body))
		return false;
	if (!report->end)
		return true;
	if (json_is_integer(exit))
		run->exit = (int)json_integer_value(exit);
	set_signal(run, json_object_get(body, "signal"));
	if (json_is_object(json_object_get(body, "usage")))
		set_usage(run, json_object_get(body, "usage"));
	if (!results_read(&run->results, json_object_get(body, "results"), &run->error))
		(void)results_find(&run->results, run->output);
	return true;
}

static enum run_status outcome(const struct run *run, const json_t *body)
{
	const json_t *failed = json_object_get(body, "failed");

	if (*run->signal || run->exit > 0 || json_is_true(failed))
		return RUN_FAILED;
	/* a script that says nothing but an error */
	return run->exit < 0 && json_is_string(json_object_get(body, "error")) ? RUN_FAILED
									       : RUN_COMPLETED;
}

/* --- runs that it is about --- */

/* An end without an id is that of the newest run that was reported. */
static struct run *run_of(const struct job *job, const char *id)
{
	struct run *newest = NULL;

	if (id)
		return job_running(job, id);
	for (size_t i = 0; i < job->n_running; i++)
		if (job->running[i]->cause == CAUSE_REPORT &&
		    (!newest || job->running[i]->started_ms > newest->started_ms))
			newest = job->running[i];
	return newest;
}

/* Else its job could be started beside it. */
static bool is_own(const struct job *job, const char *id)
{
	const struct run *run = job_running(job, id);

	return run && run->own;
}

static struct run *new_run(const struct report *report, int64_t now_ms)
{
	struct run *run = calloc(1, sizeof(*run));
	int64_t ended = report->ended_ms > 0 ? report->ended_ms : now_ms;
	int64_t started = report->started_ms;
	char id[CRON_ID + 1];

	if (!run)
		return NULL;
	if (started == 0 && report->end && report->duration_ms >= 0)
		started = ended - report->duration_ms;
	if (started <= 0)
		started = report->end ? ended : now_ms;
	if (report->id)
		snprintf(id, sizeof(id), "%s", report->id);
	else
		run_new_id(id);
	run_init(run, id, CAUSE_REPORT, started);
	return run;
}

/* Sets the id for the answer. */
static int take_start(struct cron *cron, struct job *job, const struct report *report,
		      int64_t now_ms, char id[CRON_ID + 1])
{
	struct run *run = new_run(report, now_ms);

	if (!run)
		return -ENOMEM;
	memcpy(id, run->id, sizeof(run->id));
	if (!describe(run, report)) {
		run_done(run);
		free(run);
		return -ENOMEM;
	}
	return book_begin(cron, job, run, now_ms);
}

/* When somebody set the clock meanwhile: by the one that nobody sets. Else -1. */
static int64_t steady_duration(const struct run *run, int64_t ended_ms, int64_t now_ms)
{
	int64_t took = run_age_ms(run) - (now_ms - ended_ms);

	return took >= 0 && llabs(took - (ended_ms - run->started_ms)) > CRON_SET_MS ? took : -1;
}

static int take_end(struct cron *cron, struct job *job, const struct report *report, int64_t now_ms,
		    char id[CRON_ID + 1])
{
	struct run *run = run_of(job, report->id);
	int64_t ended = report->ended_ms > 0 ? report->ended_ms : now_ms;
	bool whole = !run;

	if (whole)
		run = new_run(report, now_ms);
	if (!run)
		return -ENOMEM;
	memcpy(id, run->id, sizeof(run->id));
	if (!describe(run, report)) {
		if (whole) {
			run_done(run);
			free(run);
		}
		return -ENOMEM;
	}
	run->duration_ms = report->duration_ms;
	if (run->timed && run->duration_ms < 0)
		run->duration_ms = steady_duration(run, ended, now_ms);
	run_end(run, outcome(run, report->body), ended);
	return whole ? book_whole(cron, job, run, now_ms) : book_end(cron, job, run, now_ms);
}

/* One that was given up has ended after all: it is counted anew, as it was. */
static int take_late_end(struct cron *cron, struct job *job, const struct report *report,
			 struct entry *entry, int64_t now_ms, char id[CRON_ID + 1])
{
	struct report known = *report;

	known.started_ms = entry->started_ms;
	book_found(job, entry);
	return take_end(cron, job, &known, now_ms, id);
}

void call_report(struct cron *cron, struct tocsin_call *call, const json_t *body)
{
	const char *why = call->item ? NULL : "name a job";
	int64_t now = cron_wall_ms();
	struct report report;
	struct entry *entry;
	struct job *job;
	char id[CRON_ID + 1] = "";
	int status = 400, rc;

	if (!why)
		why = read_report(&report, body, now);
	if (why) {
		call_refuse(call, 400, "%s", why);
		return;
	}
	job = job_take(cron, call->item, &status, &why);
	if (!job) {
		call_refuse(call, status, "job '%.200s': %s", call->item, why);
		return;
	}
	entry = report.id ? job_entry(job, report.id) : NULL;
	if (entry && report.end && is_own(job, report.id)) {
		call_refuse(call, 409,
			    "run %s is one that tocsin itself started: it ends with its program",
			    report.id);
		return;
	}
	if (entry && report.end && entry->status == RUN_LOST)
		rc = take_late_end(cron, job, &report, entry, now, id);
	else if (entry && (!report.end || entry->status != RUN_RUNNING))
		rc = -EEXIST;
	else if (report.end)
		rc = take_end(cron, job, &report, now, id);
	else
		rc = take_start(cron, job, &report, now, id);
	if (rc != 0 && rc != -EEXIST) {
		call_broken(cron, call);
		return;
	}
	call_answer(
		call, 200,
		json_pack("{ss sb}", "id", *id ? id : report.id, "known", (int)(rc == -EEXIST)));
}
