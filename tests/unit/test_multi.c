/* SPDX-License-Identifier: Apache-2.0 */
/* The multi handle sleeps when there is nothing to do, and at no other time. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "delivery/multi.h"

#define LONG_MS 30000 /* waiting that long would be a failure */

static int64_t began_ms;

static int set_up(void **state)
{
	*state = multi_new();
	began_ms = clock_boot_ms();
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	multi_free(*state);
	return clock_boot_ms() - began_ms < LONG_MS ? 0 : -1;
}

static size_t swallow(char *data, size_t size, size_t n, void *userdata)
{
	(void)data, (void)userdata;
	return size * n;
}

static CURL *start(struct multi *multi, const char *url)
{
	CURL *easy = curl_easy_init();

	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, swallow);
	assert_true(multi_add(multi, easy));
	return easy;
}

static CURLcode wait_for(struct multi *multi, CURL *easy)
{
	CURLcode code;
	CURL *ended;

	while (!(ended = multi_ended(multi, &code)))
		multi_run(multi, clock_boot_ms() + LONG_MS);
	assert_ptr_equal(ended, easy);
	multi_remove(multi, easy);
	curl_easy_cleanup(easy);
	return code;
}

/* A file is read whole when the transfer starts: no socket will ever tell. */
static void a_transfer_that_ends_at_once_is_not_slept_over(void **state)
{
	for (int i = 0; i < 3; i++)
		assert_int_equal(wait_for(*state, start(*state, "file:///dev/null")), CURLE_OK);
}

static void a_refused_connection_is_told(void **state)
{
	/* Port 1 of loopback: nobody listens there. */
	assert_int_equal(wait_for(*state, start(*state, "http://127.0.0.1:1/")),
			 CURLE_COULDNT_CONNECT);
}

static void a_wake_before_the_wait_counts(void **state)
{
	multi_wake(*state);
	multi_wake(*state);
	multi_run(*state, clock_boot_ms() + LONG_MS);
	multi_wake(*state);
	multi_run(*state, clock_boot_ms() + LONG_MS);
}

static void *ring(void *data)
{
	for (int i = 0; i < 20000; i++)
		multi_wake(data);
	return NULL;
}

/* After any number of them, together or not, the next one is heard. */
static void no_wake_is_lost_among_many(void **state)
{
	pthread_t thread;

	for (int round = 0; round < 20; round++) {
		assert_int_equal(pthread_create(&thread, NULL, ring, *state), 0);
		for (int i = 0; i < 50; i++)
			multi_run(*state, clock_boot_ms() + 1);
		assert_int_equal(pthread_join(thread, NULL), 0);
		multi_run(*state, clock_boot_ms()); /* empties what is left */
		multi_wake(*state);
		multi_run(*state, clock_boot_ms() + LONG_MS);
	}
}

static void it_sleeps_until_its_time(void **state)
{
	int64_t until = clock_boot_ms() + 30;

	while (clock_boot_ms() < until)
		multi_run(*state, until);
	assert_true(clock_boot_ms() >= until);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_transfer_that_ends_at_once_is_not_slept_over),
		TEST(a_refused_connection_is_told),
		TEST(a_wake_before_the_wait_counts),
		TEST(no_wake_is_lost_among_many),
		TEST(it_sleeps_until_its_time),
	};
	int failed;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	curl_global_cleanup();
	return failed;
}
