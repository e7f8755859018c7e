/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_store.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct fake fake;

static int fake_open(struct tocsin_self *self, const struct tocsin_host *host, const void *config,
		     void **state)
{
	(void)self;
	(void)host;
	(void)config;
	*state = &fake;
	return 0;
}

int fake_store_refuse(struct tocsin_self *self, const struct tocsin_host *host, const void *config,
		      void **state)
{
	(void)self;
	(void)host;
	(void)config;
	(void)state;
	return -EBUSY;
}

static void fake_close(void *state)
{
	(void)state;
}

static int fake_begin(void *state, int64_t now_ms)
{
	(void)state;
	fake.begun_ms = now_ms;
	fake.begins++;
	fake.in_transaction = fake.begin_result == 0;
	return fake.begin_result;
}

static int fake_commit(void *state)
{
	int result = fake.commit_result;

	(void)state;
	while (fake.slow)
		usleep(100);
	if (result == 0) {
		fake.commits++;
		fake.in_transaction = 0;
	}
	return result;
}

static void fake_rollback(void *state)
{
	(void)state;
	fake.rollbacks++;
	fake.in_transaction = 0;
}

static int fake_save(void *state, const char *instance, const char *name, const char *value)
{
	(void)state;
	assert_string_equal(instance, "");
	assert_string_equal(name, "clock");
	snprintf(fake.kept, sizeof(fake.kept), "%s", value);
	return 0;
}

static int fake_load(void *state, const char *instance, const char *name, char **value)
{
	(void)state, (void)instance, (void)name;
	if (!*fake.kept)
		return -ENOENT;
	*value = strdup(fake.kept);
	return *value ? 0 : -ENOMEM;
}

static int fake_maintain(void *state, bool idle)
{
	(void)state;
	(void)idle;
	return 0;
}

static bool fake_full(void *state)
{
	(void)state;
	return fake.full;
}

static const struct tocsin_store_ops ops = {.size = sizeof(ops),
					    .open = fake_open,
					    .close = fake_close,
					    .begin = fake_begin,
					    .commit = fake_commit,
					    .rollback = fake_rollback,
					    .save = fake_save,
					    .load = fake_load,
					    .maintain = fake_maintain,
					    .full = fake_full};
const struct tocsin_plugin fake_store = {.name = "fake", .kind = TOCSIN_STORE, .store = &ops};
