/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/http.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fault.h"
#include "delivery/multi.h"
#include "delivery/render.h"
#include "delivery/transfer.h"
#include "delivery/verdict.h"

/* A turn of a channel with templates, while all others wait: it begins with so many deliveries, each of
 * which may take the time that a template has, and gets as many as take about so long. */
#define TURN 4
#define TURN_MS 10

enum command_kind { COMMAND_ATTACH, COMMAND_DETACH };

/* Something that another thread wants done here; it waits for `done`. */
struct command {
	struct command *next;
	enum command_kind kind;
	struct channel *channel;
	bool done;
	int result;
};

struct attached {
	struct attached *next;
	struct channel *channel;
	struct command *detach; /* set when it is to go */
	size_t requests;        /* transfers under way */
	size_t turn;            /* with templates: how many it is fed before the others */
	struct transfer *idle;  /* to use again: most requests of a channel go to the same URL */
};

struct timer {
	struct timer *next;
	struct channel *channel;
	int64_t at_ms; /* boot time */
	tocsin_timer_fn *fn;
	void *data;
};

struct http {
	struct log *log;
	struct multi *multi;
	pthread_t thread;
	pthread_mutex_t lock; /* guards commands and end */
	pthread_cond_t answered;
	struct command *commands;
	bool end;
	/* the engine's own */
	struct attached *attached;
	struct timer *timers;
};

/* Who asks is attached: a channel is detached only when nothing of it is under way. */
static struct attached *find(struct http *http, const struct channel *channel)
{
	struct attached *found = http->attached;

	while (found && found->channel != channel)
		found = found->next;
	assert(found);
	return found;
}

static struct transfer *get_transfer(struct attached *attached)
{
	struct transfer *transfer = attached->idle;

	if (!transfer)
		return transfer_new();
	attached->idle = transfer->next;
	return transfer;
}

static void put_transfer(struct attached *attached, struct transfer *transfer)
{
	transfer_reset(transfer);
	transfer->next = attached->idle;
	attached->idle = transfer;
}

static void free_attached(struct attached *attached)
{
	struct transfer *transfer;

	while ((transfer = attached->idle)) {
		attached->idle = transfer->next;
		transfer_free(transfer);
	}
	free(attached);
}

