/* SPDX-License-Identifier: Apache-2.0 */
/* The services that the core offers to sources. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/id.h"
#include "base/schedule.h"
#include "delivery/withdraw.h"
#include "engine/intake.h"
#include "engine/source.h"
#include "store/values.h"

#define TELL_TRIES 3 /* in a run that is once */
/* Why deliveries of an earlier run are dropped. */
#define NOT_PENDING "no longer pending in its source"
#define LEASE_ENDED "the claim of its row ended with an earlier run; the row is claimed again"

/* --- emit --- */

/* The source's own labels join those of the alert; memory for the caller to free(). */
static struct tocsin_pair *join_labels(const struct source *source, struct tocsin_map *labels)
{
	const struct tocsin_map *own = &source->settings->common.labels;
	struct tocsin_pair *pair = calloc(labels->n + own->n + 1, sizeof(*pair));
	size_t n = labels->n;

	if (!pair)
		return NULL;
	if (n)
		memcpy(pair, labels->pair, n * sizeof(*pair));
	for (size_t i = 0; i < own->n; i++)
		if (!alert_get(labels, own->pair[i].name))
			pair[n++] = own->pair[i];
	*labels = (struct tocsin_map){.pair = pair, .n = n};
	return pair;
}

static int make_alert(struct source *source, const struct tocsin_emission *emission,
		      struct alert **alert, struct error *err)
{
	struct engine *engine = source->engine;
	struct tocsin_alert from = {0};
	size_t size = emission->alert.size;
	struct tocsin_pair *pairs;
	int result;

	/* an older plugin knows a shorter alert */
	memcpy(&from, &emission->alert, size && size < sizeof(from) ? size : sizeof(from));
	/* Two readings of the wall clock, which may have been set back in between: a source does not
	 * say twice that something is over. */
	if (from.ends_at_ms > 0 && from.starts_at_ms > from.ends_at_ms)
		from.starts_at_ms = from.ends_at_ms;
	pairs = join_labels(source, &from.labels);
	if (!pairs)
		return error_set(err, -ENOMEM, "out of memory");
	/* not those of the source's own generation: who changes an alias changes no source */
	pthread_rwlock_rdlock(&engine->lock);
	result = alert_new(&from, source->settings->name, clock_wall_ms(),
			   &engine->current->settings->aliases, alert, err);
	pthread_rwlock_unlock(&engine->lock);
	free(pairs);
	return result;
}

struct batch {
	struct alert **alert;
	const char **mark;
	size_t *from; /* index of the emission */
	size_t n;
};

static void batch_free(struct batch *batch)
{
	free(batch->alert);
	free(batch->mark);
	free(batch->from);
}

/* The source emits a refused alert again and again; people need to hear of it once. */
static void report_refused(struct source *source, const char *mark, const char *why)
{
	uint64_t hash = mark ? fnv1a(FNV_START, mark, strlen(mark)) : 0;
	uint64_t *slot = &source->refused[hash % SOURCE_REFUSED];

	if (mark && *slot == hash)
		return;
	*slot = hash;
	log_write(source->engine->log, TOCSIN_LOG_ERROR, source->settings->name,
		  "alert %s is not accepted: %s", mark ? mark : "without a mark", why);
	if (mark)
		tally_refused(&source->engine->tally, mark);
}

static int fill_batch(struct source *source, struct tocsin_emission *emission, size_t n,
		      struct batch *batch)
{
	batch->alert = calloc(n, sizeof(*batch->alert));
	batch->mark = calloc(n, sizeof(*batch->mark));
	batch->from = calloc(n, sizeof(*batch->from));
	if (!batch->alert || !batch->mark || !batch->from)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct error err;
		int result = make_alert(source, &emission[i], &batch->alert[batch->n], &err);

		if (result == -ENOMEM)
			return result;
		emission[i].result = TOCSIN_INVALID;
		if (result < 0) {
			report_refused(source, emission[i].mark, err.text);
			continue;
		}
		batch->from[batch->n] = i;
		batch->mark[batch->n++] = emission[i].mark;
	}
	return 0;
}

static void count_ahead(struct source *source, const struct intake_entry *entry, int64_t n)
{
	for (size_t i = 0; i < entry->decisions.n; i++)
		if (entry->decisions.item[i].state == TOCSIN_STATE_PENDING)
			backlogs_add(dispatch_backlogs(source->engine->dispatch),
				     source->settings->name, entry->decisions.item[i].channel, n);
}

/* With settle_on: accepted the source hears at its next wait. */
static void note_accepted(struct source *source, const struct intake_entry *entry)
{
	struct accepted *noted = malloc(sizeof(*noted));
	char *mark = strdup(entry->mark);

	if (!noted || !mark) {
		free(noted);
		free(mark);
		return; /* the source emits it again and hears then */
	}
	*noted = (struct accepted){.next = source->accepted, .alert = entry->number, .mark = mark};
	source->accepted = noted;
}

