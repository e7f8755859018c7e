/* SPDX-License-Identifier: Apache-2.0 */
/* Tells a source what became of its alerts, and notes that it knows. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "engine/source.h"

#define TELL_AGAIN_MS 1000

/* One page of what the store has to tell. */
struct page {
	struct store_request request;
	const char *source;
	int64_t after; /* only alerts above this number */
	struct tocsin_settled settled[SOURCE_TELL];
	int64_t alert[SOURCE_TELL];
	bool later[SOURCE_TELL]; /* its plugin cannot note it yet */
	char *mark[SOURCE_TELL]; /* and behind it the other texts of what it is told */
	size_t n;
};

static void page_clear(struct page *page)
{
	for (size_t i = 0; i < page->n; i++)
		free(page->mark[i]);
	page->n = 0;
	memset(page->later, 0, sizeof(page->later));
}

static char *append(char **at, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = memcpy(*at, text, size);

	*at += size;
	return copy;
}

static int on_untold(int64_t alert, const struct tocsin_settled *settled, void *data)
{
	struct page *page = data;
	struct tocsin_settled *copy = &page->settled[page->n];
	size_t output = settled->output ? strlen(settled->output) + 1 : 0;
	char *at = malloc(strlen(settled->mark) + strlen(settled->reason) + 2 + output);

	if (!at)
		return -ENOMEM;
	page->alert[page->n] = alert;
	page->mark[page->n++] = at;
	*copy = *settled;
	copy->mark = append(&at, settled->mark);
	copy->reason = append(&at, settled->reason);
	if (settled->output)
		copy->output = append(&at, settled->output);
	return 0;
}

static int read_untold(struct store_request *request, const struct transaction *t)
{
	struct page *page = (struct page *)request;

	page_clear(page);
	return t->ops->untold(t->state, page->source, page->after, SOURCE_TELL, on_untold, page);
}

static int write_told(struct store_request *request, const struct transaction *t)
{
	struct page *page = (struct page *)request;
	int result = 0;

	for (size_t i = 0; i < page->n && result == 0; i++)
		result = t->ops->told(t->state, page->alert[i],
				      page->settled[i].outcome == TOCSIN_SETTLED_DEAD);
	return result;
}

static void report(struct source *source, const struct page *page)
{
	bool counts = source->settings->common.settle_on == SETTLE_ON_DELIVERED;

	for (size_t i = 0; i < page->n; i++) {
		bool dead = page->settled[i].outcome == TOCSIN_SETTLED_DEAD;
		const char *mark = page->mark[i];
		char number[24];

		/* without a mark, by its number in the history */
		(void)snprintf(number, sizeof(number), "%lld", (long long)page->alert[i]);
		if (!*mark)
			mark = number;
		if (!dead && !page->settled[i].delivered && *page->settled[i].reason)
			log_write(source->engine->log, TOCSIN_LOG_INFO, source->settings->name,
				  "alert %s is not sent: %s", mark, page->settled[i].reason);
		else
			log_write(source->engine->log, dead ? TOCSIN_LOG_ERROR : TOCSIN_LOG_INFO,
				  source->settings->name,
				  dead ? "alert %s failed" : "alert %s sent", mark);
		if (counts && page->settled[i].delivered)
			tally_delivered(&source->engine->tally, page->alert[i]);
		else if (counts && !dead)
			tally_settled(&source->engine->tally, page->alert[i]);
	}
	engine_progress(source->engine);
}

static void page_drop(struct page *page, size_t i)
{
	free(page->mark[i]);
	page->n--;
	memmove(&page->later[i], &page->later[i + 1], (page->n - i) * sizeof(page->later[0]));
	memmove(&page->mark[i], &page->mark[i + 1], (page->n - i) * sizeof(page->mark[0]));
	memmove(&page->alert[i], &page->alert[i + 1], (page->n - i) * sizeof(page->alert[0]));
	memmove(&page->settled[i], &page->settled[i + 1], (page->n - i) * sizeof(page->settled[0]));
}

void source_later(struct tocsin_self *self, const char *const mark[], size_t n)
{
	struct source *source = self->owner;
	struct page *page = source->telling;

	for (size_t i = 0; page && i < page->n; i++)
		for (size_t k = 0; k < n && !page->later[i]; k++)
			page->later[i] = strcmp(page->mark[i], mark[k]) == 0;
}

/* What its plugin cannot note yet leaves the page, and is told again. */
static void drop_later(struct source *source, struct page *page)
{
	for (size_t i = page->n; i-- > 0;) {
		if (!page->later[i])
			continue;
		page_drop(page, i);
		source->later_ms = clock_boot_ms() + TELL_AGAIN_MS;
	}
}

