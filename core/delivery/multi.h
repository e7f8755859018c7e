/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delivery/multi: a curl multi handle on epoll. A round costs what happened in it,
 * not how many transfers are under way.
 *
 * One thread uses it; only multi_wake may be called from others.
 */
#ifndef DELIVERY_MULTI_H
#define DELIVERY_MULTI_H

#include <stdbool.h>
#include <stdint.h>

#include <curl/curl.h>

struct multi;

/* NULL: no memory or no descriptors. */
struct multi *multi_new(void);
/* Every handle must have been removed; kept connections are closed. */
void multi_free(struct multi *multi);

/* Starts a transfer: it runs in multi_run. False: libcurl refused, for want of memory. */
bool multi_add(struct multi *multi, CURL *easy);
void multi_remove(struct multi *multi, CURL *easy);

/* Lets transfers go on until something happened, somebody called multi_wake, or until that boot
 * time. */
void multi_run(struct multi *multi, int64_t until_boot_ms);
/* The next transfer that ended, with its result; NULL: there is none. */
CURL *multi_ended(struct multi *multi, CURLcode *result);

/* Any thread: multi_run returns soon. */
void multi_wake(struct multi *multi);

#endif
