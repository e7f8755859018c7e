/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "store/clock.h"
#include "store/queue.h"

/* How long to wait before trying again what the store could not take. */
#define RETRY_MS 1000

struct store {
	struct log *log;
	const struct tocsin_plugin *plugin;
	struct tocsin_self *self;
	const struct tocsin_host *host;
	const void *config;
	struct transaction transaction;
	pthread_t thread;
	struct store_clock clock;

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	struct queue first, waiting;
	bool outcomes;       /* there were some that go first when the last group was taken */
	bool urgent;         /* some of these do not wait for others */
	int64_t patience_ms; /* boot time up to which the others do */
	struct store_hooks hooks;
	bool hooked, wake, closing, opened;
	int open_result;

	atomic_bool full;
	/* the writer's own */
	int64_t retry_at_ms; /* boot time before which kept requests are not tried again */
	int64_t wake_at_ms;  /* boot time, from the claim hook */
	int claim_result;    /* of the last claim hook */
	struct queue kept;   /* persist requests that could not be written yet */
};

static void answer_all(struct queue *group, int result)
{
	struct store_request *request;

	while ((request = queue_pop(group)))
		request->done(request, result);
}

/* A result that concerns the whole store rather than one request. */
static bool is_store_failure(int result)
{
	switch (result) {
	case -ENOSPC:
	case -EIO:
	case -ENOMEM: /* the request may have written a part of what it wanted */
	case -EBUSY:
	case -EROFS:
	case -EACCES:
		return true;
	default:
		return false;
	}
}

/* Applies each request; those that fail by their own fault leave the group with their answer in
 * `failed`. Returns 0 or the failure of the store. */
static int apply_group(struct store *store, struct queue *group, struct queue *failed,
		       int failure[STORE_GROUP])
{
	struct queue good;
	struct store_request *request;
	int result;

	queue_init(&good);
	while ((request = queue_pop(group))) {
		result = request->apply(request, &store->transaction);
		if (is_store_failure(result)) {
			/* put everything back in order: the caller decides what is tried again */
			queue_push(&good, request);
			queue_move(&good, group);
			queue_move(group, &good);
			return result;
		}
		if (result < 0) {
			failure[failed->n] = result;
			queue_push(failed, request);
		} else {
			queue_push(&good, request);
		}
	}
	queue_move(group, &good);
	return 0;
}

/* Said when it begins, not each time that it is tried again. */
static void report_claim(struct store *store, int result)
{
	if (result < 0 && !is_store_failure(result) && store->claim_result != result)
		log_write(
			store->log, TOCSIN_LOG_ERROR, "store",
			"what is due cannot be handed out (%s); new alerts are accepted, and wait",
			strerror(-result));
	store->claim_result = result;
}

/* One transaction. On failure the group still holds its requests, unanswered. hooks: NULL when
 * nothing is to be claimed. */
static int commit_group(struct store *store, struct queue *group, const struct store_hooks *hooks)
{
	const struct tocsin_store_ops *ops = store->transaction.ops;
	void *state = store->transaction.state;
	int failure[STORE_GROUP] = {0};
	struct queue failed;
	struct store_request *request;
	bool claimed = false;
	int result;

	queue_init(&failed);
	store->wake_at_ms = INT64_MAX; /* unless the claim hook says otherwise */
	result = ops->begin(state, store_now_ms(store));
	FAULT_POINT("store.begin");
	if (result == 0) {
		result = apply_group(store, group, &failed, failure);
		FAULT_POINT("store.apply");
		if (result == 0 && hooks && hooks->claim) {
			claimed = true;
			result = hooks->claim(hooks->data, &store->transaction, &store->wake_at_ms);
			report_claim(store, result);
		}
		FAULT_POINT("store.commit.before");
		if (result == 0)
			result = store_clock_keep(&store->clock, &store->transaction);
		log_flush(store->log); /* what is said of it outlives a crash as it does */
		if (result == 0)
			result = ops->commit(state);
		FAULT_POINT("store.commit.after");
		if (result < 0)
			ops->rollback(state);
	}
	if (result < 0)
		store_clock_rolled_back(&store->clock);
	if (claimed)
		hooks->claimed(hooks->data, result);
	for (size_t i = 0; (request = queue_pop(&failed)); i++)
		request->done(request, failure[i]);
	return result;
}

/* Splits off what must be kept; the rest is told what happened. */
static void keep_persistent(struct store *store, struct queue *group, int result)
{
	struct store_request *request;

	while ((request = queue_pop(group))) {
		if (request->persist)
			queue_push(&store->kept, request);
		else
			request->done(request, result);
	}
}

static _Noreturn void store_lost(struct store *store, struct queue *group,
				 const struct store_hooks *hooks)
{
	queue_move(group, &store->kept);
	pthread_mutex_lock(&store->lock);
	queue_move(group, &store->first);
	queue_move(group, &store->waiting);
	pthread_mutex_unlock(&store->lock);
	answer_all(group, -EIO);
	if (hooks->failed)
		hooks->failed(hooks->data, "the store could not write; what it holds is read "
					   "again at the next start");
	abort(); /* nobody may acknowledge anything after this point */
}

