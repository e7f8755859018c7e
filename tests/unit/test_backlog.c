/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "delivery/backlog.h"

static atomic_bool go_on, stopped = true;

static void a_source_waits_only_when_every_channel_has_its_window(void **state)
{
	struct backlogs backlogs;

	(void)state;
	backlogs_init(&backlogs, false);
	assert_int_equal(0, backlogs_wait(&backlogs, "s", 10, &go_on, -1));
	backlogs_add(&backlogs, "s", "slow", 1000);
	backlogs_add(&backlogs, "s", "fast", 9);
	assert_int_equal(0, backlogs_wait(&backlogs, "s", 10, &go_on, -1));
	backlogs_done(&backlogs);
}

static void *try_later(void *data)
{
	struct backlogs *backlogs = data;

	usleep(20000);
	backlogs_tried(backlogs, backlogs_find(backlogs, "s", "fast"));
	return NULL;
}

static void an_attempt_makes_room(void **state)
{
	struct backlogs backlogs;
	pthread_t thread;

	(void)state;
	backlogs_init(&backlogs, false);
	backlogs_add(&backlogs, "s", "fast", 10);
	pthread_create(&thread, NULL, try_later, &backlogs);
	assert_int_equal(0, backlogs_wait(&backlogs, "s", 10, &go_on, -1));
	pthread_join(thread, NULL);
	backlogs_done(&backlogs);
}

static void a_dead_channel_does_not_hold_a_source_up(void **state)
{
	struct backlogs backlogs;

	(void)state;
	backlogs_init(&backlogs, false);
	backlogs_add(&backlogs, "s", "dead", 500);
	backlogs_available(&backlogs, "dead", false);
	assert_int_equal(0, backlogs_wait(&backlogs, "s", 10, &go_on, -1));
	backlogs_gone(&backlogs, "dead");
	assert_int_equal(0, backlogs_wait(&backlogs, "s", 10, &go_on, -1));
	backlogs_done(&backlogs);
}

static void a_single_run_gives_up_when_all_its_channels_are_dead(void **state)
{
	struct backlogs backlogs;

	(void)state;
	backlogs_init(&backlogs, true);
	backlogs_add(&backlogs, "s", "dead", 1);
	backlogs_available(&backlogs, "dead", false);
	assert_int_equal(-ESHUTDOWN, backlogs_wait(&backlogs, "s", 10, &go_on, -1));
	backlogs_done(&backlogs);
}

static void a_stop_ends_the_wait(void **state)
{
	struct backlogs backlogs;

	(void)state;
	backlogs_init(&backlogs, false);
	backlogs_add(&backlogs, "s", "slow", 1000);
	assert_int_equal(-ESHUTDOWN, backlogs_wait(&backlogs, "s", 10, &stopped, -1));
	backlogs_reset(&backlogs, "s");
	assert_int_equal(0, backlogs_wait(&backlogs, "s", 10, &go_on, -1));
	backlogs_done(&backlogs);
}

static void what_a_source_has_to_see_ends_the_wait(void **state)
{
	struct backlogs backlogs;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	backlogs_init(&backlogs, false);
	backlogs_add(&backlogs, "s", "slow", 1000);
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(-EINTR, backlogs_wait(&backlogs, "s", 10, &go_on, ends[0]));
	backlogs_reset(&backlogs, "s");
	assert_int_equal(0, backlogs_wait(&backlogs, "s", 10, &go_on, ends[0]));
	backlogs_done(&backlogs);
	close(ends[0]);
	close(ends[1]);
}

static void a_channel_that_is_dead_already_does_not_hold_a_new_source_up(void **state)
{
	struct backlogs backlogs;

	(void)state;
	backlogs_init(&backlogs, true);
	backlogs_available(&backlogs, "dead", false);
	backlogs_add(&backlogs, "s", "dead", 1000);
	assert_int_equal(-ESHUTDOWN, backlogs_wait(&backlogs, "s", 10, &go_on, -1));
	backlogs_done(&backlogs);
}

static void what_ended_without_an_attempt_holds_nobody_up(void **state)
{
	struct backlogs backlogs;

	(void)state;
	backlogs_init(&backlogs, false);
	backlogs_add(&backlogs, "s", "fast", 10);
	backlogs_rest(&backlogs, "fast");
	assert_int_equal(0, backlogs_wait(&backlogs, "s", 10, &go_on, -1));
	backlogs_add(&backlogs, "s", "fast", 10);
	backlogs_add(&backlogs, "s", "fast", -20);
	backlogs_add(&backlogs, "s", "fast", 9);
	assert_int_equal(0, backlogs_wait(&backlogs, "s", 10, &go_on, -1));
	backlogs_done(&backlogs);
}

