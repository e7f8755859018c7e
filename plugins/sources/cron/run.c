/* SPDX-License-Identifier: Apache-2.0 */
#include "cron.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "../../common/instant.h"
#include "../../common/text.h"
#include "../../common/tojson.h"

static const char *const status_words[] = {"running", "completed", "failed", "missed", "lost"};
static const char *const cause_words[] = {"schedule", "manual", "report", "table"};

const char *run_status_word(enum run_status status)
{
	return status_words[status];
}

bool run_status_read(const char *word, enum run_status *status)
{
	static const struct {
		const char *word;
		enum run_status status;
	} known[] = {
		{"running", RUN_RUNNING},     {"started", RUN_RUNNING},
		{"in_progress", RUN_RUNNING}, {"pending", RUN_RUNNING},
		{"processing", RUN_RUNNING},  {"completed", RUN_COMPLETED},
		{"complete", RUN_COMPLETED},  {"success", RUN_COMPLETED},
		{"succeeded", RUN_COMPLETED}, {"ok", RUN_COMPLETED},
		{"done", RUN_COMPLETED},      {"finished", RUN_COMPLETED},
		{"failed", RUN_FAILED},       {"fail", RUN_FAILED},
		{"failure", RUN_FAILED},      {"error", RUN_FAILED},
		{"errored", RUN_FAILED},      {"timeout", RUN_FAILED},
		{"timed_out", RUN_FAILED},    {"cancelled", RUN_FAILED},
		{"canceled", RUN_FAILED},     {"missed", RUN_MISSED},
		{"lost", RUN_LOST},
	};

	for (size_t i = 0; i < TOCSIN_COUNT(known); i++) {
		if (strcasecmp(word, known[i].word) == 0) {
			*status = known[i].status;
			return true;
		}
	}
	return false;
}

void results_none(struct results *results)
{
	*results = (struct results){-1, -1, -1, -1, -1};
}

bool results_any(const struct results *results)
{
	return results->completed >= 0 || results->failed >= 0 || results->still_processing >= 0 ||
	       results->errors >= 0 || results->total_found >= 0;
}

void run_init(struct run *run, const char *id, enum run_cause cause, int64_t started_ms)
{
	*run = (struct run){
		.cause = cause, .started_ms = started_ms, .duration_ms = -1, .exit = -1};
	snprintf(run->id, sizeof(run->id), "%s", id);
	results_none(&run->results);
}

void run_done(struct run *run)
{
	free(run->error);
	free(run->output);
	free(run->host);
	free(run->user);
	free(run->command);
	run->error = run->output = run->host = run->user = run->command = NULL;
}

void run_time(struct run *run, int64_t age_ms)
{
	run->timed = true;
	run->began_boot_ms = cron_boot_ms() - (age_ms > 0 ? age_ms : 0);
}

int64_t run_age_ms(const struct run *run)
{
	return run->timed ? cron_boot_ms() - run->began_boot_ms : 0;
}

void run_end(struct run *run, enum run_status status, int64_t ended_ms)
{
	run->status = status;
	run->ended_ms = ended_ms;
	if (run->duration_ms < 0 && ended_ms >= run->started_ms)
		run->duration_ms = ended_ms - run->started_ms;
}

bool run_text(char **into, const char *text)
{
	char *copy = text && *text ? strndup(text, text_prefix(text, CRON_TEXT)) : NULL;

	free(*into);
	*into = copy;
	return copy || !text || !*text;
}

