/* SPDX-License-Identifier: Apache-2.0 */
/* Words from outside: each is answered once, whoever gives up on whom. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "engine/words.h"
#include "scarce.h"

/* Who asked, and what was heard. */
struct asker {
	atomic_int times, status;
	char answer[64];
};

static void hear(int status, char *answer, void *data)
{
	struct asker *asker = data;

	asker->status = status;
	(void)snprintf(asker->answer, sizeof(asker->answer), "%s", answer ? answer : "(none)");
	free(answer);
	asker->times++;
}

static int ask(struct words *words, struct asker *asker, const char *item)
{
	struct word *word = word_new(item, "ping", "{\"kind\": \"start\"}", hear, asker);
	int result = words_add(words, word);

	if (result < 0)
		word_end(word, 503, strdup("refused"));
	return result;
}

static void answer_all(struct tocsin_call *const call[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		call[i]->status = 200;
		call[i]->answer = strdup(call[i]->item);
	}
}

static void words_are_heard_in_their_order_and_answered(void **state)
{
	struct words words;
	struct asker asker[300] = {{0}};
	struct tocsin_call *call[WORDS_TAKEN];
	char item[16];

	(void)state;
	words_init(&words);
	assert_false(words_wait(&words));
	for (int i = 0; i < 300; i++) {
		(void)snprintf(item, sizeof(item), "%d", i);
		assert_int_equal(ask(&words, &asker[i], item), 0);
	}
	assert_true(words_wait(&words));
	assert_int_equal(words_take(&words, false, call), WORDS_TAKEN);
	assert_string_equal(call[0]->item, "0");
	assert_string_equal(call[255]->item, "255");
	assert_string_equal(call[255]->verb, "ping");
	assert_string_equal(call[255]->body, "{\"kind\": \"start\"}");
	answer_all(call, WORDS_TAKEN);
	words_give_back(&words);
	assert_int_equal(words_take(&words, false, call), 300 - WORDS_TAKEN);
	answer_all(call, 300 - WORDS_TAKEN);
	words_give_back(&words);
	for (int i = 0; i < 300; i++) {
		(void)snprintf(item, sizeof(item), "%d", i);
		assert_int_equal(asker[i].times, 1);
		assert_int_equal(asker[i].status, 200);
		assert_string_equal(asker[i].answer, item);
	}
	assert_int_equal(words_take(&words, false, call), 0);
	words_done(&words);
}

static void more_than_the_queue_holds_is_refused(void **state)
{
	struct words words;
	static struct asker asker[WORDS_MOST + 1];

	(void)state;
	words_init(&words);
	for (int i = 0; i < WORDS_MOST; i++)
		assert_int_equal(ask(&words, &asker[i], "x"), 0);
	assert_int_equal(ask(&words, &asker[WORDS_MOST], "x"), -EAGAIN);
	words_close(&words, "stopping");
	for (int i = 0; i < WORDS_MOST; i++) {
		assert_int_equal(asker[i].times, 1);
		assert_int_equal(asker[i].status, 503);
		assert_string_equal(asker[i].answer, "stopping");
	}
	memset(asker, 0, sizeof(asker));
	assert_int_equal(ask(&words, &asker[0], "x"), -ESHUTDOWN);
	words_done(&words);
}

static void who_does_not_want_to_wait_is_answered_although_the_plugin_goes_on(void **state)
{
	struct words words;
	struct asker taken = {0}, waiting = {0}, late = {0};
	struct tocsin_call *call[WORDS_TAKEN];
	int64_t now;

	(void)state;
	words_init(&words);
	assert_int_equal(ask(&words, &taken, "a"), 0);
	assert_int_equal(words_take(&words, false, call), 1);
	assert_int_equal(ask(&words, &waiting, "b"), 0);
	now = clock_boot_ms();
	while (clock_boot_ms() == now)
		usleep(200);
	assert_int_equal(ask(&words, &late, "c"), 0);
	words_answer(&words, 0, "too busy");
	assert_int_equal(taken.times + waiting.times + late.times, 0);
	words_answer(&words, now, "too busy");
	assert_int_equal(taken.status, 503);
	assert_string_equal(taken.answer, "too busy");
	assert_int_equal(waiting.status, 503);
	assert_int_equal(late.times, 0);
	/* the plugin still has the word in hand */
	assert_string_equal(call[0]->item, "a");
	answer_all(call, 1);
	words_give_back(&words);
	assert_int_equal(taken.times, 1);
	assert_int_equal(words_take(&words, false, call), 1);
	assert_string_equal(call[0]->item, "c");
	answer_all(call, 1);
	words_give_back(&words);
	assert_int_equal(late.status, 200);
	words_done(&words);
}

static void put_off(struct tocsin_call *call)
{
	call->status = TOCSIN_CALL_LATEST;
}