static void a_single_run_does_not_wait_when_nothing_moves(void **state)
{
	struct backlogs backlogs;

	(void)state;
	backlogs_init(&backlogs, true);
	backlogs_add(&backlogs, "s", "paused", 10);
	backlogs_idle(&backlogs, true);
	assert_int_equal(-ESHUTDOWN, backlogs_wait(&backlogs, "s", 10, &go_on, -1));
	backlogs_done(&backlogs);
}

static void a_lease_holds_for_all_that_its_source_feeds(void **state)
{
	struct backlogs backlogs;
	const struct backlog *early, *late, *other, *any;

	(void)state;
	backlogs_init(&backlogs, false);
	backlogs_add(&backlogs, "s", "early", 1);
	backlogs_add(&backlogs, "t", "early", 1);
	early = backlogs_find(&backlogs, "s", "early");
	other = backlogs_find(&backlogs, "t", "early");
	assert_false(backlog_is_leased(early) || backlog_lapsed(early, INT64_MAX));
	assert_int_equal(backlogs_lease(&backlogs, "s", 1000), 0);
	backlogs_add(&backlogs, "s", "late", 1);
	late = backlogs_find(&backlogs, "s", "late");
	any = backlogs_find(&backlogs, "s", "a fallback that it does not feed");
	assert_true(backlog_is_leased(early) && backlog_is_leased(late) && backlog_is_leased(any));
	assert_false(backlog_lapsed(early, 999) || backlog_lapsed(late, 999));
	assert_true(backlog_lapsed(early, 1000) && backlog_lapsed(late, 1000));
	assert_true(backlog_lapsed(any, 1000));
	assert_false(backlog_is_leased(other));
	assert_int_equal(backlogs_lease(&backlogs, "s", 2000), 0);
	assert_false(backlog_lapsed(late, 1999));
	/* Its own entry is no channel that would be ready for more. */
	backlogs_add(&backlogs, "s", "early", 10);
	backlogs_add(&backlogs, "s", "late", 10);
	assert_int_equal(-ESHUTDOWN, backlogs_wait(&backlogs, "s", 10, &stopped, -1));
	backlogs_done(&backlogs);
}

static void a_source_that_does_not_lease_ends_the_lease_of_its_name(void **state)
{
	struct backlogs backlogs;
	const struct backlog *fed, *any;

	(void)state;
	backlogs_init(&backlogs, false);
	assert_int_equal(backlogs_lease(&backlogs, "s", 0), 0);
	assert_null(backlogs_find(&backlogs, "s", "mail"));
	assert_int_equal(backlogs_lease(&backlogs, "s", 1000), 0);
	backlogs_add(&backlogs, "s", "mail", 1);
	fed = backlogs_find(&backlogs, "s", "mail");
	any = backlogs_find(&backlogs, "s", "a fallback that it does not feed");
	assert_true(backlog_lapsed(fed, 1000) && backlog_lapsed(any, 1000));
	assert_int_equal(backlogs_lease(&backlogs, "s", 0), 0);
	assert_false(backlog_is_leased(fed) || backlog_is_leased(any));
	assert_false(backlog_lapsed(fed, INT64_MAX) || backlog_lapsed(any, INT64_MAX));
	backlogs_add(&backlogs, "s", "chat", 1);
	assert_false(backlog_is_leased(backlogs_find(&backlogs, "s", "chat")));
	backlogs_done(&backlogs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_source_waits_only_when_every_channel_has_its_window),
		cmocka_unit_test(an_attempt_makes_room),
		cmocka_unit_test(a_dead_channel_does_not_hold_a_source_up),
		cmocka_unit_test(a_single_run_gives_up_when_all_its_channels_are_dead),
		cmocka_unit_test(a_stop_ends_the_wait),
		cmocka_unit_test(what_a_source_has_to_see_ends_the_wait),
		cmocka_unit_test(a_channel_that_is_dead_already_does_not_hold_a_new_source_up),
		cmocka_unit_test(what_ended_without_an_attempt_holds_nobody_up),
		cmocka_unit_test(a_single_run_does_not_wait_when_nothing_moves),
		cmocka_unit_test(a_lease_holds_for_all_that_its_source_feeds),
		cmocka_unit_test(a_source_that_does_not_lease_ends_the_lease_of_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