/* Starts a request; what is to be done with its reply is for the caller to say. NULL with the result. */
static struct transfer *start(struct http *http, struct channel *channel,
			      const struct tocsin_request *request, int *result, struct error *err)
{
	struct attached *attached = find(http, channel);
	struct transfer *transfer = get_transfer(attached);

	if (!transfer) {
		*result = error_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	*result = transfer_prepare(transfer, request, channel->spec.timeout_ms, err);
	if (*result == 0 && !multi_add(http->multi, transfer->easy))
		*result = error_set(err, -ENOMEM, "the HTTP engine refused the request");
	if (*result < 0) {
		put_transfer(attached, transfer);
		return NULL;
	}
	transfer->attached = attached;
	attached->requests++;
	return transfer;
}

void http_post(struct http *http, struct delivery *delivery, const struct tocsin_request *request)
{
	struct error err;
	int result;
	struct transfer *transfer = start(http, delivery->channel, request, &result, &err);

	if (transfer)
		transfer->delivery = delivery;
	else
		channel_complete(delivery, result == -EINVAL ? TOCSIN_REJECTED : TOCSIN_RETRY, 0,
				 err.text);
}

int http_request(struct http *http, struct channel *channel, const struct tocsin_request *request,
		 tocsin_reply_fn *reply_fn, void *data)
{
	int result;
	struct transfer *transfer = start(http, channel, request, &result, NULL);

	if (transfer) {
		transfer->reply_fn = reply_fn;
		transfer->data = data;
	}
	return result;
}

int http_timer(struct http *http, struct channel *channel, int64_t after_ms, tocsin_timer_fn *fn,
	       void *data)
{
	struct timer *timer = calloc(1, sizeof(*timer));

	if (!timer)
		return -ENOMEM;
	*timer = (struct timer){.next = http->timers,
				.channel = channel,
				.fn = fn,
				.data = data,
				.at_ms = clock_boot_ms() + (after_ms > 0 ? after_ms : 0)};
	http->timers = timer;
	return 0;
}

static void finish(struct http *http, struct transfer *transfer, CURLcode code)
{
	struct attached *attached = transfer->attached;
	struct tocsin_reply reply;
	struct tocsin_verdict verdict;

	transfer_reply(transfer, code, &reply);
	FAULT_POINT("http.reply");
	multi_remove(http->multi, transfer->easy);
	attached->requests--;
	if (transfer->delivery) {
		transfer->delivery->asked = reply.status != 0;
		verdict_from_reply(&reply, &verdict);
		if (transfer->judge) {
			transfer->judge(&reply, &verdict, transfer->judge_data);
			verdict_keep_wait(&reply, &verdict);
		}
		channel_complete(transfer->delivery, verdict.outcome, verdict.retry_after_ms,
				 verdict.why);
	} else {
		transfer->reply_fn(&reply, transfer->data);
	}
	put_transfer(attached, transfer);
}

static void finish_all(struct http *http)
{
	CURLcode code;
	CURL *easy;

	while ((easy = multi_ended(http->multi, &code))) {
		char *transfer;

		curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
		finish(http, (struct transfer *)(void *)transfer, code);
	}
}

/* In calls of as many as the plugin takes. */
static void deliver(struct channel *channel, struct delivery *const taken[], size_t n)
{
	const struct plugin *plugin = channel->spec.plugin;
	size_t most = plugin->it.batch && plugin->it.batch < CHANNEL_BATCH ? plugin->it.batch : 1;
	struct tocsin_delivery *batch[CHANNEL_BATCH];

	for (size_t i = 0; i < n; i++)
		batch[i] = &taken[i]->pub;
	for (size_t i = 0; i < n; i += most) {
		FAULT_POINT("http.deliver");
		plugin->channel.deliver(channel->instance->state, batch + i,
					n - i < most ? n - i : most);
	}
}

static int64_t feed_all_it_takes(struct channel *channel)
{
	struct delivery *taken[CHANNEL_BATCH];
	int64_t wake;
	size_t n;

	while ((n = channel_take(channel, taken, CHANNEL_BATCH, &wake)) > 0)
		deliver(channel, taken, n);
	return wake;
}

/* Those of one turn cost one exchange with what evaluates their templates. */
static int64_t feed_a_turn(struct attached *attached)
{
	struct channel *channel = attached->channel;
	struct delivery *taken[CHANNEL_BATCH];
	int64_t began = clock_boot_ms(), took, wake;
	size_t n = channel_take(channel, taken, attached->turn, &wake);

	if (n == 0)
		return wake;
	render_batch(channel, channel->instance, taken, n);
	deliver(channel, taken, n);
	took = clock_boot_ms() - began;
	if (took > TURN_MS && attached->turn > 1)
		attached->turn /= 2;
	else if (n == attached->turn && took < TURN_MS / 2 && n * 2 <= CHANNEL_BATCH)
		attached->turn *= 2;
	return 0;
}

/* Feeds a channel what it may start now. Returns the boot time to look again. */
static int64_t feed(struct attached *attached)
{
	return attached->channel->programs ? feed_a_turn(attached)
					   : feed_all_it_takes(attached->channel);
}

static void reopen_if_asked(struct channel *channel)
{
	struct instance *instance = channel->instance;
	bool reopen;

	pthread_mutex_lock(&channel->lock);
	reopen = instance->reopen;
	instance->reopen = false;
	pthread_mutex_unlock(&channel->lock);
	if (reopen && channel->spec.plugin->channel.reopen)
		channel->spec.plugin->channel.reopen(instance->state);
}

static int64_t feed_all(struct http *http)
{
	int64_t wake = INT64_MAX;

	for (struct attached *a = http->attached; a; a = a->next) {
		int64_t at;

		reopen_if_asked(a->channel);
		at = feed(a);
		wake = at < wake ? at : wake;
	}
	return wake;
}

static void run_timers(struct http *http)
{
	int64_t now = clock_boot_ms();
	struct timer *due = NULL, **at = &http->timers, *timer;

	while ((timer = *at)) {
		if (timer->at_ms <= now) {
			*at = timer->next;
			timer->next = due;
			due = timer;
		} else {
			at = &timer->next;
		}
	}
	while ((timer = due)) {
		due = timer->next;
		timer->fn(timer->data);
		free(timer);
	}
}

/* INT64_MAX: there is none. */
static int64_t next_timer_ms(const struct http *http)
{
	int64_t next = INT64_MAX;

	for (const struct timer *timer = http->timers; timer; timer = timer->next)
		next = timer->at_ms < next ? timer->at_ms : next;
	return next;
}

static void drop_timers(struct http *http, const struct channel *channel)
{
	struct timer **at = &http->timers, *timer;

	while ((timer = *at)) {
		if (timer->channel == channel) {
			*at = timer->next;
			free(timer);
		} else {
			at = &timer->next;
		}
	}
}

static void answer(struct http *http, struct command *command, int result)
{
	pthread_mutex_lock(&http->lock);
	command->result = result;
	command->done = true;
	pthread_cond_broadcast(&http->answered);
	pthread_mutex_unlock(&http->lock);
}

static void attach(struct http *http, struct command *command)
{
	struct channel *channel = command->channel;
	struct attached *attached = calloc(1, sizeof(*attached));
	int result = -ENOMEM;

	if (attached) {
		attached->channel = channel;
		attached->turn = TURN;
		attached->next = http->attached;
		http->attached = attached; /* open may already use the engine */
		result = channel->spec.plugin->channel.open(&channel->instance->self,
							    channel_host(), channel->spec.config,
							    &channel->instance->state);
		if (result < 0) {
			http->attached = attached->next;
			drop_timers(http, channel);
			free_attached(attached);
		}
	}
	answer(http, command, result);
}

static void run_commands(struct http *http)
{
	struct command *command;

	for (;;) {
		pthread_mutex_lock(&http->lock);
		command = http->commands;
		if (command)
			http->commands = command->next;
		pthread_mutex_unlock(&http->lock);
		if (!command)
			return;
		if (command->kind == COMMAND_ATTACH)
			attach(http, command);
		else
			find(http, command->channel)->detach = command;
	}
}

/* Closes what is to go and has nothing under way. */
static void run_detaches(struct http *http)
{
	struct attached **at = &http->attached, *attached;

	while ((attached = *at)) {
		struct channel *channel = attached->channel;
		bool quiet;

		pthread_mutex_lock(&channel->lock);
		quiet = channel->under_way == 0;
		pthread_mutex_unlock(&channel->lock);
		if (!attached->detach || !quiet || attached->requests > 0) {
			at = &attached->next;
			continue;
		}
		*at = attached->next;
		drop_timers(http, channel);
		channel->spec.plugin->channel.close(channel->instance->state);
		answer(http, attached->detach, 0);
		free_attached(attached);
	}
}

static bool is_ending(struct http *http)
{
	pthread_mutex_lock(&http->lock);
	bool end = http->end;
	pthread_mutex_unlock(&http->lock);
	return end;
}

static void *run(void *data)
{
	struct http *http = data;

	while (!is_ending(http)) {
		int64_t timer, wake;

		run_commands(http);
		run_timers(http);
		wake = feed_all(http);
		run_detaches(http);
		timer = next_timer_ms(http); /* all that may set one was called */
		multi_run(http->multi, timer < wake ? timer : wake);
		finish_all(http);
	}
	return NULL;
}

int http_new(struct log *log, struct http **result, struct error *err)
{
	struct http *http = calloc(1, sizeof(*http));

	if (!http)
		return error_set(err, -ENOMEM, "out of memory");
	http->log = log;
	pthread_mutex_init(&http->lock, NULL);
	pthread_cond_init(&http->answered, NULL);
	http->multi = multi_new();
	if (!http->multi || pthread_create(&http->thread, NULL, run, http) != 0) {
		multi_free(http->multi);
		free(http);
		return error_set(err, -EAGAIN, "the HTTP engine cannot be started");
	}
	*result = http;
	return 0;
}

void http_free(struct http *http)
{
	if (!http)
		return;
	pthread_mutex_lock(&http->lock);
	http->end = true;
	pthread_mutex_unlock(&http->lock);
	multi_wake(http->multi);
	pthread_join(http->thread, NULL);
	assert(!http->attached);
	multi_free(http->multi);
	pthread_cond_destroy(&http->answered);
	pthread_mutex_destroy(&http->lock);
	free(http);
}

void http_wake(struct http *http)
{
	multi_wake(http->multi);
}

static int tell(struct http *http, enum command_kind kind, struct channel *channel)
{
	struct command command = {.kind = kind, .channel = channel};

	pthread_mutex_lock(&http->lock);
	command.next = http->commands;
	/* cppcheck-suppress autoVariables ; it is out of the list before this returns */
	http->commands = &command;
	multi_wake(http->multi);
	while (!command.done)
		pthread_cond_wait(&http->answered, &http->lock);
	pthread_mutex_unlock(&http->lock);
	return command.result;
}

int http_attach(struct http *http, struct channel *channel, struct error *err)
{
	int result = tell(http, COMMAND_ATTACH, channel);

	if (result < 0)
		self_open_failed(&channel->instance->self, result, "channel", err);
	return result;
}

void http_detach(struct http *http, struct channel *channel)
{
	tell(http, COMMAND_DETACH, channel);
}
