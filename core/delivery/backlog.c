/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/backlog.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define LOOK_MS 250       /* between two looks at a descriptor */
#define CHANNEL_ITSELF "" /* the source of the entry that keeps a channel's state */
#define SOURCE_ITSELF ""  /* the channel of the entry that keeps a source's lease */

struct backlog {
	struct backlog *next;
	char *source, *channel;
	int64_t n;
	_Atomic int64_t until_ms; /* 0: the source does not lease */
	bool available, gone;
};

void backlogs_init(struct backlogs *backlogs, bool once)
{
	pthread_mutex_init(&backlogs->lock, NULL);
	(void)clock_cond_init(&backlogs->changed);
	backlogs->first = NULL;
	backlogs->once = once;
	backlogs->idle = false;
}

void backlogs_done(struct backlogs *backlogs)
{
	struct backlog *backlog;

	while ((backlog = backlogs->first)) {
		backlogs->first = backlog->next;
		free(backlog->source);
		free(backlog->channel);
		free(backlog);
	}
	pthread_cond_destroy(&backlogs->changed);
	pthread_mutex_destroy(&backlogs->lock);
}

static struct backlog *find(struct backlogs *backlogs, const char *source, const char *channel)
{
	for (struct backlog *b = backlogs->first; b; b = b->next)
		if (strcmp(b->source, source) == 0 && strcmp(b->channel, channel) == 0)
			return b;
	return NULL;
}

static struct backlog *find_or_add(struct backlogs *backlogs, const char *source,
				   const char *channel)
{
	struct backlog *backlog = find(backlogs, source, channel);
	const struct backlog *own = find(backlogs, CHANNEL_ITSELF, channel);
	const struct backlog *lessor = find(backlogs, source, SOURCE_ITSELF);

	if (backlog)
		return backlog;
	backlog = calloc(1, sizeof(*backlog));
	if (!backlog)
		return NULL;
	backlog->source = strdup(source);
	backlog->channel = strdup(channel);
	if (!backlog->source || !backlog->channel) {
		free(backlog->source);
		free(backlog->channel);
		free(backlog);
		return NULL;
	}
	backlog->available = own ? own->available : true;
	backlog->gone = own && own->gone;
	atomic_init(&backlog->until_ms, lessor ? atomic_load(&lessor->until_ms) : 0);
	backlog->next = backlogs->first;
	backlogs->first = backlog;
	return backlog;
}

int backlogs_add(struct backlogs *backlogs, const char *source, const char *channel, int64_t n)
{
	struct backlog *backlog;

	pthread_mutex_lock(&backlogs->lock);
	backlog = find_or_add(backlogs, source, channel);
	if (backlog)
		backlog->n = backlog->n + n > 0 ? backlog->n + n : 0;
	pthread_mutex_unlock(&backlogs->lock);
	return backlog ? 0 : -ENOMEM;
}

struct backlog *backlogs_find(struct backlogs *backlogs, const char *source, const char *channel)
{
	struct backlog *backlog;

	pthread_mutex_lock(&backlogs->lock);
	backlog = find(backlogs, source, channel);
	if (!backlog)
		backlog = find(backlogs, source, SOURCE_ITSELF);
	pthread_mutex_unlock(&backlogs->lock);
	return backlog;
}

int backlogs_lease(struct backlogs *backlogs, const char *source, int64_t until_ms)
{
	bool noted;

	pthread_mutex_lock(&backlogs->lock);
	noted = until_ms == 0 || find_or_add(backlogs, source, SOURCE_ITSELF);
	for (struct backlog *b = backlogs->first; b; b = b->next)
		if (strcmp(b->source, source) == 0)
			atomic_store(&b->until_ms, until_ms);
	pthread_mutex_unlock(&backlogs->lock);
	return noted ? 0 : -ENOMEM;
}

bool backlog_is_leased(const struct backlog *backlog)
{
	return atomic_load(&backlog->until_ms) != 0;
}

bool backlog_lapsed(const struct backlog *backlog, int64_t now_ms)
{
	int64_t until = atomic_load(&backlog->until_ms);

	return until != 0 && now_ms >= until;
}

void backlogs_tried(struct backlogs *backlogs, struct backlog *backlog)
{
	pthread_mutex_lock(&backlogs->lock);
	if (backlog->n > 0)
		backlog->n--;
	pthread_cond_broadcast(&backlogs->changed);
	pthread_mutex_unlock(&backlogs->lock);
}

