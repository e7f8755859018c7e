/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/multi.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"

#define EVENTS 128            /* taken from the kernel at once */
#define LONGEST_WAIT_MS 60000 /* so that a mistake here costs a minute and not a delivery */
#define KEPT_LEAST 32         /* connections that are kept for later, at least */

struct multi {
	CURLM *curl;
	int epoll, bell; /* the bell is an eventfd: others ring it */
	atomic_bool ringing;
	int64_t timer_at_ms; /* boot time at which libcurl wants to be called; INT64_MAX: never */
	int added, running;  /* transfers; the difference has ended and waits for multi_ended */
	int kept;            /* connections at most, see keep_connections */
	/* By descriptor: what libcurl waits for. A connection that is kept stays registered while
	 * nothing is wanted of it, which saves two system calls each time that it is used again. */
	uint32_t *wanted;
	size_t n_wanted;
};

static bool make_room(struct multi *multi, size_t fd)
{
	size_t n = multi->n_wanted ? multi->n_wanted : 64;
	uint32_t *wanted;

	if (fd < multi->n_wanted)
		return true;
	while (n <= fd)
		n *= 2;
	wanted = realloc(multi->wanted, n * sizeof(*wanted));
	if (!wanted)
		return false;
	memset(wanted + multi->n_wanted, 0, (n - multi->n_wanted) * sizeof(*wanted));
	multi->wanted = wanted;
	multi->n_wanted = n;
	return true;
}

static uint32_t events_of(int what)
{
	uint32_t events = 0;

	if (what & CURL_POLL_IN)
		events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		events |= EPOLLOUT;
	return events;
}

/* libcurl tells what it waits for. -1 ends the transfer. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *data, void *unused)
{
	struct multi *multi = data;
	uint32_t wanted = what == CURL_POLL_REMOVE ? 0 : events_of(what);
	struct epoll_event event = {.events = wanted, .data.fd = fd};

	(void)easy;
	(void)unused;
	if (!make_room(multi, (size_t)fd))
		return -1;
	multi->wanted[fd] = wanted;
	if (wanted == 0)
		return 0;
	/* The number may have been another descriptor's before, which the kernel forgot with it. */
	if (epoll_ctl(multi->epoll, EPOLL_CTL_MOD, fd, &event) == 0)
		return 0;
	return errno == ENOENT && epoll_ctl(multi->epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -1;
}

static int on_timer(CURLM *curl, long timeout_ms, void *data)
{
	struct multi *multi = data;

	(void)curl;
	if (timeout_ms < 0)
		multi->timer_at_ms = INT64_MAX;
	else
		multi->timer_at_ms = timeout_ms == 0 ? 0 : clock_boot_ms() + timeout_ms;
	return 0;
}

struct multi *multi_new(void)
{
	struct multi *multi = calloc(1, sizeof(*multi));
	struct epoll_event event = {.events = EPOLLIN};

	if (!multi)
		return NULL;
	multi->timer_at_ms = INT64_MAX;
	multi->epoll = epoll_create1(EPOLL_CLOEXEC);
	multi->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	multi->curl = curl_multi_init();
	event.data.fd = multi->bell;
	if (multi->epoll < 0 || multi->bell < 0 || !multi->curl ||
	    epoll_ctl(multi->epoll, EPOLL_CTL_ADD, multi->bell, &event) < 0) {
		multi_free(multi);
		return NULL;
	}
	curl_multi_setopt(multi->curl, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(multi->curl, CURLMOPT_SOCKETDATA, multi);
	curl_multi_setopt(multi->curl, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(multi->curl, CURLMOPT_TIMERDATA, multi);
	return multi;
}

void multi_free(struct multi *multi)
{
	if (!multi)
		return;
	curl_multi_cleanup(multi->curl);
	if (multi->bell >= 0)
		(void)close(multi->bell);
	if (multi->epoll >= 0)
		(void)close(multi->epoll);
	free(multi->wanted);
	free(multi);
}

/* As many as were used at once: the next time as many are there again. libcurl by itself keeps four for
 * each transfer under way, and closes the others when the last transfers of many end. */
static void keep_connections(struct multi *multi)
{
	if (multi->added <= multi->kept)
		return;
	multi->kept = multi->added > KEPT_LEAST ? multi->added : KEPT_LEAST;
	curl_multi_setopt(multi->curl, CURLMOPT_MAXCONNECTS, (long)multi->kept);
}

bool multi_add(struct multi *multi, CURL *easy)
{
	if (curl_multi_add_handle(multi->curl, easy) != CURLM_OK)
		return false;
	multi->added++;
	multi->running++;
	keep_connections(multi);
	return true;
}

void multi_remove(struct multi *multi, CURL *easy)
{
	curl_multi_remove_handle(multi->curl, easy);
	multi->added--;
}

static void act(struct multi *multi, const struct epoll_event *event)
{
	int fd = event->data.fd, mask = 0;

	/* A kept connection that its peer closes: libcurl finds out when it wants to use it. */
	if (multi->wanted[fd] == 0) {
		(void)epoll_ctl(multi->epoll, EPOLL_CTL_DEL, fd, NULL);
		return;
	}
	if (event->events & (EPOLLIN | EPOLLHUP | EPOLLRDHUP))
		mask |= CURL_CSELECT_IN;
	if (event->events & EPOLLOUT)
		mask |= CURL_CSELECT_OUT;
	if (event->events & EPOLLERR)
		mask |= CURL_CSELECT_ERR;
	curl_multi_socket_action(multi->curl, fd, mask, &multi->running);
}

static void hush(struct multi *multi)
{
	uint64_t rings;

	while (read(multi->bell, &rings, sizeof(rings)) < 0 && errno == EINTR)
		;
	/* Last: who finds it ringing until here goes without writing, and is seen by who looks for
	 * work after this. */
	atomic_store(&multi->ringing, false);
}

static void run_timer(struct multi *multi)
{
	long again_ms;

	if (multi->timer_at_ms > clock_boot_ms())
		return;
	curl_multi_socket_action(multi->curl, CURL_SOCKET_TIMEOUT, 0, &multi->running);
	/* on_timer hears of new times only, and our clock is coarser: this one may not be over. */
	if (curl_multi_timeout(multi->curl, &again_ms) == CURLM_OK)
		on_timer(multi->curl, again_ms, multi);
}

void multi_run(struct multi *multi, int64_t until_boot_ms)
{
	struct epoll_event event[EVENTS];
	int64_t left;
	int n;

	run_timer(multi); /* starts what was added, which may end at once */
	if (multi->timer_at_ms < until_boot_ms)
		until_boot_ms = multi->timer_at_ms;
	if (multi->running < multi->added)
		until_boot_ms = 0;
	left = until_boot_ms - clock_boot_ms();
	left = left < 0 ? 0 : left < LONGEST_WAIT_MS ? left : LONGEST_WAIT_MS;
	n = epoll_wait(multi->epoll, event, EVENTS, (int)left);
	for (int i = 0; i < n; i++) {
		if (event[i].data.fd == multi->bell)
			hush(multi);
		else
			act(multi, &event[i]);
	}
	run_timer(multi);
}

CURL *multi_ended(struct multi *multi, CURLcode *result)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(multi->curl, &left))) {
		if (message->msg != CURLMSG_DONE)
			continue;
		*result = message->data.result;
		return message->easy_handle;
	}
	return NULL;
}

void multi_wake(struct multi *multi)
{
	const uint64_t one = 1;

	if (atomic_exchange(&multi->ringing, true))
		return;
	while (write(multi->bell, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}