static void report_full(struct store *store, bool full)
{
	if (atomic_exchange(&store->full, full) == full)
		return;
	if (full)
		log_write(store->log, TOCSIN_LOG_ERROR, "store",
			  "no room left: new alerts are refused until there is, deliveries go on");
	else
		log_write(store->log, TOCSIN_LOG_INFO, "store", "there is room again");
}

/* What is to be added would only be rolled back, with all that shares its transaction. */
static void refuse_additions(struct store *store, struct queue *group)
{
	struct queue others;
	struct store_request *request;

	if (!atomic_load(&store->full) || !store->transaction.ops->full)
		return;
	queue_init(&others);
	while ((request = queue_pop(group))) {
		if (request->adds)
			request->done(request, -ENOSPC);
		else
			queue_push(&others, request);
	}
	queue_move(group, &others);
}

/* Upkeep may find room; while there is none it looks again soon. full: the last commit said so. */
static void maintain(struct store *store, bool full)
{
	const struct tocsin_store_ops *ops = store->transaction.ops;

	ops->maintain(store->transaction.state, store_backlog(store) == 0);
	if (ops->full)
		full = ops->full(store->transaction.state);
	report_full(store, full);
	if (full && store->wake_at_ms > clock_boot_ms() + RETRY_MS)
		store->wake_at_ms = clock_boot_ms() + RETRY_MS;
}

static void run_group(struct store *store, struct queue *group, const struct store_hooks *hooks)
{
	int first, result;

	refuse_additions(store, group);
	first = result = commit_group(store, group, hooks);
	if (result < 0 && result == store->claim_result && !is_store_failure(result)) {
		result = commit_group(store, group, NULL); /* no fault of what is asked for */
		store->wake_at_ms = clock_boot_ms() + RETRY_MS;
	}
	if (result < 0 && result != -EIO) {
		report_full(store, result == -ENOSPC || store_is_full(store)); /* then answer */
		keep_persistent(store, group, result);
		/* small: without the intake they may fit */
		queue_fill(group, &store->kept, STORE_GROUP, SIZE_MAX);
		if (group->n)
			result = commit_group(store, group, NULL);
		store->retry_at_ms = store->wake_at_ms = clock_boot_ms() + RETRY_MS;
	}
	FAULT_POINT("store.answer.before");
	if (result == 0 && store->kept.n)
		store->retry_at_ms = clock_boot_ms(); /* the rest of them fits, too */
	if (result == -EIO)
		store_lost(store, group, hooks);
	if (result < 0)
		keep_persistent(store, group, result);
	else
		answer_all(group, 0);
	FAULT_POINT("store.answer.after");
	maintain(store, first == -ENOSPC);
	FAULT_POINT("store.maintain");
}

/* Called with the lock held. */
static size_t n_waiting(const struct store *store)
{
	return store->first.n + store->waiting.n;
}

/* When to begin the next group if nothing happens until then. Called with the lock held. */
static int64_t group_due_ms(const struct store *store)
{
	int64_t due = store->hooked ? store->wake_at_ms : INT64_MAX;

	if (store->urgent || (store->wake && store->hooked) || (n_waiting(store) && store->closing))
		return 0;
	if (store->kept.n && store->retry_at_ms < due)
		due = store->retry_at_ms;
	if (n_waiting(store) && store->patience_ms < due)
		due = store->patience_ms;
	return due;
}

/* Waits for work; fills the group and says with which hooks to run it. False: close now. */
static bool next_group(struct store *store, struct queue *group, struct store_hooks *hooks)
{
	bool more, outcomes;
	size_t added;
	int64_t due;

	pthread_mutex_lock(&store->lock);
	while ((due = group_due_ms(store)) > clock_boot_ms() && !store->closing)
		clock_cond_wait(&store->changed, &store->lock, due);
	more = due <= clock_boot_ms();
	if (!more || clock_boot_ms() >= store->retry_at_ms) /* at the end a last try */
		queue_fill(group, &store->kept, STORE_GROUP, SIZE_MAX);
	outcomes = store->first.n > 0;
	added = outcomes || store->outcomes ? STORE_ADDED : SIZE_MAX;
	store->outcomes = outcomes;
	queue_fill(group, &store->first, STORE_FIRST, added);
	queue_fill(group, &store->waiting, STORE_GROUP, added);
	queue_fill(group, &store->first, STORE_GROUP, added);
	store->urgent = n_waiting(store) > 0; /* more than one group takes */
	store->wake = false;
	*hooks = store->hooked ? store->hooks
			       : (struct store_hooks){.failed = store->hooks.failed,
						      .data = store->hooks.data};
	pthread_mutex_unlock(&store->lock);
	return more;
}