void backlogs_reset(struct backlogs *backlogs, const char *source)
{
	pthread_mutex_lock(&backlogs->lock);
	for (struct backlog *b = backlogs->first; b; b = b->next)
		if (strcmp(b->source, source) == 0)
			b->n = 0;
	pthread_cond_broadcast(&backlogs->changed);
	pthread_mutex_unlock(&backlogs->lock);
}

void backlogs_rest(struct backlogs *backlogs, const char *channel)
{
	bool any = false;

	pthread_mutex_lock(&backlogs->lock);
	for (struct backlog *b = backlogs->first; b; b = b->next) {
		if (b->n > 0 && strcmp(b->channel, channel) == 0) {
			b->n = 0;
			any = true;
		}
	}
	if (any)
		pthread_cond_broadcast(&backlogs->changed);
	pthread_mutex_unlock(&backlogs->lock);
}

void backlogs_idle(struct backlogs *backlogs, bool idle)
{
	pthread_mutex_lock(&backlogs->lock);
	backlogs->idle = idle;
	if (idle)
		pthread_cond_broadcast(&backlogs->changed);
	pthread_mutex_unlock(&backlogs->lock);
}

static void set_state(struct backlogs *backlogs, const char *channel, bool available, bool gone)
{
	pthread_mutex_lock(&backlogs->lock);
	/* for sources that feed it later; without memory they think that it is available */
	find_or_add(backlogs, CHANNEL_ITSELF, channel);
	for (struct backlog *b = backlogs->first; b; b = b->next) {
		if (strcmp(b->channel, channel) == 0) {
			b->available = available;
			b->gone = gone;
		}
	}
	pthread_cond_broadcast(&backlogs->changed);
	pthread_mutex_unlock(&backlogs->lock);
}

void backlogs_available(struct backlogs *backlogs, const char *channel, bool available)
{
	set_state(backlogs, channel, available, false);
}

void backlogs_gone(struct backlogs *backlogs, const char *channel)
{
	set_state(backlogs, channel, false, true);
}

enum ahead { AHEAD_NO, AHEAD_YES, AHEAD_HOPELESS };

/* Called with the lock held. */
static enum ahead judge(const struct backlogs *backlogs, const char *source, int64_t window)
{
	bool fed = false, any_available = false;

	for (const struct backlog *b = backlogs->first; b; b = b->next) {
		int64_t limit = b->available ? window : window * BACKLOG_UNAVAILABLE;

		if (b->gone || !*b->channel || strcmp(b->source, source) != 0)
			continue;
		if (b->available && b->n < limit)
			return AHEAD_NO; /* somebody is ready for more */
		if (!b->available && !backlogs->once && b->n < limit)
			return AHEAD_NO;
		fed = true;
		any_available |= b->available;
	}
	if (!fed)
		return AHEAD_NO;
	/* idle with the windows full: a peer asked for a pause, which may be long */
	return backlogs->once && (!any_available || backlogs->idle) ? AHEAD_HOPELESS : AHEAD_YES;
}

static bool is_readable(int fd)
{
	struct pollfd look = {.fd = fd, .events = POLLIN};

	return fd >= 0 && poll(&look, 1, 0) > 0;
}

int backlogs_wait(struct backlogs *backlogs, const char *source, int64_t window,
		  const atomic_bool *stop, int fd)
{
	int64_t look_ms = 0; /* boot time */
	enum ahead ahead = AHEAD_NO;
	bool readable = false;

	pthread_mutex_lock(&backlogs->lock);
	while (!atomic_load(stop) && (ahead = judge(backlogs, source, window)) == AHEAD_YES) {
		if (clock_boot_ms() >= look_ms) {
			readable = is_readable(fd);
			look_ms = clock_boot_ms() + LOOK_MS;
		}
		if (readable)
			break;
		clock_cond_wait(&backlogs->changed, &backlogs->lock, fd < 0 ? INT64_MAX : look_ms);
	}
	pthread_mutex_unlock(&backlogs->lock);
	if (atomic_load(stop) || ahead == AHEAD_HOPELESS)
		return -ESHUTDOWN;
	return readable ? -EINTR : 0;
}

void backlogs_wake(struct backlogs *backlogs)
{
	pthread_mutex_lock(&backlogs->lock);
	pthread_cond_broadcast(&backlogs->changed);
	pthread_mutex_unlock(&backlogs->lock);
}
