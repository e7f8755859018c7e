/* SPDX-License-Identifier: Apache-2.0 */
#include "store_contract.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void contract_begin(struct contract *c)
{
	assert_int_equal(c->ops->begin(c->store, NOW), 0);
}

struct tocsin_counters contract_counters(struct contract *c)
{
	struct tocsin_counters counters;

	assert_int_equal(c->ops->counters(c->store, &counters), 0);
	return counters;
}

void contract_commit(struct contract *c)
{
	struct tocsin_counters n;

	assert_int_equal(c->ops->commit(c->store), 0);
	n = contract_counters(c);
	assert_int_equal(n.accepted, n.delivered + n.dead + n.suppressed + n.pending);
}

void contract_reopen(struct contract *c)
{
	c->ops->close(c->store);
	c->store = NULL;
	assert_int_equal(c->subject->open(c->subject, &c->store), 0);
}

void contract_id(int64_t nth, char id[33])
{
	(void)snprintf(id, 33, "%032" PRIx64, (uint64_t)nth);
}

static void make_key(const struct contract *c, const struct sample *sample, size_t i, char key[64])
{
	if (sample->key[i])
		(void)snprintf(key, 64, "%s", sample->key[i]);
	else
		(void)snprintf(key, 64, "key-%" PRId64 "-%zu", c->alerts, i);
}

/* An alert that the store may hold, with its text. */
struct given {
	struct tocsin_alert alert; /* first */
	int holders;
	char id[33], source[32], body[64];
};
static int n_given; /* that somebody holds */

static void hold(const struct tocsin_alert *alert)
{
	((struct given *)alert)->holders++;
}

static void release(const struct tocsin_alert *alert)
{
	struct given *given = (struct given *)alert;

	assert_true(given->holders > 0);
	if (--given->holders > 0)
		return;
	free(given);
	n_given--;
}

static struct given *give(struct contract *c, const struct sample *sample)
{
	struct given *given = calloc(1, sizeof(*given));

	contract_id(++c->alerts, given->id);
	(void)snprintf(given->source, sizeof(given->source), "%s",
		       sample->source ? sample->source : "site-alerts");
	(void)snprintf(given->body, sizeof(given->body), "%s", sample->body ? sample->body : "{}");
	given->alert = (struct tocsin_alert){
		.size = sizeof(given->alert),
		.id = given->id,
		.source = given->source,
		.fingerprint = "0123456789abcdef",
		.severity = TOCSIN_WARNING,
		.status = TOCSIN_EVENT,
	};
	given->holders = 1;
	n_given++;
	return given;
}

int contract_try(struct contract *c, const struct sample *sample, int64_t *number)
{
	char key[4][64];
	struct given *given = give(c, sample);
	struct tocsin_new_delivery delivery[4] = {{0}};
	struct tocsin_new_alert new = {
		.alert = &given->alert,
		.body = given->body,
		.mark = sample->mark,
		.generation = sample->generation,
		.tell = sample->tell,
		.now_ms = sample->now_ms ? sample->now_ms : NOW,
		.delivery = delivery,
		.hold = c->subject->may_hold ? hold : NULL,
		.release = c->subject->may_hold ? release : NULL,
	};
	int result;

	while (!sample->no_delivery && new.n < 4 && (new.n == 0 || sample->channel[new.n])) {
		struct tocsin_new_delivery *made = &delivery[new.n];

		make_key(c, sample, new.n, key[new.n]);
		made->channel = sample->channel[new.n] ? sample->channel[new.n] : "mail";
		made->recipient = sample->recipient ? sample->recipient : "";
		made->route = "sites";
		made->key = key[new.n++];
		made->state = sample->state;
		made->reason = sample->reason;
		made->due_ms = sample->due_ms ? sample->due_ms : NOW;
	}
	result = c->ops->accept(c->store, &new, number);
	release(&given->alert);
	return result;
}

int64_t contract_accept(struct contract *c, const struct sample *sample)
{
	int64_t number = 0;

	assert_int_equal(contract_try(c, sample, &number), 0);
	assert_true(number > 0);
	return number;
}

#define COPY(field) (void)snprintf(to->field, sizeof(to->field), "%s", from->field)

/* The alert as JSON, or the one that was accepted. */
static const char *body_of(const struct tocsin_stored_delivery *delivery)
{
	const struct given *given = (const struct given *)delivery->accepted;

	if (!given)
		return delivery->body;
	assert_null(delivery->body);
	assert_int_equal(delivery->state, TOCSIN_STATE_CLAIMED);
	assert_string_equal(given->id, delivery->alert_id);
	assert_string_equal(given->source, delivery->source);
	return given->body;
}