static void what_is_put_off_is_heard_again_until_it_is_answered(void **state)
{
	struct words words;
	struct asker slow = {0}, quick = {0}, late = {0}, closed = {0};
	struct tocsin_call *call[WORDS_TAKEN], *same;

	(void)state;
	words_init(&words);
	assert_int_equal(ask(&words, &slow, "slow"), 0);
	assert_int_equal(words_take(&words, false, call), 1);
	same = call[0];
	put_off(same);
	words_give_back(&words);
	assert_false(words_wait(&words));
	assert_int_equal(words_take(&words, false, call), 0);
	assert_int_equal(ask(&words, &quick, "quick"), 0);
	assert_int_equal(words_take(&words, true, call), 2);
	assert_ptr_equal(call[1], same);
	assert_string_equal(call[1]->item, "slow");
	assert_int_equal(call[1]->status, TOCSIN_CALL_LATEST);
	answer_all(call, 1);
	words_give_back(&words);
	assert_int_equal(slow.times, 0);
	assert_int_equal(quick.times, 1);
	assert_int_equal(words_take(&words, true, call), 1);
	answer_all(call, 1);
	words_give_back(&words);
	assert_int_equal(slow.times, 1);
	assert_string_equal(slow.answer, "slow");
	/* One that nobody waits for any longer, in hand or not, and one whose source closes. */
	assert_int_equal(ask(&words, &late, "late"), 0);
	assert_int_equal(words_take(&words, true, call), 1);
	put_off(call[0]);
	words_answer(&words, INT64_MAX, "too busy");
	words_give_back(&words);
	assert_int_equal(late.times, 1);
	assert_int_equal(words_take(&words, true, call), 0);
	assert_int_equal(ask(&words, &late, "late"), 0);
	assert_int_equal(words_take(&words, true, call), 1);
	put_off(call[0]);
	words_give_back(&words);
	words_answer(&words, INT64_MAX, "too busy");
	assert_int_equal(late.times, 2);
	assert_int_equal(ask(&words, &closed, "closed"), 0);
	assert_int_equal(words_take(&words, true, call), 1);
	put_off(call[0]);
	words_give_back(&words);
	words_close(&words, "stopping");
	assert_int_equal(closed.times, 1);
	assert_string_equal(closed.answer, "stopping");
	words_done(&words);
}

static void one_that_is_put_off_while_its_source_closes_hears_why(void **state)
{
	struct words words;
	struct asker asker = {0};
	struct tocsin_call *call[WORDS_TAKEN];

	(void)state;
	words_init(&words);
	assert_int_equal(ask(&words, &asker, "slow"), 0);
	assert_int_equal(words_take(&words, false, call), 1);
	words_close(&words, "stopping");
	assert_int_equal(asker.times, 0);
	put_off(call[0]);
	words_give_back(&words);
	assert_int_equal(asker.times, 1);
	assert_int_equal(asker.status, 503);
	assert_string_equal(asker.answer, "stopping");
	words_done(&words);
}

static void an_answer_for_want_of_memory_is_503(void **state)
{
	struct words words;
	struct asker asker = {0};
	struct tocsin_call *call[WORDS_TAKEN];

	(void)state;
	words_init(&words);
	assert_int_equal(ask(&words, &asker, "a"), 0);
	assert_int_equal(words_take(&words, false, call), 1);
	call[0]->status = 200;
	words_give_back(&words);
	assert_int_equal(asker.status, 503);
	assert_string_equal(asker.answer, "(none)");
	words_done(&words);
}

#define ASKERS 4
#define EACH 3000

struct crowd {
	struct words words;
	atomic_bool over;
	struct asker asker[ASKERS][EACH];
	atomic_int turn;
};

static void *ask_many(void *data)
{
	struct crowd *crowd = data;
	struct asker *asker = crowd->asker[crowd->turn++];

	for (int i = 0; i < EACH; i++) {
		(void)ask(&crowd->words, &asker[i], "a");
		while (asker[i].times == 0 && i % 7 == 0) /* now and then it waits for the answer */
			sched_yield();
	}
	return NULL;
}

static void *hear_all(void *data)
{
	struct crowd *crowd = data;
	struct tocsin_call *call[WORDS_TAKEN];
	size_t n;

	while ((n = words_take(&crowd->words, true, call)) > 0 || !crowd->over) {
		answer_all(call, n);
		words_give_back(&crowd->words);
		sched_yield();
	}
	return NULL;
}

static void in_a_crowd_each_is_answered_once(void **state)
{
	static struct crowd crowd;
	pthread_t asker[ASKERS], source;

	(void)state;
	words_init(&crowd.words);
	pthread_create(&source, NULL, hear_all, &crowd);
	for (int i = 0; i < ASKERS; i++)
		pthread_create(&asker[i], NULL, ask_many, &crowd);
	for (int i = 0; i < 100; i++) {
		words_answer(&crowd.words, clock_boot_ms(), "impatient");
		usleep(500);
	}
	for (int i = 0; i < ASKERS; i++)
		pthread_join(asker[i], NULL);
	words_close(&crowd.words, "over");
	crowd.over = true;
	pthread_join(source, NULL);
	for (int i = 0; i < ASKERS; i++)
		for (int j = 0; j < EACH; j++)
			assert_int_equal(crowd.asker[i][j].times, 1);
	words_done(&crowd.words);
}

static int scarcely(void *data)
{
	struct asker asker = {0};
	struct word *word = word_new("a", "ping", NULL, hear, &asker);
	struct words words;

	(void)data;
	if (!word)
		return -ENOMEM;
	words_init(&words);
	if (words_add(&words, word) < 0)
		scarce_fail("not taken in");
	words_close(&words, "stopping");
	words_done(&words);
	if (asker.times != 1 || asker.status != 503)
		scarce_fail("not answered");
	return strcmp(asker.answer, "stopping") == 0 ? 0 : -ENOMEM;
}

static void memory_may_run_out(void **state)
{
	(void)state;
	assert_true(scarce_sweep("words", scarcely, NULL) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_heard_in_their_order_and_answered),
		cmocka_unit_test(more_than_the_queue_holds_is_refused),
		cmocka_unit_test(who_does_not_want_to_wait_is_answered_although_the_plugin_goes_on),
		cmocka_unit_test(what_is_put_off_is_heard_again_until_it_is_answered),
		cmocka_unit_test(one_that_is_put_off_while_its_source_closes_hears_why),
		cmocka_unit_test(an_answer_for_want_of_memory_is_503),
		cmocka_unit_test(in_a_crowd_each_is_answered_once),
		cmocka_unit_test(memory_may_run_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