static int call_settled(struct source *source, struct page *page, size_t first, size_t n)
{
	const struct tocsin_source_ops *ops = &source->settings->plugin->source;
	int result;

	if (!ops->settled)
		return 0;
	source->telling = page;
	result = ops->settled(source->state, &page->settled[first], n);
	source->telling = NULL;
	return result;
}

/* Hands the page to the plugin. Marks that it can never note (-EINVAL) leave the page, so that one of
 * them does not keep the others from being told. Returns the last thing that stood in the way. */
static int hand_over(struct source *source, struct page *page)
{
	int result = call_settled(source, page, 0, page->n);
	int trouble = 0;

	if (result == 0) {
		drop_later(source, page);
		return 0;
	}
	memset(page->later, 0, sizeof(page->later)); /* all of them are told again */
	if (result != -EINVAL || page->n == 1) {
		while (page->n > 0)
			page_drop(page, page->n - 1);
		return result;
	}
	for (size_t i = 0; i < page->n;) {
		result = call_settled(source, page, i, 1);
		if (result < 0) {
			trouble = result;
			page_drop(page, i);
		} else {
			i++;
		}
	}
	drop_later(source, page);
	return trouble;
}

/* Tells one page. Returns how many, or what stood in the way. */
static int tell_page(struct source *source, struct page *page)
{
	int trouble, result;

	if (page->n == 0)
		return 0;
	FAULT_POINT("tell.before");
	trouble = hand_over(source, page);
	FAULT_POINT("tell.marked");
	if (page->n == 0)
		return trouble; /* nothing was noted */
	report(source, page);
	page->request.apply = write_told;
	result = source_call(source, &page->request);
	FAULT_POINT("tell.told");
	if (result == 0)
		result = trouble;
	return result < 0 ? result : (int)page->n;
}

/* What was accepted counts as settled for sources with settle_on: accepted. */
static void take_accepted(struct source *source, struct page *page)
{
	while (source->accepted && page->n < SOURCE_TELL) {
		struct accepted *last = source->accepted;

		source->accepted = last->next;
		page->alert[page->n] = last->alert;
		page->mark[page->n] = last->mark;
		page->settled[page->n++] = (struct tocsin_settled){
			.mark = last->mark, .outcome = TOCSIN_SETTLED, .reason = ""};
		free(last);
	}
}

static int tell_accepted(struct source *source, struct page *page)
{
	int told = 0;

	while (source->accepted) {
		int result;

		take_accepted(source, page);
		/* when this fails the source emits them again, and they come here again */
		result = tell_page(source, page);
		page_clear(page);
		if (result < 0)
			return result;
		told += result;
	}
	return told;
}

static int tell_settled(struct source *source, struct page *page)
{
	int told = 0, trouble = 0, result;
	size_t n;

	page->after = 0;
	do {
		page->request.apply = read_untold;
		result = store_call(source->engine->store, &page->request);
		n = page->n;
		if (n)
			page->after = page->alert[n - 1];
		if (result == 0)
			result = tell_page(source, page);
		page_clear(page);
		if (result == -EINVAL)
			trouble = result; /* the others are told all the same */
		else if (result < 0)
			return result;
		else
			told += result;
	} while (n == SOURCE_TELL);
	return trouble < 0 ? trouble : told;
}

int source_tell(struct source *source)
{
	struct page *page;
	bool again = source->later_ms > 0 && clock_boot_ms() >= source->later_ms, due;
	int result = 0, accepted = -ENOMEM;

	if (clock_boot_ms() < source->tell_again_ms)
		return -EAGAIN;
	due = atomic_exchange(&source->tell_due, false); /* else nobody would wake it again */
	if (!source->accepted && !due && !again)
		return 0;
	source->later_ms = 0;
	page = calloc(1, sizeof(*page));
	if (page) {
		page->source = source->settings->name;
		accepted = tell_accepted(source, page);
		if (accepted >= 0)
			result = tell_settled(source, page);
		free(page);
	}
	if (accepted < 0)
		result = accepted;
	if (result < 0) {
		atomic_store(&source->tell_due, true);
		source->tell_failures++;
		source->tell_again_ms = clock_boot_ms() + TELL_AGAIN_MS;
		return result;
	}
	if (source->later_ms == 0)
		source->tell_failures = 0;
	else if (again)
		source->tell_failures++;
	source->tell_again_ms = 0;
	return accepted + result;
}
