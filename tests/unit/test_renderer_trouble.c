/* SPDX-License-Identifier: Apache-2.0 */
/* What is left of templates when their evaluation fails, and many of them at once. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "renderer_trial.h"
#include "scarce.h"
#include "valgrind.h"

/* An expression that fails takes its template with it, and nothing else. */
static void what_fails_fails_alone_and_is_told_once(void **state)
{
	const struct tocsin_template *title, *body, *good;
	struct trial trial;

	(void)state;
	begin(&trial);
	title = text(&trial, "title", "'{{ .title }} {{ .title | tonumber }}'");
	body = structure(&trial, "body", "{t: '{{ .title }}'}");
	good = text(&trial, "good", "'{{ .severity }}'");
	for (int i = 0; i < 3; i++) {
		render(&trial);
		assert_null(said(&trial, title));
		assert_string_equal(said(&trial, body), "{\"t\":\"disk is full\"}");
		assert_string_equal(said(&trial, good), "critical");
		assert_int_equal(trial.errors, 1);
	}
	assert_int_equal(logged(&trial, "t.yaml:1:18: template 'title': {{ .title | tonumber }} "
					"fails"),
			 1);
	end(&trial);
}

static void too_much_text_is_a_failure(void **state)
{
	const struct tocsin_template *large, *larger, *good;
	struct trial trial;

	(void)state;
	begin(&trial);
	large = text(&trial, "large", "'{{ \"x\" * 65537 }}'");
	larger = text(&trial, "larger", "'{{ \"x\" * 1000000 }}'");
	good = text(&trial, "good", "'{{ .severity }}'");
	render(&trial);
	assert_null(said(&trial, large));
	assert_null(said(&trial, larger));
	assert_string_equal(said(&trial, good), "critical");
	end(&trial);
}

/* As many deliveries, of which one is of an alert for which an expression does not end well. */
static void batch(struct trial *trial, const char *expression, const char *word)
{
	struct tocsin_pair poison[] = {{"poison", "yes"}};
	struct tocsin_alert poisoned = trial->fixture.alert;
	struct tocsin_delivery bad = trial->fixture.delivery;
	struct render_job jobs[8];
	const struct tocsin_template *first, *second;
	int64_t began;

	first = text(trial, "first", "'{{ .title }}'");
	second = text(trial, "second", expression);
	compile(trial);
	poisoned.labels = (struct tocsin_map){poison, 1};
	bad.alert = &poisoned;
	for (size_t i = 0; i < 8; i++)
		jobs[i] = (struct render_job){.program = trial->program,
					      .delivery = i == 5 ? &bad : &trial->fixture.delivery};
	began = clock_boot_ms();
	renderer_render(trial->renderer, jobs, 8);
	assert_true(clock_boot_ms() - began < 20 * RENDERER_DEADLINE_MS);
	for (size_t i = 0; i < 8; i++) {
		const char *one = rendering_text(trial->set, jobs[i].rendering, first);
		const char *two = rendering_text(trial->set, jobs[i].rendering, second);

		if (i == 5) {
			assert_null(one);
			assert_null(two);
		} else {
			assert_string_equal(one, "disk is full");
			assert_string_equal(two, "www.example.com");
		}
		rendering_free(jobs[i].rendering);
	}
	assert_int_equal(logged(trial, word), 1);
}