static void note_results(struct source *source, struct intake *intake,
			 struct tocsin_emission *emission, const struct batch *batch)
{
	bool accepted = source->settings->common.settle_on == SETTLE_ON_ACCEPTED;

	for (size_t i = 0; i < batch->n; i++) {
		struct intake_entry *entry = &intake->entry[i];

		emission[batch->from[i]].result = entry->result;
		if (entry->result == TOCSIN_KNOWN && entry->unparked == 0)
			count_ahead(source, entry, -1);
		if (entry->failed_at_once)
			tally_failed(&source->engine->tally, entry->number);
		if (entry->mark && accepted)
			note_accepted(source, entry);
	}
	/* what was settled from the start has nobody else to tell of it */
	atomic_store(&source->tell_due, true);
}

static int hand_in(struct source *source, struct tocsin_emission *emission, struct batch *batch)
{
	struct intake *intake;
	int result = intake_new(source->engine, batch->alert, batch->mark, batch->n, NULL, &intake);

	if (result < 0)
		return result;
	intake->tell = source->settings->common.settle_on == SETTLE_ON_DELIVERED;
	intake->request.apply = intake_apply;
	intake->request.done = intake_done;
	intake->kept = kept_is_empty(&source->kept) ? NULL : &source->kept;
	intake->instance = source->settings->name;
	intake->request.adds = batch->n > 0 ? batch->n : source->kept.written > 0;
	for (size_t i = 0; i < intake->n; i++)
		count_ahead(source, &intake->entry[i], 1);
	FAULT_POINT("source.emit.before");
	result = store_call(source->engine->store, &intake->request);
	FAULT_POINT("source.emit.after");
	if (result == 0) {
		kept_clear(&source->kept);
		note_results(source, intake, emission, batch);
	}
	for (size_t i = 0; result < 0 && i < intake->n; i++)
		count_ahead(source, &intake->entry[i], -1);
	intake_free(intake);
	return result;
}

static enum tocsin_wait tell_stop(struct source *source)
{
	source->told_to_stop = true;
	return TOCSIN_STOP;
}

/* One that is to stop hears of it first. What it has to say then is the end of what it did, and for
 * that there is some time. */
static bool takes(struct source *source)
{
	bool told = source->told_to_stop;

	if (!atomic_load(&source->stopping))
		return true;
	(void)tell_stop(source);
	return told && source->settings->plugin->it.items && clock_boot_ms() < source->last_ms;
}

/* A source that is spoken to never waits: who pings must not wait for a slow channel. It has no more
 * alerts than it has items. What another one holds may be lost meanwhile. */
static int await_room(struct source *source)
{
	if (source->settings->plugin->it.items || source->leases)
		return 0;
	return backlogs_wait(dispatch_backlogs(source->engine->dispatch), source->settings->name,
			     source->settings->common.window, &source->stopping, source->watched);
}

static int host_emit(struct tocsin_self *self, struct tocsin_emission *emission, size_t n)
{
	struct source *source = self->owner;
	struct batch batch = {0};
	int result = 0;

	if (!takes(source))
		return -ESHUTDOWN;
	/* of one that does not lease, too: an earlier source of this name may have leased */
	if (!source->lease_noted && source_note_lease(source) < 0)
		return -EAGAIN;
	if (n > 0) {
		result = await_room(source);
		if (result < 0)
			return result;
		result = fill_batch(source, emission, n, &batch);
	}
	if (result == 0 && (batch.n > 0 || !kept_is_empty(&source->kept))) {
		result = hand_in(source, emission, &batch);
	} else if (result < 0) {
		for (size_t i = 0; batch.alert && i < batch.n; i++)
			alert_free(batch.alert[i]);
	}
	batch_free(&batch);
	return result < 0 ? -EAGAIN : 0;
}

static void host_watch(struct tocsin_self *self, int fd)
{
	struct source *source = self->owner;

	source->watched = fd;
}

static int host_keep(struct tocsin_self *self, const char *name, const char *value)
{
	struct source *source = self->owner;

	return kept_put(&source->kept, name, value);
}

static int host_announce(struct tocsin_self *self, const char *const item[], size_t n)
{
	return source_announce(self->owner, item, n);
}

/* --- park, sweep --- */

struct mark_request {
	struct store_request request;
	struct dispatch *dispatch;
	const char *source;
	const char *reason;
	bool tell;
	int64_t n;
};

static int apply_park(struct store_request *request, const struct transaction *t)
{
	struct mark_request *call = (struct mark_request *)request;
	size_t held;
	int result = dispatch_let_go(call->dispatch, call->source, t, &held);

	return result ? result : t->ops->park(t->state, call->source);
}

static int apply_unwanted(struct store_request *request, const struct transaction *t)
{
	struct mark_request *call = (struct mark_request *)request;

	return t->ops->unwanted(t->state, call->source, call->reason, call->tell, clock_wall_ms(),
				&call->n);
}

