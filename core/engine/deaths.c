/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/deaths.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "engine/intake.h"

/* What happened in one channel since it was told last. */
struct death {
	struct death *next;
	char *channel;
	int64_t n;
	int64_t told_ms;  /* boot time of the last alert; 0: there was none */
	int64_t delivery; /* the first of the n, and why */
	char why[320];
};

bool deaths_is_own(const char *source)
{
	return strcmp(source, DEATHS_SOURCE) == 0;
}

static struct death *find_or_add(struct deaths *deaths, const char *channel)
{
	struct death *death;

	for (death = deaths->first; death; death = death->next)
		if (strcmp(death->channel, channel) == 0)
			return death;
	death = calloc(1, sizeof(*death));
	if (!death)
		return NULL;
	death->channel = strdup(channel);
	if (!death->channel) {
		free(death);
		return NULL;
	}
	death->next = deaths->first;
	deaths->first = death;
	return death;
}

static void ask(struct engine *engine)
{
	if (engine->deaths.asked)
		return;
	engine->deaths.asked = true;
	store_submit(engine->store, &engine->deaths.request);
}

void deaths_expect(struct engine *engine)
{
	ask(engine);
}

void deaths_note(struct engine *engine, const char *channel, const char *source, int64_t delivery,
		 const char *why)
{
	struct death *death;

	if (deaths_is_own(source))
		return;
	death = find_or_add(&engine->deaths, channel);
	if (!death)
		return; /* memory is short; the log and 'tocsin dead list' have it */
	if (death->n++ == 0) {
		death->delivery = delivery;
		snprintf(death->why, sizeof(death->why), "%.*s",
			 (int)text_prefix(why, strlen(why), sizeof(death->why) - 1), why);
	}
	engine->deaths.news = true;
	ask(engine);
}

static int make_alert(const struct death *death, enum tocsin_severity severity,
		      struct alert **alert)
{
	char number[24], which[128], summary[512], description[512];
	const struct tocsin_pair label[] = {{"alertname", "DeliveryDead"},
					    {"channel", death->channel}};
	const struct tocsin_pair note[] = {
		{"count", number}, {"description", description}, {"summary", summary}};
	const struct tocsin_alert from = {.size = sizeof(from),
					  .severity = severity,
					  .status = TOCSIN_EVENT,
					  .labels = {label, 2},
					  .annotations = {note, 3}};
	struct error err;

	snprintf(number, sizeof(number), "%lld", (long long)death->n);
	if (death->n == 1)
		snprintf(summary, sizeof(summary), "%s: a delivery was given up", death->channel);
	else
		snprintf(summary, sizeof(summary), "%s: %s deliveries were given up",
			 death->channel, number);
	/* One of a queue is a dead letter no longer: its row decides. */
	if (death->delivery)
		snprintf(which, sizeof(which), "deliveries %lld", (long long)death->delivery);
	else
		snprintf(which, sizeof(which), "dead list --channel %s", death->channel);
	snprintf(description, sizeof(description), "%s%s (see 'tocsin %s')",
		 death->n == 1 ? "" : "The first of them: ", death->why, which);
	return alert_new(&from, DEATHS_SOURCE, clock_wall_ms(), NULL, alert, &err);
}

static void kept(int result, void *data)
{
	struct engine *engine = data;

	if (result < 0)
		log_write(engine->log, TOCSIN_LOG_WARNING, "dead_alerts",
			  "the alert about dead deliveries could not be stored: %s",
			  strerror(-result));
}

static void tell(struct engine *engine, struct death *death, enum tocsin_severity severity)
{
	struct alert *alert;
	struct intake *intake = NULL;
	int result = make_alert(death, severity, &alert);

	if (result == 0)
		result = intake_about(engine, alert, death->channel, &intake);
	if (result == 0 && intake)
		intake_submit(intake, kept, engine);
	else if (result == 0)
		log_write(engine->log, TOCSIN_LOG_DEBUG, death->channel,
			  "no other channel is to hear of its dead deliveries");
	else
		kept(result, engine);
}

void deaths_look(struct engine *engine)
{
	int64_t now = clock_boot_ms(), every;
	enum tocsin_severity severity;
	bool enabled;

	pthread_rwlock_rdlock(&engine->lock);
	enabled = engine->current->settings->dead_alerts.enabled;
	every = engine->current->settings->dead_alerts.every;
	severity = (enum tocsin_severity)engine->current->settings->dead_alerts.severity;
	pthread_rwlock_unlock(&engine->lock);
	for (struct death *death = engine->deaths.first; death; death = death->next) {
		if (death->n == 0 || (death->told_ms && now - death->told_ms < every))
			continue;
		if (enabled)
			tell(engine, death, severity);
		death->n = 0;
		death->told_ms = now;
	}
}

static struct engine *engine_of(struct store_request *request)
{
	return (struct engine *)((char *)request - offsetof(struct engine, deaths.request));
}

/* Here, not when it is done: a run that is once must see that there is more to do. */
static int apply_look(struct store_request *request, const struct transaction *transaction)
{
	struct engine *engine = engine_of(request);

	(void)transaction;
	engine->deaths.news = false;
	deaths_look(engine);
	return 0;
}

static void looked(struct store_request *request, int result)
{
	struct engine *engine = engine_of(request);

	(void)result;
	engine->deaths.asked = false;
	if (engine->deaths.news) /* after it looked, in the same transaction */
		ask(engine);
}

void deaths_init(struct engine *engine)
{
	engine->deaths.request =
		(struct store_request){.apply = apply_look, .done = looked, .persist = true};
}

void deaths_done(struct engine *engine)
{
	struct death *death;

	while ((death = engine->deaths.first)) {
		engine->deaths.first = death->next;
		free(death->channel);
		free(death);
	}
}