int contract_copy(const struct tocsin_stored_delivery *from, void *data)
{
	struct copies *copies = data;
	struct copy *to = &copies->item[copies->n];

	assert_true(copies->n < sizeof(copies->item) / sizeof(copies->item[0]));
	copies->n++;
	*to = (struct copy){
		.id = from->id,
		.alert = from->alert,
		.token = from->token,
		.created_ms = from->created_ms,
		.due_ms = from->due_ms,
		.done_ms = from->done_ms,
		.received_ms = from->received_ms,
		.state = from->state,
		.attempt = from->attempt,
		.crashes = from->crashes,
	};
	COPY(alert_id);
	COPY(source);
	COPY(channel);
	COPY(recipient);
	COPY(route);
	COPY(key);
	COPY(reason);
	(void)snprintf(to->body, sizeof(to->body), "%s", body_of(from));
	return 0;
}

void contract_claim(struct contract *c, const char *channel, int64_t now_ms, size_t limit,
		    struct copies *copies)
{
	copies->n = 0;
	assert_int_equal(
		c->ops->claim(c->store, channel, now_ms, LEASE, limit, contract_copy, copies), 0);
}

struct copy contract_claim_one(struct contract *c, const char *channel)
{
	static struct copies copies;

	contract_claim(c, channel, NOW, 2, &copies);
	assert_int_equal(copies.n, 1);
	return copies.item[0];
}

struct tocsin_attempt_result contract_settle(struct contract *c, const struct copy *claim,
					     enum tocsin_state state, int64_t due_ms)
{
	const struct tocsin_attempt attempt = {
		.delivery = claim->id,
		.token = claim->token,
		.state = state,
		.due_ms = due_ms,
		.number = claim->attempt + 1,
		.started_ms = NOW + 1,
		.ended_ms = NOW + 2,
		.detail = "the answer",
	};
	struct tocsin_attempt_result result;

	assert_int_equal(c->ops->settle(c->store, &attempt, &result), 0);
	return result;
}

void contract_list(struct contract *c, const struct tocsin_query *query, struct copies *copies)
{
	copies->n = 0;
	assert_int_equal(c->ops->deliveries(c->store, query, contract_copy, copies), 0);
}

struct copy contract_delivery(struct contract *c, int64_t id)
{
	static struct copies copies;

	contract_list(c, &(struct tocsin_query){.id = id}, &copies);
	assert_int_equal(copies.n, 1);
	return copies.item[0];
}

static int note_untold(int64_t alert, const struct tocsin_settled *settled, void *data)
{
	struct telling *telling = data;

	telling->n++;
	telling->alert = alert;
	telling->dead = settled->outcome == TOCSIN_SETTLED_DEAD;
	telling->delivered = settled->delivered;
	telling->attempts = settled->attempts;
	telling->started_ms = settled->started_ms;
	telling->ended_ms = settled->ended_ms;
	(void)snprintf(telling->mark, sizeof(telling->mark), "%s", settled->mark);
	(void)snprintf(telling->reason, sizeof(telling->reason), "%s", settled->reason);
	(void)snprintf(telling->output, sizeof(telling->output), "%s",
		       settled->output ? settled->output : "(none)");
	return 0;
}

struct telling contract_untold(struct contract *c, const char *source)
{
	struct telling telling = {0};

	assert_int_equal(c->ops->untold(c->store, source, 0, 100, note_untold, &telling), 0);
	return telling;
}

struct copy contract_settled(struct contract *c, const char *mark, enum tocsin_state state)
{
	struct copy claim;

	contract_begin(c);
	(void)contract_accept(c, &(struct sample){.mark = mark, .tell = true});
	claim = contract_claim_one(c, "mail");
	(void)contract_settle(c, &claim, state, 0);
	contract_commit(c);
	return claim;
}

static int set_up(void **state)
{
	struct contract *c = calloc(1, sizeof(*c));

	c->subject = *state;
	c->ops = c->subject->ops;
	c->subject->reset(c->subject);
	*state = c;
	return c->subject->open(c->subject, &c->store);
}

static int tear_down(void **state)
{
	struct contract *c = *state;

	if (c->store)
		c->ops->close(c->store);
	free(c);
	assert_int_equal(n_given, 0);
	return 0;
}

int store_contract_run(struct store_subject *subject)
{
	const struct contract_test *const part[] = {
		contract_intake, contract_claims,  contract_sources, contract_operators,
		contract_notes,  contract_instead, contract_again,   contract_values};
	struct CMUnitTest test[128];
	int failed;
	size_t n = 0;

	for (size_t i = 0; i < sizeof(part) / sizeof(part[0]); i++) {
		for (const struct contract_test *one = part[i]; one->name; one++) {
			assert(n < sizeof(test) / sizeof(test[0]));
			test[n++] = (struct CMUnitTest){one->name, one->run, set_up, tear_down,
							subject};
		}
	}
	subject->may_hold = false;
	failed = _cmocka_run_group_tests("store contract", test, n, NULL, NULL);
	subject->may_hold = true;
	return failed + _cmocka_run_group_tests("store contract, alerts held", test, n, NULL, NULL);
}