static void host_park(struct tocsin_self *self)
{
	struct source *source = self->owner;
	struct mark_request call = {.request = {.apply = apply_park},
				    .dispatch = source->engine->dispatch,
				    .source = source->settings->name};

	FAULT_POINT("source.park.before");
	if (source_call(source, &call.request) == 0)
		source->parked = true;
	FAULT_POINT("source.park.after");
	backlogs_reset(dispatch_backlogs(source->engine->dispatch), source->settings->name);
}

/* Of a row that it holds it has to hear, to let go of it. Any other one is not pending because
 * somebody said so: it is left as it is, and sent when it is pending again. */
static void host_swept(struct tocsin_self *self)
{
	struct source *source = self->owner;
	struct mark_request call = {.request = {.apply = apply_unwanted},
				    .source = source->settings->name,
				    .reason = source->leases ? LEASE_ENDED : NOT_PENDING,
				    .tell = source->leases};

	source->swept = true;
	if (!source->parked)
		return;
	FAULT_POINT("source.swept.before");
	if (source_call(source, &call.request) < 0)
		return; /* the next sweep does it */
	FAULT_POINT("source.swept.after");
	source->parked = false;
	if (call.n > 0)
		log_write(source->engine->log, TOCSIN_LOG_INFO, source->settings->name,
			  source->leases
				  ? "%lld %s dropped: the claims of an earlier run ended with "
				    "it, and the rows are claimed again"
				  : "%lld %s no longer wanted: since an earlier run their rows are "
				    "not pending any more",
			  (long long)call.n, call.n == 1 ? "delivery is" : "deliveries are");
	atomic_store(&source->tell_due, true);
}

static void host_expect(struct tocsin_self *self, int64_t alerts)
{
	struct source *source = self->owner;

	tally_expect(&source->engine->tally, alerts);
	engine_progress(source->engine);
}

static bool host_once(struct tocsin_self *self)
{
	struct source *source = self->owner;

	return source->engine->options.once;
}

/* --- wait --- */

/* In a run that is once: everything of this source came to its end. */
static bool is_over(struct source *source)
{
	if (!source->engine->options.once || !source->swept)
		return false;
	if (source->tell_failures >= TELL_TRIES)
		return true;
	/* idle first, then tell: what settles before we see idle is told now */
	if (!dispatch_is_idle(source->engine->dispatch))
		return false;
	return source_tell(source) >= 0 && !atomic_load(&source->tell_due) && source->later_ms == 0;
}

static void drain(int fd)
{
	uint64_t count;

	if (read(fd, &count, sizeof(count)) < 0)
		return; /* nothing was there */
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static enum tocsin_wait host_wait(struct tocsin_self *self, int fd, int64_t timeout_ms)
{
	struct source *source = self->owner;
	int64_t until = timeout_ms < 0 ? INT64_MAX : clock_boot_ms() + timeout_ms;
	bool again = true;

	for (;; again = false) {
		struct pollfd fds[2] = {{.fd = source->event_fd, .events = POLLIN},
					{.fd = fd, .events = POLLIN}};
		int64_t now, next = until;

		if (atomic_load(&source->stopping))
			return tell_stop(source);
		(void)source_tell(source); /* what it could not tell is due again */
		if (source->later_ms > 0)
			next = sooner(next, source->later_ms);
		if (is_over(source))
			return TOCSIN_STOP;
		if (source_hear(source, again))
			until = 0;                  /* what it waits for may be another time now */
		if (atomic_load(&source->tell_due)) /* also by what was emitted just now */
			next = sooner(next, source->tell_again_ms);
		now = clock_boot_ms();
		if (clock_was_set(&source->wall_ahead_ms, clock_wall_ms(), now))
			until = 0; /* and a time of day is */
		next = sooner(next, until);
		next = next - now > 60000 ? 60000 : next > now ? next - now : 0;
		if (poll(fds, fd >= 0 ? 2 : 1, (int)next) < 0 && errno != EINTR)
			return tell_stop(source);
		if (fds[0].revents)
			drain(source->event_fd);
		if (fd >= 0 && fds[1].revents)
			return TOCSIN_READY;
		if (clock_boot_ms() >= until)
			return atomic_load(&source->stopping) ? tell_stop(source) : TOCSIN_TIMEOUT;
	}
}

const struct tocsin_host *source_host(void)
{
	static const struct tocsin_host host = {
		.size = sizeof(host),
		.log = self_log,
		.count = self_count,
		.save = self_save,
		.load = self_load,
		.emit = host_emit,
		.watch = host_watch,
		.expect = host_expect,
		.park = host_park,
		.swept = host_swept,
		.wait = host_wait,
		.once = host_once,
		.announce = host_announce,
		.keep = host_keep,
		.each = self_each,
		.lease = source_lease,
		.withdraw = source_withdraw,
		.later = source_later,
		.mask = self_mask,
		.next = schedule_next,
		.local = self_local,
	};

	return &host;
}
