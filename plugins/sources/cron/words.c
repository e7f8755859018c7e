/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The alerts in words. The annotation `headline` is the first line as it stands, `fields` names what
 * is shown below it and in which order; channels without such a thing show summary, description and
 * the single annotations.
 */
#include "cron.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../common/instant.h"
#include "../../common/text.h"

#define ANNOTATIONS 16
#define OWN_LABELS 3
#define SHORT_ID 8     /* characters of an id that people compare */
#define SAID_LINE 240  /* bytes of an error in a summary */
#define SAID_LAST 1200 /* bytes of the output that a message shows */

#define RED "d32f2f"
#define ORANGE "ff9800"

static const char fields[] = "Status=status, Execution ID=execution_id, Duration=duration, "
			     "Error=error, Results=results, What to do=action";

struct letter {
	struct tocsin_alert alert;
	struct tocsin_pair *label;
	json_t *fired; /* whose texts the labels are, or NULL */
	struct tocsin_pair annotation[ANNOTATIONS];
	char *owned[ANNOTATIONS];
	char *job, *link;
	size_t n;
	bool failed;
};

const char *words_duration(int64_t ms, char out[WORDS_DURATION])
{
	int64_t s = ms / 1000;

	if (ms < 100)
		snprintf(out, WORDS_DURATION, "%" PRId64 "ms", ms);
	else if (ms < 60000)
		snprintf(out, WORDS_DURATION, "%.1fs", (double)ms / 1000);
	else if (s < 3600)
		snprintf(out, WORDS_DURATION, "%" PRId64 "m %" PRId64 "s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(out, WORDS_DURATION, "%" PRId64 "h %" PRId64 "m", s / 3600, s / 60 % 60);
	else
		snprintf(out, WORDS_DURATION, "%" PRId64 "d %" PRId64 "h", s / 86400,
			 s / 3600 % 24);
	return out;
}

void letter_free(struct letter *letter)
{
	if (!letter)
		return;
	for (size_t i = 0; i < letter->n; i++)
		free(letter->owned[i]);
	free(letter->label);
	json_decref(letter->fired);
	free(letter->job);
	free(letter->link);
	free(letter);
}

const struct tocsin_alert *letter_alert(const struct letter *letter)
{
	return &letter->alert;
}

static void say(struct letter *letter, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void say(struct letter *letter, const char *name, const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	if (!text) {
		letter->failed = true;
		return;
	}
	letter->owned[letter->n] = text;
	letter->annotation[letter->n++] = (struct tocsin_pair){name, text};
}

/* --- parts --- */

/* The first line of what a run says of itself. */
static void first_line(const char *text, char out[SAID_LINE + 4])
{
	size_t length = strcspn(text, "\r\n"), fits = text_prefix(text, SAID_LINE);

	snprintf(out, SAID_LINE + 4, "%.*s%s", (int)(length < fits ? length : fits), text,
		 length < fits || !text[fits] ? "" : "…");
}

static void last_line(const char *text, char out[SAID_LINE + 4])
{
	size_t end = strlen(text), begin;

	while (end > 0 && strchr(" \t\r\n", text[end - 1]))
		end--;
	for (begin = end; begin > 0 && text[begin - 1] != '\n'; begin--)
		;
	if (end - begin > SAID_LINE)
		end = begin + text_prefix(text + begin, SAID_LINE);
	snprintf(out, SAID_LINE + 4, "%.*s", (int)(end - begin), text + begin);
}

/* Why it failed, in one line; "" when it does not say. */
static void say_error(const struct run *run, char out[SAID_LINE + 4])
{
	out[0] = '\0';
	if (run->error)
		first_line(run->error, out);
	else if (run->output)
		last_line(run->output, out);
	if (*out)
		return;
	if (*run->signal)
		snprintf(out, SAID_LINE + 4, "killed by %s", run->signal);
	else if (run->exit > 0)
		snprintf(out, SAID_LINE + 4, "exit status %d", run->exit);
}

static void put_count(FILE *out, const char *name, int64_t n, bool *more)
{
	if (n < 0)
		return;
	fprintf(out, "%s%s: %" PRId64, *more ? ", " : "", name, n);
	*more = true;
}

/* "Completed: 5, Failed: 2, Errors: 3" */
static void say_results(struct letter *letter, const struct results *results)
{
	char text[256] = "";
	FILE *out = fmemopen(text, sizeof(text), "w");
	bool more = false;

	if (!out) {
		letter->failed = true;
		return;
	}
	put_count(out, "Completed", results->completed, &more);
	put_count(out, "Failed", results->failed, &more);
	put_count(out, "Errors", results->errors, &more);
	put_count(out, "Still processing", results->still_processing, &more);
	put_count(out, "Found", results->total_found, &more);
	fclose(out);
	if (more)
		say(letter, "results", "%s", text);
}

static void say_run(struct letter *letter, const struct run *run)
{
	char duration[WORDS_DURATION], error[SAID_LINE + 4], time[INSTANT_SIZE];

	/* by characters: an id of a table may be anything */
	say(letter, "execution_id", "%.*s%s", (int)text_prefix(run->id, SHORT_ID), run->id,
	    strlen(run->id) > SHORT_ID ? "…" : "");
	if (run->duration_ms >= 0)
		say(letter, "duration", "%s", words_duration(run->duration_ms, duration));
	say(letter, "started_at", "%s", instant_text(run->started_ms, time));
	say_error(run, error);
	if (*error && run->status != RUN_COMPLETED && run->status != RUN_RUNNING)
		say(letter, "error", "%s", error);
	if (run->host)
		say(letter, "host", "%s", run->host);
	say_results(letter, &run->results);
}

/* What the job is, what else is wrong, and what the run wrote last. */
static void say_description(struct letter *letter, const struct job *job, const struct run *run,
			    unsigned int others)
{
	const char *about = job->config ? job->config->description : NULL;
	const char *output = run && run->status != RUN_COMPLETED ? run->output : NULL;
	char also[256] = "", last[SAID_LAST + 1] = "";

	if (output)
		snprintf(last, sizeof(last), "%s", text_last(output, SAID_LAST));
	for (size_t end = strlen(last); end > 0 && strchr(" \t\r\n", last[end - 1]);)
		last[--end] = '\0';
	for (unsigned int i = 0; i < PROBLEMS; i++)
		if (others & 1u << i)
			snprintf(also + strlen(also), sizeof(also) - strlen(also), "%s%s",
				 *also ? ", " : "Also: ", problem_words((enum problem)i)->status);
	if (!about && !*also && !*last)
		return;
	say(letter, "description", "%s%s%s%s%s%s", about ? about : "", about && *also ? "\n" : "",
	    also, (about || *also) && *last ? "\n\n" : "", *last ? "It wrote last:\n" : "", last);
}

/* --- summaries --- */

static void say_summary(struct letter *letter, const struct job *job, const struct run *run,
			enum problem problem)
{
	const struct results *results = &run->results;
	char error[SAID_LINE + 4], took[WORDS_DURATION];

	say_error(run, error);
	switch (problem) {
	case PROBLEM_FAILED:
		say(letter, "summary", "%s failed%s%s", job->name, *error ? ": " : "", error);
		break;
	case PROBLEM_LOST:
		say(letter, "summary", "%s: nobody knows how its run ended%s%s", job->name,
		    run->error ? ": " : "", run->error ? error : "");
		break;
	case PROBLEM_ERROR_RATE:
		say(letter, "summary", "%s: %" PRId64 " %% of %" PRId64 " tasks failed", job->name,
		    error_rate(results), tasks_of(results));
		break;
	case PROBLEM_FAILED_TASKS:
		say(letter, "summary", "%s: %" PRId64 " tasks failed", job->name, results->failed);
		break;
	case PROBLEM_ERRORS:
		say(letter, "summary", "%s: %" PRId64 " errors while processing", job->name,
		    results->errors);
		break;
	case PROBLEM_TOO_LONG:
		say(letter, "summary", "%s ran for %s, which is too long", job->name,
		    words_duration(run->duration_ms, took));
		break;
	case PROBLEM_TOO_SHORT:
		say(letter, "summary", "%s ended after only %s", job->name,
		    words_duration(run->duration_ms, took));
		break;
	default:
		say(letter, "summary", "%s was to start while the run before it still went on",
		    job->name);
		break;
	}
}

static void say_state(struct letter *letter, const struct job *job, enum problem problem,
		      int64_t now_ms)
{
	char time[TOCSIN_LOCAL_TIME], took[WORDS_DURATION];
	const struct job_config *config = job->config;

	int64_t overdue = job_overdue_ms(job, now_ms);

	job_local(job, overdue > 0 ? overdue : job->plan.previous_ms, time);
	switch (problem) {
	case PROBLEM_MISSED:
		say(letter, "summary", "%s did not start: it was due at %s%s", job->name, time,
		    job_own_run(job) ? ", and the run before it still goes on" : "");
		break;
	case PROBLEM_TOO_LONG:
		say(letter, "summary", "%s still runs after %s", job->name,
		    words_duration(config ? config->max_run : 0, took));
		break;
	default:
		say(letter, "summary", "%s failed %" PRId64 " times in a row", job->name,
		    job->failures);
		break;
	}
}

static void say_end(struct letter *letter, const struct job *job, enum problem problem,
		    int64_t now_ms)
{
	char took[WORDS_DURATION];
	int64_t since = job->since_ms[problem];

	words_duration(now_ms > since ? now_ms - since : 0, took);
	switch (problem) {
	case PROBLEM_MISSED:
		if (job->paused) {
			say(letter, "summary", "%s is paused, and not expected until it is resumed",
			    job->name);
			return;
		}
		if (!job_is_scheduled(job)) {
			say(letter, "summary", "%s is no longer expected at any time", job->name);
			return;
		}
		say(letter, "summary", "%s runs again, %s after it was missed", job->name, took);
		break;
	case PROBLEM_TOO_LONG:
		say(letter, "summary", "%s has ended, %s after it should have", job->name, took);
		break;
	default:
		say(letter, "summary", "%s is well again, after it had failed for %s", job->name,
		    took);
		break;
	}
	say(letter, "lasted", "%s", took);
}

/* --- the whole --- */

static bool is_red(enum problem problem)
{
	return problem == PROBLEM_FAILED || problem == PROBLEM_LOST ||
	       problem_words(problem)->state;
}

static enum tocsin_severity severity_of(const struct cron *cron, const struct job *job,
					enum problem problem)
{
	if (!is_red(problem))
		return (enum tocsin_severity)cron->config->error_rate_severity;
	if (job->config && job->config->severity > 0)
		return (enum tocsin_severity)(job->config->severity - 1);
	return (enum tocsin_severity)cron->config->severity;
}

/* A state ends with the labels with which it began, whatever is configured since. */
static void set_fired_labels(struct letter *letter, json_t *fired)
{
	const char *name;
	json_t *value;
	size_t n = 0;

	letter->label = calloc(json_object_size(fired) + 1, sizeof(*letter->label));
	if (!letter->label) {
		letter->failed = true;
		return;
	}
	letter->fired = json_incref(fired);
	json_object_foreach(fired, name, value)
	{
		if (json_is_string(value))
			letter->label[n++] = (struct tocsin_pair){name, json_string_value(value)};
	}
	letter->alert.labels = (struct tocsin_map){letter->label, n};
}

/* The labels of the job follow those of every alert. */
static void set_labels(struct letter *letter, const struct cron *cron, const struct job *job,
		       const struct problem_words *words)
{
	static const struct tocsin_map none;
	const struct tocsin_map *own = job->config ? &job->config->labels : &none;
	const char *name = cron->config->alertname;

	letter->label = calloc(OWN_LABELS + own->n, sizeof(*letter->label));
	letter->job = strdup(job->name);
	if (!letter->label || !letter->job) {
		letter->failed = true;
		return;
	}
	letter->label[0] =
		(struct tocsin_pair){"alertname", name && *name ? name : words->alertname};
	letter->label[1] = (struct tocsin_pair){"job", letter->job};
	letter->label[2] = (struct tocsin_pair){"trigger", words->trigger};
	if (own->n > 0)
		memcpy(letter->label + OWN_LABELS, own->pair, own->n * sizeof(*own->pair));
	letter->alert.labels = (struct tocsin_map){letter->label, OWN_LABELS + own->n};
}

static struct letter *letter_new(const struct cron *cron, const struct job *job,
				 enum problem problem)
{
	const struct problem_words *words = problem_words(problem);
	struct letter *letter = calloc(1, sizeof(*letter));
	const char *link = job->config && job->config->link ? job->config->link
							    : cron->config->link;

	if (!letter)
		return NULL;
	letter->alert = (struct tocsin_alert){.size = sizeof(letter->alert),
					      .severity = severity_of(cron, job, problem)};
	if (link && *link && !(letter->link = strdup(link)))
		letter->failed = true;
	letter->alert.link = letter->link;
	if (job->fired[problem])
		set_fired_labels(letter, job->fired[problem]);
	else
		set_labels(letter, cron, job, words);
	return letter;
}

json_t *letter_table_labels(const struct cron *cron)
{
	const struct table_config *table = &cron->config->table;

	return json_pack("{ss ss}", "alertname", "CronTableFails", "table",
			 table->table ? table->table : "query");
}

static struct letter *letter_end(struct letter *letter)
{
	letter->alert.annotations = (struct tocsin_map){letter->annotation, letter->n};
	if (!letter->failed)
		return letter;
	letter_free(letter);
	return NULL;
}

static enum problem worst_of(unsigned int problems)
{
	unsigned int i = 0;

	while (i + 1 < PROBLEMS && !(problems & 1u << i))
		i++;
	return (enum problem)i;
}

struct letter *letter_of_run(const struct cron *cron, const struct job *job, const struct run *run,
			     unsigned int problems, int64_t now_ms)
{
	enum problem worst = worst_of(problems);
	const struct problem_words *words = problem_words(worst);
	struct letter *letter = letter_new(cron, job, worst);

	if (!letter)
		return NULL;
	letter->alert.status = TOCSIN_EVENT;
	letter->alert.starts_at_ms = run->ended_ms > 0 ? run->ended_ms : now_ms;
	say(letter, "headline", "🔴 Cron Job Alert: %s", job->name);
	say(letter, "color", "%s", is_red(worst) ? RED : ORANGE);
	say(letter, "fields", "%s", fields);
	say(letter, "status", "%s", words->status);
	say(letter, "action", "%s", words->action);
	say_summary(letter, job, run, worst);
	say_run(letter, run);
	say_description(letter, job, run, problems & ~(1u << worst));
	return letter_end(letter);
}

struct letter *letter_of_state(const struct cron *cron, const struct job *job, enum problem problem,
			       bool holds, const struct run *run, int64_t now_ms)
{
	const struct problem_words *words = problem_words(problem);
	struct letter *letter = letter_new(cron, job, problem);

	if (!letter)
		return NULL;
	letter->alert.status = holds ? TOCSIN_FIRING : TOCSIN_RESOLVED;
	letter->alert.starts_at_ms = job->since_ms[problem] > 0 ? job->since_ms[problem] : now_ms;
	letter->alert.ends_at_ms = holds ? 0 : now_ms;
	say(letter, "headline", "%s: %s", holds ? "🔴 Cron Job Alert" : "✅ Cron Job Resolved",
	    job->name);
	say(letter, "fields", "%s", fields);
	say(letter, "status", "%s%s", holds ? "" : "NO LONGER ", words->status);
	if (holds) {
		say(letter, "color", "%s", RED);
		say(letter, "action", "%s", words->action);
		say_state(letter, job, problem, now_ms);
	} else {
		say_end(letter, job, problem, now_ms);
	}
	if (run)
		say_run(letter, run);
	say_description(letter, job, holds ? run : NULL, 0);
	return letter_end(letter);
}

struct letter *letter_of_table(const struct cron *cron, const struct unread *unread,
			       const char *why, int64_t lasted_ms, int64_t now_ms)
{
	struct letter *letter = calloc(1, sizeof(*letter));
	char took[WORDS_DURATION];

	if (!letter)
		return NULL;
	letter->alert = (struct tocsin_alert){
		.size = sizeof(letter->alert),
		.severity = (enum tocsin_severity)cron->config->severity,
		.status = why ? TOCSIN_FIRING : TOCSIN_RESOLVED,
		.starts_at_ms = unread->since_ms,
		.ends_at_ms = why ? 0 : now_ms,
	};
	set_fired_labels(letter, unread->fired);
	words_duration(lasted_ms, took);
	if (why)
		say(letter, "summary", "the table of runs could not be read for %s: %s", took, why);
	else if (cron->config->table.connection)
		say(letter, "summary", "the table of runs can be read again, after %s", took);
	else
		say(letter, "summary", "the table of runs is no longer read");
	return letter_end(letter);
}