static void only_the_guilty_goes_without(void **state)
{
	static const char *const bad[][2] = {
		{"'{{ if .labels.poison then [recurse(.)] | length else .labels.site end }}'",
		 "template 'second'"},
		{"'{{ if .labels.poison then [range(1e12)] else .labels.site end }}'",
		 "template 'second'"},
		{"'{{ if .labels.poison then last(repeat(.)) else .labels.site end }}'",
		 "takes too long"},
		{"'{{ if .labels.poison then \"x\" * 1e9 else .labels.site end }}'",
		 "template 'second'"},
		{"'{{ if .labels.poison then def f: f; f else .labels.site end }}'",
		 "takes too long"},
		{"'{{ if .labels.poison then reduce range(1e9) as $i (\"x\"; . + .) else "
		 ".labels.site end }}'",
		 "template 'second'"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct trial trial;

		begin(&trial);
		batch(&trial, bad[i][0], bad[i][1]);
		end(&trial);
	}
}

/* The time of one is not that of all. */
static void each_delivery_has_its_own_time(void **state)
{
	const struct tocsin_template *template;
	struct render_job jobs[16];
	int64_t took_ms = 0;

	(void)state;
	for (long long n = 100000; took_ms < 40; n *= 2) {
		char yaml[80];
		struct trial trial;

		begin(&trial);
		snprintf(yaml, sizeof(yaml), "'{{ last(range(%lld)) | \"done\" }}'", n);
		template = text(&trial, "slow", yaml);
		compile(&trial);
		took_ms = clock_boot_ms();
		render(&trial);
		took_ms = clock_boot_ms() - took_ms;
		for (size_t i = 0; i < 16; i++)
			jobs[i] = (struct render_job){.program = trial.program,
						      .delivery = &trial.fixture.delivery};
		if (took_ms >= 40)
			renderer_render(trial.renderer, jobs, 16);
		for (size_t i = 0; took_ms >= 40 && i < 16; i++) {
			assert_string_equal(rendering_text(trial.set, jobs[i].rendering, template),
					    "done");
			rendering_free(jobs[i].rendering);
		}
		end(&trial);
	}
}

/* More than one message may hold. */
static void many_large_alerts_are_several_exchanges(void **state)
{
	enum { LARGE = 2 * 1000 * 1000, N = 40 };
	const struct tocsin_template *length, *title;
	struct render_job jobs[N];
	struct trial trial;
	char *large = malloc(LARGE + 1), wanted[16];

	(void)state;
	assert_non_null(large);
	memset(large, 'x', LARGE);
	large[LARGE] = '\0';
	snprintf(wanted, sizeof(wanted), "%d", LARGE);
	begin(&trial);
	fixture_annotate(&trial.fixture, "description", large);
	length = text(&trial, "length", "'{{ .message | length }}'");
	title = text(&trial, "subject", "'{{ .title }}'");
	compile(&trial);
	for (size_t i = 0; i < N; i++)
		jobs[i] = (struct render_job){.program = trial.program,
					      .delivery = &trial.fixture.delivery};
	renderer_render(trial.renderer, jobs, N);
	for (size_t i = 0; i < N; i++) {
		assert_string_equal(rendering_text(trial.set, jobs[i].rendering, length), wanted);
		assert_string_equal(rendering_text(trial.set, jobs[i].rendering, title),
				    "disk is full");
		rendering_free(jobs[i].rendering);
	}
	end(&trial);
	free(large);
}

static void what_never_ends_is_switched_off(void **state)
{
	const struct tocsin_template *endless;
	struct trial trial;
	int64_t began;

	(void)state;
	begin(&trial);
	endless = text(&trial, "endless", "'{{ last(repeat(.)) }}'");
	for (int i = 0; i < RENDERER_STRIKES; i++) {
		render(&trial);
		assert_null(said(&trial, endless));
	}
	assert_int_equal(logged(&trial, "switched off for a minute"), 1);
	began = clock_boot_ms();
	for (int i = 0; i < 1000; i++) {
		render(&trial);
		assert_null(said(&trial, endless));
	}
	assert_true(clock_boot_ms() - began < RENDERER_DEADLINE_MS);
	assert_int_equal(logged(&trial, "takes too long"), RENDERER_STRIKES);
	end(&trial);
}

/* Somebody kills the process: nothing is missing, whoever it was is not to blame. */
static void a_process_that_is_killed_comes_back(void **state)
{
	const struct tocsin_template *template;
	struct trial trial;

	(void)state;
	begin(&trial);
	template = text(&trial, "words", "'{{ .title | ascii_upcase }}'");
	for (int i = 0; i < 5; i++) {
		render(&trial);
		assert_string_equal(said(&trial, template), "DISK IS FULL");
		assert_int_equal(kill(trial.renderer->process.pid, SIGKILL), 0);
	}
	assert_int_equal(logged(&trial, "template"), 0);
	end(&trial);
}

static void without_the_program_there_is_a_sentence(void **state)
{
	struct trial trial;
	struct error err;

	(void)state;
	skip_under_valgrind();
	begin(&trial);
	renderer_free(trial.renderer);
	trial.renderer = renderer_new(trial.log, "/nonexistent/tocsin-jq");
	text(&trial, "words", "'{{ .title }}'");
	assert_int_equal(renderer_add(trial.renderer, fixture_set(&trial.fixture), "chat",
				      &trial.program, &err),
			 -ENOENT);
	assert_non_null(strstr(err.text, "/nonexistent/tocsin-jq"));
	end(&trial);
}

static void what_is_not_jq_is_told_in_its_words(void **state)
{
	struct trial trial;
	struct error err;

	(void)state;
	begin(&trial);
	assert_int_equal(renderer_judge(trial.renderer, ".a | nothing(1)", &err), -EINVAL);
	assert_string_equal(err.text, "nothing/1 is not defined");
	assert_int_equal(renderer_judge(trial.renderer, "if 1", &err), -EINVAL);
	assert_non_null(strstr(err.text, "syntax error"));
	assert_int_equal(renderer_judge(trial.renderer, ".a", &err), 0);
	end(&trial);
}

/* Without memory in the daemon there is no text, or the whole of it. */
static int render_once(void *data)
{
	struct trial *trial = data;
	const char *words;

	trial->renderer->start_at_ms = 0; /* as if time had passed since the last failure */
	render(trial);
	words = trial->rendering ? trial->rendering->text[0] : NULL;
	if (words && strcmp(words, "<critical> disk is full") != 0)
		scarce_fail("half a text");
	words = trial->rendering ? trial->rendering->text[1] : NULL;
	if (words && strcmp(words, "{\"t\":\"disk is full\",\"l\":{\"site\":"
				   "\"www.example.com\"}}") != 0)
		scarce_fail("half a structure");
	return trial->rendering ? 0 : -ENOMEM;
}

static void memory_that_runs_out_costs_the_text_only(void **state)
{
	static const char *const severity[] = {".severity", ".severity | ascii_downcase"};

	(void)state;
	for (size_t i = 0; i < 2; i++) { /* without jq, and with it */
		struct trial trial;
		char words[80];

		begin(&trial);
		snprintf(words, sizeof(words), "'<{{ %s }}> {{ .title }}'", severity[i]);
		text(&trial, "words", words);
		structure(&trial, "body", "{t: '{{ .title }}', l: '{{ .labels }}'}");
		render(&trial);
		assert_true((trial.set->plain != NULL) == (i == 0));
		assert_true(scarce_sweep("render", render_once, &trial) > 0);
		end(&trial);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_fails_fails_alone_and_is_told_once),
		cmocka_unit_test(too_much_text_is_a_failure),
		cmocka_unit_test(only_the_guilty_goes_without),
		cmocka_unit_test(each_delivery_has_its_own_time),
		cmocka_unit_test(many_large_alerts_are_several_exchanges),
		cmocka_unit_test(what_never_ends_is_switched_off),
		cmocka_unit_test(a_process_that_is_killed_comes_back),
		cmocka_unit_test(without_the_program_there_is_a_sentence),
		cmocka_unit_test(what_is_not_jq_is_told_in_its_words),
		cmocka_unit_test(memory_that_runs_out_costs_the_text_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
