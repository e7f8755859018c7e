/* SPDX-License-Identifier: Apache-2.0 */
/* Submitting a request and waiting for its answer. */
#include <assert.h>
#include <pthread.h>

#include "store/store.h"

/* A request whose answer somebody waits for. */
struct call {
	struct store_request request;
	struct store_request *inner;
	pthread_mutex_t lock;
	pthread_cond_t answered;
	bool done;
	int result;
};

static int call_apply(struct store_request *request, const struct transaction *transaction)
{
	struct call *call = (struct call *)request;

	return call->inner->apply(call->inner, transaction);
}

static void call_done(struct store_request *request, int result)
{
	struct call *call = (struct call *)request;

	if (call->inner->done)
		call->inner->done(call->inner, result);
	pthread_mutex_lock(&call->lock);
	call->result = result;
	call->done = true;
	pthread_cond_signal(&call->answered);
	pthread_mutex_unlock(&call->lock);
}

int store_call(struct store *store, struct store_request *request)
{
	struct call call = {.request = {.apply = call_apply,
					.done = call_done,
					.persist = request->persist,
					.first = request->first,
					.adds = request->adds},
			    .inner = request};

	assert(!store_is_writer(store));
	pthread_mutex_init(&call.lock, NULL);
	pthread_cond_init(&call.answered, NULL);
	store_submit(store, &call.request);
	pthread_mutex_lock(&call.lock);
	while (!call.done)
		pthread_cond_wait(&call.answered, &call.lock);
	pthread_mutex_unlock(&call.lock);
	pthread_cond_destroy(&call.answered);
	pthread_mutex_destroy(&call.lock);
	return call.result;
}
