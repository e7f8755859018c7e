/* SPDX-License-Identifier: Apache-2.0 */
/* One question to several sources. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/gather.h"
#include "scarce.h"

static struct heard {
	int times, status;
	char *answer;
} heard;

static void hear(int status, char *answer, void *data)
{
	assert_ptr_equal(data, &heard);
	heard.times++;
	heard.status = status;
	heard.answer = answer;
}

struct said {
	int status;
	const char *answer;
};

/* What comes out when the sources "one", "two", ... say this; valid until the next call. */
static const char *gather(const struct said *said, size_t n)
{
	static const char *const name[] = {"one", "two", "three"};
	struct gathering *gathering;
	struct word *word[3];

	free(heard.answer);
	heard = (struct heard){0};
	gathering = gathering_new("jobs", hear, &heard);
	for (size_t i = 0; i < n; i++) {
		word[i] = gathering_word(gathering, name[i], "list", NULL);
		assert_string_equal(word[i]->call.verb, "list");
		assert_null(word[i]->call.item);
	}
	if (n > 0)
		word_end(word[0], said[0].status, said[0].answer ? strdup(said[0].answer) : NULL);
	assert_int_equal(heard.times, 0);
	gathering_ready(gathering);
	for (size_t i = 1; i < n; i++)
		word_end(word[i], said[i].status, said[i].answer ? strdup(said[i].answer) : NULL);
	assert_int_equal(heard.times, 1);
	return heard.answer;
}

static void items_say_which_source_they_are_of(void **state)
{
	const struct said said[] = {{200, "{\"jobs\": [{\"name\": \"a\"}, {\"name\": \"b\"}]}"},
				    {200, "{\"jobs\": []}"},
				    {200, "{\"jobs\": [{\"name\": \"a\"}]}"}};

	(void)state;
	assert_string_equal(gather(said, 3), "{\"jobs\":[{\"name\":\"a\",\"source\":\"one\"},"
					     "{\"name\":\"b\",\"source\":\"one\"},"
					     "{\"name\":\"a\",\"source\":\"three\"}]}");
	assert_int_equal(heard.status, 200);
	assert_string_equal(gather(said, 0), "{\"jobs\":[]}");
	assert_int_equal(heard.status, 200);
}

static void a_source_in_trouble_does_not_hide_the_others(void **state)
{
	const struct said some[] = {{200, "{\"jobs\": [{\"name\": \"a\"}]}"}, {503, "later"}};
	const struct said broken[] = {{200, "{\"jobs\": 7}"}, {200, "{\"jobs\": []}"}};

	(void)state;
	assert_string_equal(gather(some, 2),
			    "{\"jobs\":[{\"name\":\"a\",\"source\":\"one\"}],"
			    "\"errors\":[{\"source\":\"two\",\"error\":\"later\"}]}");
	assert_int_equal(heard.status, 200);
	assert_string_equal(gather(broken, 2),
			    "{\"jobs\":[],\"errors\":"
			    "[{\"source\":\"one\",\"error\":\"its list cannot be read\"}]}");
	assert_int_equal(heard.status, 200);
}

static void without_any_list_every_trouble_is_the_answer(void **state)
{
	const struct said both[] = {{503, "later"}, {500, "no"}};
	const struct said own[] = {{500, "no answer came"}};
	const struct said broken[] = {{200, "nonsense"}}, memory[] = {{503, NULL}};

	(void)state;
	assert_string_equal(gather(both, 2), "source 'one': later; source 'two': no");
	assert_int_equal(heard.status, 503);
	/* what a source says of itself, though it says it with the status of one that makes no sense */
	assert_string_equal(gather(own, 1), "source 'one': no answer came");
	assert_int_equal(heard.status, 500);
	assert_string_equal(gather(broken, 1), "source 'one': its list cannot be read");
	assert_int_equal(heard.status, 500);
	assert_null(gather(memory, 1));
	assert_int_equal(heard.status, 503);
}

static void nobody_may_be_asked(void **state)
{
	(void)state;
	free(heard.answer);
	heard = (struct heard){0};
	gathering_refuse(gathering_new("jobs", hear, &heard), 404, strdup("no such source"));
	assert_int_equal(heard.status, 404);
	assert_string_equal(heard.answer, "no such source");
	free(heard.answer);
	heard.answer = NULL;
}

/* The same as gather, with whatever memory there is. */
static int scarcely(void *data)
{
	struct gathering *gathering = gathering_new("jobs", hear, &heard);
	struct word *word;
	char *whole = NULL;
	int result;

	(void)data;
	heard = (struct heard){0};
	if (!gathering)
		return -ENOMEM;
	word = gathering_word(gathering, "one", "list", NULL);
	if (word)
		word_end(word, 200, strdup("{\"jobs\": [{\"name\": \"a\"}]}"));
	gathering_ready(gathering);
	if (heard.times != 1)
		scarce_fail("not answered once");
	if (heard.answer &&
	    strcmp(heard.answer, "{\"jobs\":[{\"name\":\"a\",\"source\":\"one\"}]}") != 0)
		scarce_fail("a part of the answer");
	if (!heard.answer != (heard.status == 503))
		scarce_fail("an answer without its status");
	whole = heard.answer;
	result = whole ? 0 : -ENOMEM;
	free(whole);
	heard = (struct heard){0};
	return result;
}

static void memory_may_run_out(void **state)
{
	(void)state;
	free(heard.answer);
	assert_true(scarce_sweep("gather", scarcely, NULL) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_say_which_source_they_are_of),
		cmocka_unit_test(a_source_in_trouble_does_not_hide_the_others),
		cmocka_unit_test(without_any_list_every_trouble_is_the_answer),
		cmocka_unit_test(nobody_may_be_asked),
		cmocka_unit_test(memory_may_run_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