static void *writer(void *data)
{
	struct store *store = data;
	const struct tocsin_store_ops *ops = store->plugin->store;
	struct store_hooks hooks;
	struct queue group;
	int result;

	result = ops->open(store->self, store->host, store->config, &store->transaction.state);
	if (result == 0) {
		result = store_clock_load(&store->clock, &store->transaction, store->log);
		if (result < 0)
			ops->close(store->transaction.state);
	}
	pthread_mutex_lock(&store->lock);
	store->open_result = result;
	store->opened = true;
	pthread_cond_broadcast(&store->changed);
	pthread_mutex_unlock(&store->lock);
	if (result < 0)
		return NULL;
	queue_init(&group);
	while (next_group(store, &group, &hooks))
		run_group(store, &group, &hooks);
	if (group.n)
		run_group(store, &group, &hooks);
	/* When that went well there is room for the rest. */
	while (store->kept.n && clock_boot_ms() >= store->retry_at_ms) {
		queue_fill(&group, &store->kept, STORE_GROUP, SIZE_MAX);
		run_group(store, &group, &hooks);
	}
	answer_all(&store->kept, -ESHUTDOWN);
	ops->close(store->transaction.state);
	return NULL;
}

static void store_free(struct store *store)
{
	pthread_cond_destroy(&store->changed);
	pthread_mutex_destroy(&store->lock);
	free(store);
}

int store_open(const struct tocsin_plugin *plugin, struct tocsin_self *self,
	       const struct tocsin_host *host, const void *config, struct log *log,
	       struct store **result, struct error *err)
{
	struct store *store = calloc(1, sizeof(*store));

	if (!store)
		return error_set(err, -ENOMEM, "out of memory");
	store->log = log;
	store->plugin = plugin;
	store->self = self;
	store->host = host;
	store->config = config;
	store->transaction.ops = plugin->store;
	store->wake_at_ms = INT64_MAX;
	queue_init(&store->first);
	queue_init(&store->waiting);
	queue_init(&store->kept);
	pthread_mutex_init(&store->lock, NULL);
	if (clock_cond_init(&store->changed) < 0 ||
	    pthread_create(&store->thread, NULL, writer, store) != 0) {
		pthread_mutex_destroy(&store->lock);
		free(store);
		return error_set(err, -EAGAIN, "the store's thread cannot be started");
	}
	pthread_mutex_lock(&store->lock);
	while (!store->opened)
		pthread_cond_wait(&store->changed, &store->lock);
	pthread_mutex_unlock(&store->lock);
	if (store->open_result < 0) {
		int code = store->open_result;

		pthread_join(store->thread, NULL);
		store_free(store);
		return error_set(err, code, "the store cannot be opened: %s", strerror(-code));
	}
	*result = store;
	return 0;
}

void store_start(struct store *store, const struct store_hooks *hooks)
{
	pthread_mutex_lock(&store->lock);
	store->hooks = *hooks;
	store->hooked = true;
	store->wake = true;
	pthread_cond_signal(&store->changed);
	pthread_mutex_unlock(&store->lock);
}

void store_stop(struct store *store)
{
	pthread_mutex_lock(&store->lock);
	store->hooked = false;
	pthread_mutex_unlock(&store->lock);
}

void store_close(struct store *store)
{
	if (!store)
		return;
	pthread_mutex_lock(&store->lock);
	store->closing = true;
	pthread_cond_signal(&store->changed);
	pthread_mutex_unlock(&store->lock);
	pthread_join(store->thread, NULL);
	store_free(store);
}

void store_submit(struct store *store, struct store_request *request)
{
	bool wake;

	pthread_mutex_lock(&store->lock);
	queue_push(request->first ? &store->first : &store->waiting, request);
	wake = n_waiting(store) == 1;
	if (wake)
		store->patience_ms = clock_boot_ms() + STORE_PATIENCE_MS;
	if (!store->urgent &&
	    (n_waiting(store) >= request->company || n_waiting(store) >= STORE_GROUP))
		wake = store->urgent = true;
	pthread_mutex_unlock(&store->lock);
	if (wake)
		pthread_cond_signal(&store->changed);
}

void store_wake(struct store *store)
{
	pthread_mutex_lock(&store->lock);
	if (!store->wake) {
		store->wake = true;
		pthread_cond_signal(&store->changed);
	}
	pthread_mutex_unlock(&store->lock);
}

size_t store_backlog(struct store *store)
{
	pthread_mutex_lock(&store->lock);
	size_t n = n_waiting(store);
	pthread_mutex_unlock(&store->lock);
	return n;
}

bool store_is_writer(const struct store *store)
{
	return pthread_equal(pthread_self(), store->thread);
}

bool store_is_full(struct store *store)
{
	return atomic_load(&store->full);
}

int64_t store_now_ms(const struct store *store)
{
	return store_clock_ms(&store->clock, clock_boot_ms());
}

int64_t store_to_wall_ms(const struct store *store, int64_t own_ms)
{
	bool is_time = own_ms != 0 && own_ms != TOCSIN_PARKED;

	return is_time ? own_ms + clock_wall_ms() - store_now_ms(store) : own_ms;
}

int64_t store_from_wall_ms(const struct store *store, int64_t wall_ms)
{
	return wall_ms + store_now_ms(store) - clock_wall_ms();
}

const char *store_boot(const struct store *store)
{
	return store->clock.boot;
}
