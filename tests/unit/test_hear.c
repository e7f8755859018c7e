/* SPDX-License-Identifier: Apache-2.0 */
/* A source that waits, and is spoken to. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "engine/source.h"

#define LONG_MS 8000 /* what it wanted to wait, before it was spoken to */
#define SHORT_MS (LONG_MS / 2)

static size_t heard, answers;
static bool puts_off;

static void call(void *state, struct tocsin_call *const each[], size_t n)
{
	(void)state;
	for (size_t i = 0; i < n; i++) {
		if (puts_off) {
			each[i]->status = TOCSIN_CALL_LATER;
			continue;
		}
		each[i]->status = 200;
		each[i]->answer = strdup("{}");
	}
	heard += n;
}

static void answered(int status, char *answer, void *data)
{
	(void)data;
	assert_int_equal(status, 200);
	free(answer);
	answers++;
}

static struct plugin plugin = {.it = {.items = TOCSIN_JOBS}, .source = {.call = call}};
static struct source_settings settings = {.name = "jobs", .plugin = &plugin};

/* As much of a source as waits. */
static struct source *make_source(struct engine *engine)
{
	struct source *source = calloc(1, sizeof(*source));

	assert_non_null(source);
	source->engine = engine;
	source->settings = &settings;
	source->lease_noted = true;
	source->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_true(source->event_fd >= 0);
	self_init(&source->self, settings.name, NULL, NULL, source);
	words_init(&source->words);
	heard = answers = 0;
	return source;
}

/* A store that takes nothing would be asked otherwise. */
static int emit_nothing(struct source *source)
{
	return source_host()->emit(&source->self, NULL, 0);
}

static void free_source(struct source *source)
{
	words_done(&source->words);
	self_done(&source->self);
	close(source->event_fd);
	free(source);
}

/* What somebody says while the source sleeps. */
struct speech {
	struct source *source;
	size_t n;
};

static void *speak(void *data)
{
	const struct speech *speech = data;

	usleep(200000);
	for (size_t i = 0; i < speech->n; i++) {
		struct word *word = word_new("backup", "run", NULL, answered, NULL);

		if (word && words_add(&speech->source->words, word) < 0)
			word_end(word, 503, NULL);
	}
	source_wake(speech->source, false);
	return NULL;
}

/* Until all is answered; how long that took. */
static int64_t listen_to(struct source *source, size_t n)
{
	struct speech speech = {source, n};
	int64_t before = clock_boot_ms();
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, speak, &speech), 0);
	while (answers < n)
		assert_int_equal(source_host()->wait(&source->self, -1, LONG_MS), TOCSIN_TIMEOUT);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(heard, n);
	return clock_boot_ms() - before;
}

static void it_is_told_soon_that_what_it_waits_for_may_have_changed(void **state)
{
	struct engine engine = {0};
	struct source *source = make_source(&engine);

	(void)state;
	assert_true(listen_to(source, 1) < SHORT_MS);
	free_source(source);
}

static void it_hears_more_than_it_is_given_at_once(void **state)
{
	struct engine engine = {0};
	struct source *source = make_source(&engine);

	(void)state;
	assert_true(listen_to(source, WORDS_TAKEN + 44) < SHORT_MS);
	free_source(source);
}

/* What it cannot answer yet neither ends its waits again and again nor is forgotten. */
static void what_it_puts_off_is_said_to_it_with_each_wait(void **state)
{
	struct engine engine = {0};
	struct source *source = make_source(&engine);
	struct tocsin_self *self = &source->self;
	int64_t before;

	(void)state;
	puts_off = true;
	for (int i = 0; i < WORDS_TAKEN + 44; i++)
		assert_int_equal(
			words_add(&source->words, word_new("backup", "run", NULL, answered, NULL)),
			0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(source_host()->wait(self, -1, LONG_MS), TOCSIN_TIMEOUT);
	before = clock_boot_ms();
	for (int i = 0; i < 4; i++)
		assert_int_equal(source_host()->wait(self, -1, 30), TOCSIN_TIMEOUT);
	assert_in_range(clock_boot_ms() - before, 120, SHORT_MS);
	puts_off = false;
	for (int i = 0; i < 2; i++)
		assert_int_equal(source_host()->wait(self, -1, LONG_MS), TOCSIN_TIMEOUT);
	assert_int_equal(answers, WORDS_TAKEN + 44);
	assert_true(clock_boot_ms() - before < SHORT_MS);
	free_source(source);
}

static void nobody_else_ends_its_wait_early(void **state)
{
	struct engine engine = {0};
	struct source *source = make_source(&engine);
	int64_t before = clock_boot_ms();

	(void)state;
	source_wake(source, false);
	assert_int_equal(source_host()->wait(&source->self, -1, 100), TOCSIN_TIMEOUT);
	assert_true(clock_boot_ms() - before >= 100);
	free_source(source);
}

static struct source *make_stopping(struct engine *engine)
{
	struct source *source = make_source(engine);

	source->last_ms = clock_boot_ms() + SOURCE_LAST_MS;
	atomic_store(&source->stopping, true);
	return source;
}

static void one_that_stops_is_told_and_has_its_last_word_for_a_while(void **state)
{
	struct engine engine = {0};
	struct source *source = make_stopping(&engine);

	(void)state;
	assert_int_equal(emit_nothing(source), -ESHUTDOWN);
	assert_int_equal(emit_nothing(source), 0);
	source->last_ms = clock_boot_ms() - 1;
	assert_int_equal(emit_nothing(source), -ESHUTDOWN);
	free_source(source);

	source = make_stopping(&engine);
	assert_int_equal(source_host()->wait(&source->self, -1, LONG_MS), TOCSIN_STOP);
	assert_int_equal(emit_nothing(source), 0);
	free_source(source);
}

/* It would begin to emit what it can as well emit at the next start. */
static void one_without_items_has_no_last_word(void **state)
{
	struct engine engine = {0};
	struct source *source = make_stopping(&engine);

	(void)state;
	plugin.it.items = 0;
	assert_int_equal(emit_nothing(source), -ESHUTDOWN);
	assert_int_equal(emit_nothing(source), -ESHUTDOWN);
	plugin.it.items = TOCSIN_JOBS;
	free_source(source);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_told_soon_that_what_it_waits_for_may_have_changed),
		cmocka_unit_test(it_hears_more_than_it_is_given_at_once),
		cmocka_unit_test(what_it_puts_off_is_said_to_it_with_each_wait),
		cmocka_unit_test(nobody_else_ends_its_wait_early),
		cmocka_unit_test(one_that_stops_is_told_and_has_its_last_word_for_a_while),
		cmocka_unit_test(one_without_items_has_no_last_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
