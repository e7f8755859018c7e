/* SPDX-License-Identifier: Apache-2.0 */
/* News as alerts: labels are the identity of a row, annotations what there is to say. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../common/draft.h"
#include "threshold.h"

#define MOST_PAIRS 64
#define LONGEST_TEXT 16000

static const char *const severity_name[] = {"debug", "info",     "notice",   "warning",
					    "error", "critical", "emergency"};

/* Memory that lives as long as the batch. NULL fails the batch. */
static void *own(struct batch *batch, void *memory)
{
	if (batch->n_owned == batch->owned_room) {
		size_t room = 2 * batch->owned_room + 16;
		void **grown = realloc(batch->owned, room * sizeof(*grown));

		if (!grown) {
			free(memory);
			memory = NULL;
		} else {
			batch->owned = grown;
			batch->owned_room = room;
		}
	}
	if (memory)
		batch->owned[batch->n_owned++] = memory;
	else
		batch->failed = true;
	return memory;
}

static const char *own_format(struct batch *batch, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static const char *own_format(struct batch *batch, const char *format, ...)
{
	va_list args;
	char *text = NULL;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	return own(batch, text);
}

void batch_done(struct batch *batch)
{
	for (size_t i = 0; i < batch->n_owned; i++)
		free(batch->owned[i]);
	free(batch->owned);
	free(batch->emission);
	*batch = (struct batch){0};
}

static struct tocsin_alert *add_alert(struct batch *batch)
{
	if (batch->n == batch->room) {
		size_t room = 2 * batch->room + 8;
		struct tocsin_emission *grown = realloc(batch->emission, room * sizeof(*grown));

		if (!grown) {
			batch->failed = true;
			return NULL;
		}
		batch->emission = grown;
		batch->room = room;
	}
	batch->emission[batch->n] = (struct tocsin_emission){0};
	batch->emission[batch->n].alert.size = sizeof(struct tocsin_alert);
	return &batch->emission[batch->n++].alert;
}

/* The pairs of one alert, on their way. */
struct pairs {
	struct batch *batch;
	struct tocsin_pair *pair; /* MOST_PAIRS */
	size_t n;
};

static bool pairs_begin(struct pairs *pairs, struct batch *batch)
{
	*pairs = (struct pairs){.batch = batch};
	pairs->pair = own(batch, calloc(MOST_PAIRS, sizeof(*pairs->pair)));
	return pairs->pair;
}

static void add(struct pairs *pairs, const char *name, const char *value)
{
	if (value && *value && pairs->n < MOST_PAIRS)
		pairs->pair[pairs->n++] = (struct tocsin_pair){name, value};
}

static const char *cut(struct batch *batch, char *text)
{
	size_t end = LONGEST_TEXT;

	text = own(batch, text);
	if (text && strlen(text) > LONGEST_TEXT) {
		while (((unsigned char)text[end] & 0xc0) == 0x80)
			end--;
		text[end] = '\0';
	}
	return text;
}

static void add_labels(struct pairs *pairs, json_t *labels)
{
	const char *name;
	json_t *value;

	json_object_foreach(labels, name, value) add(pairs, name, json_string_value(value));
}

static int64_t severity_of(const struct check_config *config, enum level level)
{
	if (level == LEVEL_CRITICAL)
		return config->critical_severity;
	return level == LEVEL_WARNING ? config->warning_severity : config->unknown_severity;
}

/* "SLA Compliance", "First-time fix rate (Ada)" */
static const char *default_summary(struct batch *batch, const struct check *check,
				   const struct row *row)
{
	const char *name, *before = " (";
	struct draft draft;
	json_t *value;

	if (!draft_begin(&draft))
		return own(batch, NULL);
	fputs(check->config->name, draft.out);
	json_object_foreach(row->own, name, value)
	{
		fprintf(draft.out, "%s%s", before, json_string_value(value));
		before = ", ";
	}
	if (json_object_size(row->own) > 0)
		fputc(')', draft.out);
	return own(batch, draft_end(&draft, NULL));
}

/* What one alert is made of. */
struct story {
	struct batch *batch;
	const struct check *check;
	const struct row *row;
	const struct found *found;
	const struct findings *findings;
	const struct verdict *verdict;
	const struct steady *now;
	const char *value, *threshold; /* with their units; value NULL: there is no figure */
};

static const char *fill(const struct story *s, const char *text)
{
	const struct tocsin_pair value[] = {
		{"value", s->value ? s->value : ""},
		{"threshold", s->threshold ? s->threshold : ""},
		{"state", words_level(s->row->next.level)},
		{"check", s->check->config->name},
	};

	return cut(s->batch, words_fill(text, value, TOCSIN_COUNT(value),
					s->findings ? s->findings->rows : NULL,
					s->found ? s->found->row : -1));
}

static const char *describe_missing(const struct story *s)
{
	if (s->found && s->found->finding == FOUND_ERROR)
		return own_format(s->batch, "The check failed: %s", s->findings->error);
	if (s->found && s->found->finding == FOUND_NULL)
		return "The value is NULL";
	return "The query gives no rows";
}

static const char *describe_firing(const struct story *s)
{
	const struct check_config *config = s->check->config;
	const char *text = config->description;

	if (!s->value)
		return describe_missing(s);
	if (text && *text)
		return fill(s, text);
	return own_format(s->batch, "%s is %s (%s)", s->value, words_level(s->row->next.level),
			  s->threshold);
}

static const char *describe_flapping(const struct story *s)
{
	char window[80];

	words_duration(s->check->limits.flap_window_ms, window, sizeof(window));
	return own_format(s->batch,
			  "It has changed %lld times within %s and is %s now%s%s. No more news "
			  "until it is calm",
			  (long long)s->row->next.changes, window, words_level(s->row->next.level),
			  s->value ? ", at " : "", s->value ? s->value : "");
}

static const char *describe_resolved(const struct story *s)
{
	char lasted[80];

	words_duration(s->verdict->lasted_ms, lasted, sizeof(lasted));
	if (s->verdict->forget)
		return own_format(s->batch, "It is no longer among the rows, after %s", lasted);
	return own_format(s->batch, "Back to normal after %s%s%s (was %s)", lasted,
			  s->value ? ", at " : "", s->value ? s->value : "",
			  words_level(s->verdict->previous));
}

static const char *describe(const struct story *s)
{
	switch (s->verdict->news) {
	case NEWS_RESOLVED:
		return describe_resolved(s);
	case NEWS_FLAPPING:
		return describe_flapping(s);
	case NEWS_FIRING:
	case NEWS_REPEATED:
	case NEWS_NONE:
		break;
	}
	return describe_firing(s);
}

/* The rows behind the figure, where they say more than it. */
static const char *table(const struct story *s)
{
	const struct findings *f = s->findings;

	if (!f || !f->rows || !s->found || s->found->finding == FOUND_ERROR ||
	    PQntuples(f->rows) == 0 || PQnfields(f->rows) == 0)
		return NULL;
	if (PQnfields(f->rows) == 1 && PQntuples(f->rows) == 1)
		return NULL;
	return cut(s->batch, words_table(f->rows, f->more, f->by_row ? s->found->row : -1));
}

static const char *iso(struct batch *batch, int64_t wall_ms)
{
	char text[40];

	words_time(wall_ms, text, sizeof(text));
	return own_format(batch, "%s", text);
}

static void annotate(const struct story *s, struct pairs *pairs)
{
	const struct check_config *config = s->check->config;
	char lasted[80];

	add(pairs, "summary",
	    config->summary && *config->summary ? fill(s, config->summary)
						: default_summary(s->batch, s->check, s->row));
	add(pairs, "description", describe(s));
	if (s->value) {
		add(pairs, "metric_value", own_format(s->batch, "%s", s->found->text));
		add(pairs, "value", s->value);
	}
	add(pairs, "threshold", s->threshold);
	add(pairs, "state",
	    s->verdict->forget      ? "gone"
	    : s->row->next.flapping ? "flapping"
				    : words_level(s->row->next.level));
	add(pairs, "previous_state", words_level(s->verdict->previous));
	add(pairs, "since", iso(s->batch, steady_to_wall(s->now, s->row->next.since_ms)));
	if (s->verdict->news == NEWS_RESOLVED) {
		words_duration(s->verdict->lasted_ms, lasted, sizeof(lasted));
		add(pairs, "duration", own_format(s->batch, "%s", lasted));
	}
	add(pairs, "table", table(s));
}

/* Status, times and severity. */
static void date(struct tocsin_alert *alert, const struct verdict *verdict,
		 const struct track *track, int64_t severity, const struct steady *now)
{
	alert->severity = (enum tocsin_severity)severity;
	/* Said by name, so that a label of the same name cannot say another one. */
	alert->severity_name = severity_name[severity];
	alert->status = TOCSIN_FIRING;
	if (verdict->news == NEWS_RESOLVED) {
		alert->status = TOCSIN_RESOLVED;
		alert->starts_at_ms = steady_to_wall(now, now->now_ms - verdict->lasted_ms);
		alert->ends_at_ms = now->wall_ms;
	} else {
		alert->starts_at_ms = steady_to_wall(now, track->fired_ms);
	}
}

void tell(struct batch *batch, const struct check *check, struct row *row,
	  const struct found *found, const struct findings *findings, const struct verdict *verdict,
	  const struct steady *now)
{
	struct story story = {.batch = batch,
			      .check = check,
			      .row = row,
			      .found = found,
			      .findings = findings,
			      .verdict = verdict,
			      .now = now};
	enum level level = row->next.level > LEVEL_OK ? row->next.level : verdict->previous;
	struct tocsin_alert *alert = add_alert(batch);
	struct pairs labels, annotations;

	if (!alert || !pairs_begin(&labels, batch) || !pairs_begin(&annotations, batch))
		return;
	story.threshold = own(batch, words_threshold(check->config));
	if (found && found->finding == FOUND_VALUE)
		story.value = own(batch, words_value(check->config, found->text));
	add_labels(&labels, row->labels);
	annotate(&story, &annotations);
	alert->labels = (struct tocsin_map){labels.pair, labels.n};
	alert->annotations = (struct tocsin_map){annotations.pair, annotations.n};
	alert->link = check->config->link;
	date(alert, verdict, &row->next, severity_of(check->config, level), now);
}

void tell_gone(struct batch *batch, const struct row *row, const char *name,
	       const struct steady *now)
{
	struct verdict verdict = {.news = NEWS_RESOLVED,
				  .lasted_ms = now->now_ms - row->track.fired_ms};
	struct tocsin_alert *alert = add_alert(batch);
	struct pairs labels, annotations;

	if (!alert || !pairs_begin(&labels, batch) || !pairs_begin(&annotations, batch))
		return;
	add_labels(&labels, row->labels);
	add(&annotations, "summary", own_format(batch, "%s", name));
	add(&annotations, "description", "The check is no longer configured");
	add(&annotations, "state", "gone");
	alert->labels = (struct tocsin_map){labels.pair, labels.n};
	alert->annotations = (struct tocsin_map){annotations.pair, annotations.n};
	date(alert, &verdict, &row->track, TOCSIN_WARNING, now);
}

char *tell_database(const struct config *config)
{
	PQconninfoOption *all = PQconninfoParse(config->connection, NULL), *option;
	const char *name = "", *host = "";
	char *text = NULL;

	for (option = all; option && option->keyword; option++) {
		if (strcmp(option->keyword, "dbname") == 0 && option->val)
			name = option->val;
		if (strcmp(option->keyword, "host") == 0 && option->val)
			host = option->val;
	}
	if (!all && !strchr(config->connection, '=') && !strstr(config->connection, "://"))
		name = config->connection;
	if (asprintf(&text, "%s%s%s", *name ? name : "default", *host ? " on " : "", host) < 0)
		text = NULL;
	PQconninfoFree(all);
	return text;
}

void tell_down(struct batch *batch, const struct config *config, const char *database,
	       const char *why, const struct verdict *verdict, const struct track *track,
	       const struct steady *now)
{
	struct tocsin_alert *alert = add_alert(batch);
	struct pairs labels, annotations;
	char lasted[80];

	if (!alert || !pairs_begin(&labels, batch) || !pairs_begin(&annotations, batch))
		return;
	add(&labels, "alertname", "ThresholdDatabaseDown");
	add(&labels, "database", own_format(batch, "%s", database));
	if (verdict->news == NEWS_RESOLVED) {
		words_duration(verdict->lasted_ms, lasted, sizeof(lasted));
		add(&annotations, "summary",
		    own_format(batch, "The checks reach database %s again", database));
		add(&annotations, "description",
		    own_format(batch, "It could not be reached for %s", lasted));
		add(&annotations, "duration", own_format(batch, "%s", lasted));
	} else {
		add(&annotations, "summary",
		    own_format(batch, "The checks cannot reach database %s", database));
		add(&annotations, "description",
		    own_format(batch, "%s; all checks keep their states until it is back", why));
	}
	alert->labels = (struct tocsin_map){labels.pair, labels.n};
	alert->annotations = (struct tocsin_map){annotations.pair, annotations.n};
	date(alert, verdict, track, config->down_severity, now);
}
