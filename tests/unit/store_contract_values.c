/* SPDX-License-Identifier: Apache-2.0 */
/* Small values of plugin instances, by name and by what their names begin with. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_contract.h"

static void save(struct contract *c, const char *instance, const char *name, const char *value)
{
	assert_int_equal(c->ops->save(c->store, instance, name, value), 0);
}

static int add(const char *name, const char *value, void *data)
{
	char *list = data;

	(void)strcat(strcat(strcat(strcat(list, name), "="), value), " ");
	return 0;
}

/* "name=value name=value " of those that begin with the prefix, valid until the next call. */
static const char *list(struct contract *c, const char *instance, const char *prefix, bool newest,
			size_t limit)
{
	static char found[1024];

	found[0] = '\0';
	assert_int_equal(c->ops->each(c->store, instance, prefix, newest, limit, add, found), 0);
	return found;
}

static void values_are_found_by_what_their_names_begin_with(void **state)
{
	struct contract *c = *state;

	contract_begin(c);
	save(c, "cron", "run/b/2", "4");
	save(c, "cron", "run/a/1", "1");
	save(c, "cron", "run/a/2", "2");
	save(c, "cron", "run/aa/1", "3");
	save(c, "cron", "job", "");
	save(c, "beats", "run/a/1", "other");
	contract_commit(c);
	contract_reopen(c);
	contract_begin(c);
	assert_string_equal(list(c, "cron", "run/a/", false, 0), "run/a/1=1 run/a/2=2 ");
	assert_string_equal(list(c, "cron", "run/a/", true, 0), "run/a/2=2 run/a/1=1 ");
	assert_string_equal(list(c, "cron", "run/a/", true, 1), "run/a/2=2 ");
	assert_string_equal(list(c, "cron", "run/a", false, 2), "run/a/1=1 run/a/2=2 ");
	assert_string_equal(list(c, "cron", "", true, 2), "run/b/2=4 run/aa/1=3 ");
	assert_string_equal(list(c, "cron", "", false, 1), "job= ");
	assert_string_equal(list(c, "cron", "x", false, 0), "");
	assert_string_equal(list(c, "nobody", "", false, 0), "");
	contract_commit(c);
}

/* Names are bytes: neither case, nor signs of patterns, nor letters beyond ASCII mean anything. */
static void names_are_compared_byte_by_byte(void **state)
{
	struct contract *c = *state;

	contract_begin(c);
	save(c, "a", "A%_", "1");
	save(c, "a", "a%_", "2");
	save(c, "a", "\xc3\xbf", "3");
	save(c, "a", "\xc3\xbfz", "4");
	save(c, "a", "\xc4\x80", "5");
	save(c, "a", "\xf4\x8f\xbf\xbf", "6");
	assert_string_equal(list(c, "a", "a%", false, 0), "a%_=2 ");
	assert_string_equal(list(c, "a", "_", false, 0), "");
	assert_string_equal(list(c, "a", "\xc3\xbf", true, 0), "\xc3\xbfz=4 \xc3\xbf=3 ");
	assert_string_equal(list(c, "a", "\xf4\x8f\xbf\xbf", false, 0), "\xf4\x8f\xbf\xbf=6 ");
	assert_string_equal(list(c, "a", "\xff", false, 0), "");
	contract_commit(c);
}

static void a_forgotten_value_is_gone(void **state)
{
	struct contract *c = *state;
	char *value = NULL;

	contract_begin(c);
	save(c, "a", "x", "1");
	save(c, "a", "y", "2");
	save(c, "a", "x", NULL);
	save(c, "a", "never", NULL);
	assert_string_equal(list(c, "a", "", false, 0), "y=2 ");
	assert_int_equal(c->ops->load(c->store, "a", "x", &value), -ENOENT);
	contract_commit(c);
	contract_begin(c);
	save(c, "a", "y", NULL);
	c->ops->rollback(c->store);
	contract_begin(c);
	assert_string_equal(list(c, "a", "", false, 0), "y=2 ");
	contract_commit(c);
}

struct stopping {
	int left, result;
};

static int stop(const char *name, const char *value, void *data)
{
	struct stopping *stopping = data;

	(void)name, (void)value;
	return --stopping->left == 0 ? stopping->result : 0;
}

static void a_walk_ends_when_it_is_told_to(void **state)
{
	struct contract *c = *state;
	struct stopping enough = {2, 7}, failure = {1, -ENOMEM}, never = {4, 7};

	contract_begin(c);
	save(c, "a", "x", "1");
	save(c, "a", "y", "2");
	save(c, "a", "z", "3");
	assert_int_equal(c->ops->each(c->store, "a", "", false, 0, stop, &enough), 7);
	assert_int_equal(enough.left, 0);
	assert_int_equal(c->ops->each(c->store, "a", "", true, 0, stop, &failure), -ENOMEM);
	assert_int_equal(c->ops->each(c->store, "a", "", false, 0, stop, &never), 0);
	assert_int_equal(never.left, 1);
	contract_commit(c);
}

static int count_one(const char *name, const char *value, void *data)
{
	(void)name, (void)value;
	++*(size_t *)data;
	return 0;
}

static void thousands_of_values_are_found_in_order(void **state)
{
	struct contract *c = *state;
	char name[32];
	size_t n = 0;

	contract_begin(c);
	for (int i = 0; i < 5000; i++) {
		(void)snprintf(name, sizeof(name), "beat/%d", i);
		save(c, "a", name, "{}");
	}
	contract_commit(c);
	contract_begin(c);
	assert_int_equal(c->ops->each(c->store, "a", "beat/", false, 0, count_one, &n), 0);
	assert_int_equal(n, 5000);
	assert_string_equal(list(c, "a", "beat/499", true, 2), "beat/4999={} beat/4998={} ");
	contract_commit(c);
}

const struct contract_test contract_values[] = {
	CONTRACT_TEST(values_are_found_by_what_their_names_begin_with),
	CONTRACT_TEST(names_are_compared_byte_by_byte),
	CONTRACT_TEST(a_forgotten_value_is_gone),
	CONTRACT_TEST(a_walk_ends_when_it_is_told_to),
	CONTRACT_TEST(thousands_of_values_are_found_in_order),
	{NULL, NULL},
};
