/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "cli/run_words.h"
#include "scarce.h"

static const char *const command[] = {"sh", "-c", "exit 3", NULL};

static struct run_words run_of(int status)
{
	return (struct run_words){
		.id = "01a202d5-0558-7c23-83ff-4811955b58b6",
		.command = command,
		.started_ms = INT64_C(1763476245123),
		.ended_ms = INT64_C(1763476246123),
		.duration_ms = 999,
		.status = status,
		.usage = {.ru_utime = {1, 234567}, .ru_stime = {0, 1999}, .ru_maxrss = 14520},
	};
}

/* What is the same wherever it runs, as one line; for the caller to free(). */
static char *line(json_t *json)
{
	char *text;

	assert_true(json_is_string(json_object_get(json, "host")));
	assert_true(json_is_string(json_object_get(json, "user")));
	json_object_del(json, "host");
	json_object_del(json, "user");
	text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	return text;
}

#define HEAD(event) \
	"{\"event\":\"" event "\",\"id\":\"01a202d5-0558-7c23-83ff-4811955b58b6\"," \
	"\"started_at\":\"2025-11-18T14:30:45.123Z\",\"command\":[\"sh\",\"-c\",\"exit 3\"]"
#define END HEAD("end") ",\"ended_at\":\"2025-11-18T14:30:46.123Z\",\"duration_ms\":999,"
#define USAGE "\"usage\":{\"user_ms\":1234,\"system_ms\":1,\"max_rss_kib\":14520}"

static void expect(json_t *json, const char *wanted)
{
	char *text = line(json);

	assert_string_equal(text, wanted);
	free(text);
}

static void a_run_has_a_start_and_an_end(void **state)
{
	struct run_words run = run_of(W_EXITCODE(3, 0));
	struct tail tail;

	(void)state;
	expect(run_words_start(&run), HEAD("start") "}");
	expect(run_words_end(&run), END "\"exit\":3," USAGE "}");
	tail_init(&tail);
	tail_add(&tail, "said\n", 5);
	run.output = &tail;
	run.status = W_EXITCODE(0, 9);
	expect(run_words_end(&run), END "\"signal\":9," USAGE ",\"output\":\"said\\n\"}");
	tail_done(&tail);
	run.output = NULL;
	run.status = W_EXITCODE(127, 0);
	run.error = "command not found";
	expect(run_words_end(&run), END "\"exit\":127,\"error\":\"command not found\"}");
}

static void a_long_command_is_cut_between_characters(void **state)
{
	static char word[6000];
	const char *const words[] = {"a\xff", word, "never seen", NULL};
	struct run_words run = run_of(0);
	json_t *json, *said;

	(void)state;
	for (size_t i = 0; i + 3 < sizeof(word); i += 3)
		memcpy(word + i, "\xe2\x82\xac", 3);
	run.command = words;
	json = run_words_start(&run);
	said = json_object_get(json, "command");
	assert_int_equal(json_array_size(said), 2);
	assert_string_equal(json_string_value(json_array_get(said, 0)), "a\xef\xbf\xbd");
	assert_int_equal(strlen(json_string_value(json_array_get(said, 1))), 4092);
	json_decref(json);
}

static int say_both(void *data)
{
	struct run_words run = run_of(0);
	json_t *start = run_words_start(&run), *end = run_words_end(&run);
	int result = start && end ? 0 : -ENOMEM;

	(void)data;
	if (start && json_array_size(json_object_get(start, "command")) != 3)
		scarce_fail("words of the command are missing");
	if (end && json_object_size(end) != 10)
		scarce_fail("members are missing");
	json_decref(start);
	json_decref(end);
	return result;
}

static void without_memory_nothing_is_half_said(void **state)
{
	(void)state;
	assert_true(scarce_sweep("run words", say_both, NULL) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_run_has_a_start_and_an_end),
		cmocka_unit_test(a_long_command_is_cut_between_characters),
		cmocka_unit_test(without_memory_nothing_is_half_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
