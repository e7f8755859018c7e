/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/intake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/id.h"
#include "engine/fallen.h"

void intake_free(struct intake *intake)
{
	if (!intake)
		return;
	for (size_t i = 0; i < intake->n; i++) {
		alert_free(intake->entry[i].alert);
		free(intake->entry[i].body);
	}
	free(intake->entry);
	arena_free(intake->arena);
	free(intake);
}

typedef int decide_fn(const struct settings *settings, const struct tocsin_alert *alert,
		      const char *channel, struct arena *arena, struct decisions *decisions);

static int decide_all(struct intake *intake, decide_fn *by, const char *channel)
{
	struct engine *engine = intake->engine;
	int result = 0;

	pthread_rwlock_rdlock(&engine->lock);
	for (size_t i = 0; i < intake->n && result == 0; i++)
		result = by(engine->current->settings, &intake->entry[i].alert->pub, channel,
			    intake->arena, &intake->entry[i].decisions);
	pthread_rwlock_unlock(&engine->lock);
	return result;
}

/* The same row gives the same key whichever store and machine it passes through. */
static int make_key(const struct intake_entry *entry, const struct decision *decision,
		    char key[ID_TEXT])
{
	const struct tocsin_alert *alert = &entry->alert->pub;
	char number[16];

	snprintf(number, sizeof(number), "%d", entry->generation);
	if (entry->mark)
		return id_derive((const char *const[]){alert->source, entry->mark,
						       decision->channel, decision->recipient,
						       number},
				 5, key);
	return id_derive((const char *const[]){alert->id, decision->channel, decision->recipient},
			 3, key);
}

/* The decisions as the store takes them, but for when they are due. */
static int prepare(struct intake *intake, struct intake_entry *entry, int generation)
{
	size_t n = entry->decisions.n;
	struct tocsin_new_delivery *delivery =
		arena_alloc(intake->arena, n * (sizeof(*delivery) + ID_TEXT));
	char(*key)[ID_TEXT];

	if (!delivery)
		return -ENOMEM;
	key = (char(*)[ID_TEXT])(delivery + n); /* behind them */
	entry->generation = generation;
	entry->failed_at_once = false;
	for (size_t i = 0; i < n; i++) {
		const struct decision *decision = &entry->decisions.item[i];

		if (make_key(entry, decision, key[i]) < 0)
			return -ENOMEM;
		delivery[i] = (struct tocsin_new_delivery){.channel = decision->channel,
							   .recipient = decision->recipient,
							   .route = decision->route,
							   .key = key[i],
							   .state = decision->state,
							   .reason = decision->reason};
		entry->failed_at_once |= decision->state == TOCSIN_STATE_DEAD;
	}
	entry->delivery = delivery;
	return 0;
}

static int write_body(struct intake_entry *entry)
{
	if (!entry->body)
		entry->body = alert_to_json(&entry->alert->pub);
	return entry->body ? 0 : -ENOMEM;
}

/* What the store's thread need not do. One with a mark may be known, or be there once more. */
static int prepare_ahead(struct intake *intake)
{
	int result = 0;

	for (size_t i = 0; i < intake->n && result == 0; i++) {
		if (intake->entry[i].mark)
			continue;
		result = prepare(intake, &intake->entry[i], 0);
		if (result == 0)
			result = write_body(&intake->entry[i]);
	}
	return result;
}

/* In the transaction: they are due from now on. */
static int complete(struct intake *intake, struct intake_entry *entry, int generation)
{
	int64_t due = dispatch_now_ms(intake->engine->dispatch);
	int result = 0;

	if (!entry->delivery || entry->generation != generation)
		result = prepare(intake, entry, generation);
	for (size_t i = 0; i < entry->decisions.n && result == 0; i++)
		entry->delivery[i].due_ms = due;
	return result;
}

static int make(struct engine *engine, struct alert **alerts, const char *const *marks, size_t n,
		decide_fn *by, const char *channel, struct intake **result)
{
	struct intake *intake = calloc(1, sizeof(*intake));
	struct intake_entry *entry = calloc(n + 1, sizeof(*entry)); /* none has to be some memory */
	int code;

	if (intake && entry)
		intake->arena = arena_new();
	if (!intake || !entry || !intake->arena) {
		for (size_t i = 0; i < n; i++)
			alert_free(alerts[i]);
		free(entry);
		free(intake);
		return -ENOMEM;
	}
	intake->engine = engine;
	intake->entry = entry;
	intake->n = n;
	for (size_t i = 0; i < n; i++) {
		entry[i].alert = alerts[i];
		entry[i].mark = marks ? marks[i] : NULL;
	}
	code = decide_all(intake, by, channel);
	if (code == 0)
		code = prepare_ahead(intake);
	if (code < 0) {
		intake_free(intake);
		return code;
	}
	FAULT_POINT("intake.decided");
	*result = intake;
	return 0;
}

int intake_new(struct engine *engine, struct alert **alerts, const char *const *marks, size_t n,
	       const char *channel, struct intake **result)
{
	return make(engine, alerts, marks, n, decide, channel, result);
}

int intake_about(struct engine *engine, struct alert *alert, const char *channel,
		 struct intake **result)
{
	int code = make(engine, &alert, NULL, 1, decide_about, channel, result);

	if (code == 0 && (*result)->entry->decisions.n == 0) {
		intake_free(*result);
		*result = NULL;
	}
	return code;
}