void run_new_id(char id[CRON_ID + 1])
{
	uint8_t byte[16];
	size_t used = 0;

	while (getrandom(byte, sizeof(byte), 0) != sizeof(byte))
		;
	byte[6] = (uint8_t)((byte[6] & 0x0f) | 0x40);
	byte[8] = (uint8_t)((byte[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < sizeof(byte); i++)
		used += (size_t)snprintf(id + used, CRON_ID + 1 - used, "%s%02x",
					 i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", byte[i]);
}

/* --- results --- */

static const struct figure {
	const char *name, *camel;
	size_t offset;
} figures[] = {
	{"completed", "completed", offsetof(struct results, completed)},
	{"failed", "failed", offsetof(struct results, failed)},
	{"still_processing", "stillProcessing", offsetof(struct results, still_processing)},
	{"errors", "errors", offsetof(struct results, errors)},
	{"total_found", "totalFound", offsetof(struct results, total_found)},
};

static int64_t *figure_of(struct results *results, const struct figure *figure)
{
	return (int64_t *)(void *)((char *)results + figure->offset);
}

/* A number, or a list of that many things; -1 when it is neither. */
static int64_t count_of(const json_t *value)
{
	double number = json_is_number(value) ? json_number_value(value) : -1;

	if (json_is_array(value))
		return (int64_t)json_array_size(value);
	return number >= 0 && number < 1e15 ? (int64_t)number : -1;
}

static const char *first_text(const json_t *list)
{
	const json_t *first = json_array_get(list, 0);

	if (json_is_object(first)) {
		const json_t *message = json_object_get(first, "message");

		first = message ? message : json_object_get(first, "error");
	}
	return json_string_value(first);
}

bool results_read(struct results *results, const json_t *object, char **error)
{
	for (size_t i = 0; i < TOCSIN_COUNT(figures); i++) {
		const json_t *value = json_object_get(object, figures[i].name);

		if (!value)
			value = json_object_get(object, figures[i].camel);
		if (value)
			*figure_of(results, &figures[i]) = count_of(value);
	}
	if (error && !*error)
		(void)run_text(error, first_text(json_object_get(object, "errors")));
	return results_any(results);
}

bool results_find(struct results *results, const char *output)
{
	size_t end = output ? strlen(output) : 0, begin;
	json_t *object;
	bool found;

	while (end > 0 && strchr(" \t\r\n", output[end - 1]))
		end--;
	for (begin = end; begin > 0 && output[begin - 1] != '\n'; begin--)
		;
	if (end == begin || output[begin] != '{')
		return false;
	object = json_loadb(output + begin, end - begin, 0, NULL);
	found = json_is_object(object) && results_read(results, object, NULL);
	json_decref(object);
	return found;
}

static json_t *results_json(const struct results *results)
{
	struct results copy = *results;
	json_t *object;

	if (!results_any(results))
		return json_null();
	object = json_object();
	for (size_t i = 0; i < TOCSIN_COUNT(figures); i++) {
		int64_t n = *figure_of(&copy, &figures[i]);

		json_object_set_new(object, figures[i].name, n < 0 ? json_null() : json_integer(n));
	}
	return object;
}

/* --- as JSON --- */

static json_t *time_json(int64_t ms)
{
	char text[INSTANT_SIZE];

	return ms > 0 ? json_string(instant_text(ms, text)) : json_null();
}

static json_t *number_json(int64_t number)
{
	return number >= 0 ? json_integer(number) : json_null();
}

static json_t *text_json(const char *text)
{
	return text && *text ? tojson_text(text) : json_null();
}

static json_t *usage_json(const struct run *run)
{
	if (!run->has_usage)
		return json_null();
	return json_pack("{sI sI so}", "user_ms", (json_int_t)run->user_ms, "system_ms",
			 (json_int_t)run->system_ms, "max_rss_kib", number_json(run->max_rss_kib));
}

char *run_json(const struct run *run, const char *job)
{
	json_t *object = json_pack(
		"{so so ss ss so so so so so so so so so}", "id", tojson_text(run->id), "job",
		tojson_text(job), "trigger", cause_words[run->cause], "status",
		status_words[run->status], "started_at", time_json(run->started_ms), "completed_at",
		time_json(run->ended_ms), "duration_ms", number_json(run->duration_ms), "exit",
		number_json(run->exit), "signal", text_json(run->signal), "results",
		results_json(&run->results), "error_message", text_json(run->error), "output",
		text_json(run->output), "usage", usage_json(run));
	json_t *further = json_pack("{so so so so sb sb}", "due_at", time_json(run->due_ms), "host",
				    text_json(run->host), "user", text_json(run->user), "command",
				    text_json(run->command), "own", (int)run->own, "again",
				    (int)run->again);
	char *text = NULL;

	if (object && further && json_object_update(object, further) == 0)
		text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	json_decref(further);
	return text;
}

void run_add_time(const struct run *run, json_t *item)
{
	if (run && run->own)
		(void)json_object_set_new(item, "duration_ms", json_integer(run_age_ms(run)));
}

static int word_index(const json_t *object, const char *name, const char *const *words, size_t n)
{
	const char *word = json_string_value(json_object_get(object, name));

	for (size_t i = 0; word && i < n; i++)
		if (strcmp(words[i], word) == 0)
			return (int)i;
	return -1;
}

static int64_t read_time(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	int64_t ms = 0;

	return text && instant_read(text, &ms) ? ms : 0;
}

static int64_t read_number(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return json_is_integer(value) ? json_integer_value(value) : -1;
}

static void read_usage(struct run *run, const json_t *usage)
{
	run->has_usage = json_is_object(usage);
	if (!run->has_usage)
		return;
	run->user_ms = read_number(usage, "user_ms");
	run->system_ms = read_number(usage, "system_ms");
	run->max_rss_kib = read_number(usage, "max_rss_kib");
}

static bool read_texts(struct run *run, const json_t *object)
{
	struct {
		const char *name;
		char **into;
	} texts[] = {{"error_message", &run->error},
		     {"output", &run->output},
		     {"host", &run->host},
		     {"user", &run->user},
		     {"command", &run->command}};
	const char *signal = json_string_value(json_object_get(object, "signal"));

	snprintf(run->signal, sizeof(run->signal), "%s", signal ? signal : "");
	for (size_t i = 0; i < TOCSIN_COUNT(texts); i++)
		if (!run_text(texts[i].into,
			      json_string_value(json_object_get(object, texts[i].name))))
			return false;
	return true;
}

bool run_read(struct run *run, const char *json)
{
	json_t *object = json_loads(json, 0, NULL);
	const char *id = json_string_value(json_object_get(object, "id"));
	int status = word_index(object, "status", status_words, TOCSIN_COUNT(status_words));
	int cause = word_index(object, "trigger", cause_words, TOCSIN_COUNT(cause_words));
	bool good = id && status >= 0 && cause >= 0 && strlen(id) <= CRON_ID;

	if (good) {
		run_init(run, id, (enum run_cause)cause, read_time(object, "started_at"));
		run->status = (enum run_status)status;
		run->ended_ms = read_time(object, "completed_at");
		run->due_ms = read_time(object, "due_at");
		run->duration_ms = read_number(object, "duration_ms");
		run->exit = (int)read_number(object, "exit");
		run->own = json_is_true(json_object_get(object, "own"));
		run->again = json_is_true(json_object_get(object, "again"));
		(void)results_read(&run->results, json_object_get(object, "results"), NULL);
		read_usage(run, json_object_get(object, "usage"));
		good = read_texts(run, object);
		if (!good)
			run_done(run);
	}
	json_decref(object);
	return good;
}