/* Some deliveries are dead from the start, such as one without a recipient. */
static void note_deaths(struct intake *intake, const struct intake_entry *entry)
{
	for (size_t i = 0; i < entry->decisions.n; i++) {
		const struct decision *decision = &entry->decisions.item[i];

		if (decision->state == TOCSIN_STATE_DEAD)
			deaths_note(intake->engine, decision->channel, entry->alert->pub.source, 0,
				    decision->reason);
	}
}

/* After the commit: a transaction that is rolled back is done again. */
void intake_done(struct store_request *request, int result)
{
	struct intake *intake = (struct intake *)request;

	for (size_t i = 0; result == 0 && i < intake->n; i++)
		if (intake->entry[i].result == TOCSIN_ACCEPTED && intake->entry[i].failed_at_once)
			note_deaths(intake, &intake->entry[i]);
}

static void accepted(struct store_request *request, int result)
{
	struct intake *intake = (struct intake *)request;

	intake_done(request, result);
	intake->done(result, intake->data);
	intake_free(intake);
}

void intake_submit(struct intake *intake, engine_accepted_fn *done, void *data)
{
	intake->done = done;
	intake->data = data;
	intake->request.apply = intake_apply;
	intake->request.adds = intake->n;
	intake->request.done = accepted;
	store_submit(intake->engine->store, &intake->request);
}

/* What becomes of an alert that was known may wait for others than its routes say today: channels that
 * stand in, or those of an earlier configuration. */
static void announce(struct intake *intake, const struct intake_entry *entry)
{
	struct dispatch *dispatch = intake->engine->dispatch;

	if (entry->result == TOCSIN_KNOWN) {
		dispatch_look_again(dispatch);
		return;
	}
	for (size_t i = 0; i < entry->decisions.n; i++)
		if (entry->decisions.item[i].state == TOCSIN_STATE_PENDING)
			dispatch_due(dispatch, entry->decisions.item[i].channel,
				     dispatch_now_ms(dispatch));
}

static void hold_alert(const struct tocsin_alert *alert)
{
	(void)alert_hold((struct alert *)alert);
}

static void release_alert(const struct tocsin_alert *alert)
{
	alert_free((struct alert *)alert);
}

static int accept_entry(struct intake *intake, struct intake_entry *entry, int generation,
			const struct transaction *t)
{
	struct tocsin_new_alert fresh = {.alert = &entry->alert->pub,
					 .mark = entry->mark,
					 .generation = generation,
					 .tell = intake->tell,
					 .now_ms = clock_wall_ms(),
					 .n = entry->decisions.n,
					 .hold = hold_alert,
					 .release = release_alert};
	int result = complete(intake, entry, generation);

	if (result == 0)
		result = write_body(entry);
	if (result == 0) {
		fresh.body = entry->body;
		fresh.delivery = entry->delivery;
		result = t->ops->accept(t->state, &fresh, &entry->number);
		FAULT_POINT("intake.accept");
	}
	if (result == 0 && entry->failed_at_once)
		deaths_expect(intake->engine);
	entry->result = TOCSIN_ACCEPTED;
	return result;
}

/* Emitted again while not settled: go on with it. A run that is once also tries its failures again. */
static int know_entry(struct intake *intake, struct intake_entry *entry,
		      const struct tocsin_marked *found, const struct transaction *t)
{
	const struct tocsin_new_delivery *wanted;
	size_t n = entry->decisions.n;
	int result;

	entry->result = TOCSIN_KNOWN;
	entry->number = found->alert;
	if (!intake->engine->options.once) {
		result = t->ops->unpark(t->state, found->alert,
					dispatch_now_ms(intake->engine->dispatch),
					&entry->unparked);
		FAULT_POINT("intake.unpark");
		return result;
	}
	result = complete(intake, entry, found->generation);
	if (result < 0)
		return result;
	wanted = entry->delivery;
	result = fallen_add_all(intake->engine, &entry->alert->pub, intake->arena, &wanted, &n);
	if (result == 0)
		result = t->ops->revive(t->state, found->alert, wanted, n,
					dispatch_now_ms(intake->engine->dispatch));
	FAULT_POINT("intake.revive");
	entry->unparked = found->pending + found->dead;
	return result;
}

static int apply_entry(struct intake *intake, struct intake_entry *entry,
		       const struct transaction *t)
{
	struct tocsin_marked found = {0};
	int result = 0;

	entry->unparked = 0;
	if (entry->mark)
		result = t->ops->find_mark(t->state, entry->alert->pub.source, entry->mark, &found);
	if (result < 0)
		return result;
	/* One that died is still the same row: its source left it pending. */
	if (found.alert && (!found.told || found.dead > 0))
		result = know_entry(intake, entry, &found, t);
	else
		result = accept_entry(intake, entry, found.alert ? found.generation + 1 : 0, t);
	if (result == 0 && (entry->result == TOCSIN_ACCEPTED || entry->unparked > 0 ||
			    intake->engine->options.once)) /* which adds what a new route wants */
		announce(intake, entry);
	return result;
}

int intake_apply(struct store_request *request, const struct transaction *transaction)
{
	struct intake *intake = (struct intake *)request;
	int result = 0;

	for (size_t i = 0; i < intake->n && result == 0; i++)
		result = apply_entry(intake, &intake->entry[i], transaction);
	if (result == 0 && intake->kept) {
		FAULT_POINT("intake.kept");
		result = kept_apply(intake->kept, transaction, intake->instance);
	}
	return result;
}
