/* SPDX-License-Identifier: Apache-2.0 */
/* One file for each value of a label, and people who play with the names. */
#include "file_place.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "hostile.h"
#include "scarce.h"

static void each_value_has_its_file(void **unused)
{
	struct tocsin_delivery *batch[6];
	struct fake_alert fakes[6];
	static const char *const values[] = {"a", "b", "a", "c", "b", "a"};
	struct place place;

	(void)unused;
	place_init(&place);
	by_label(&place);
	place.state = fake_open(&place.config);
	for (size_t i = 0; i < 6; i++) {
		fake_alert_init(&fakes[i], "x");
		fake_label(&fakes[i], "name", values[i]);
		batch[i] = &fakes[i].delivery;
	}
	tocsin_plugin.channel->deliver(place.state, batch, 6);
	assert_int_equal(fake_self()->n, 6);
	assert_int_equal(write_one(&place, NULL, "no label")->outcome, TOCSIN_DELIVERED);
	assert_int_equal(records_in(&place, "a.log"), 3);
	assert_int_equal(records_in(&place, "b.log"), 2);
	assert_int_equal(records_in(&place, "c.log"), 1);
	assert_int_equal(records_in(&place, "_.log"), 1);
	assert_int_equal(files_in(place.directory), 4);
	tocsin_plugin.channel->reopen(place.state);
	assert_int_equal(write_one(&place, "a", "x")->outcome, TOCSIN_DELIVERED);
	assert_int_equal(records_in(&place, "a.log"), 4);
	place_done(&place);
}

static void names_are_safe(void **unused)
{
	static const struct {
		const char *value, *name;
	} cases[] = {
		{"www.example.com", "www.example.com"},
		{"a_b-c.d", "a_b-c.d"},
		{"", "_"},
	};
	static const char *const changed[] = {
		"..",
		".",
		"../../etc/passwd",
		"/etc/passwd",
		".hidden",
		"-rf",
		"_",
		"_other",
		"a/b",
		"a b",
		"a\nb",
		"\xff",
		"\xf0\x9f\x94\xa5",
		"a\\b",
		"a:b",
		"CON*",
		"a_b-0123456789abcdef",
	};
	char name[SHELF_NAME], other[SHELF_NAME], copy[SHELF_NAME];

	(void)unused;
	for (size_t i = 0; i < TOCSIN_COUNT(cases); i++) {
		shelf_name(cases[i].value, name);
		assert_string_equal(name, cases[i].name);
	}
	for (size_t i = 0; i < TOCSIN_COUNT(changed); i++) {
		shelf_name(changed[i], name);
		assert_string_not_equal(name, changed[i]);
		assert_true(strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789._-") == strlen(name));
		assert_true(*name != '.' && *name != '-');
	}
	/* whoever knows the name of another cannot have it */
	shelf_name("a/b", name);
	shelf_name("a b", other);
	assert_string_not_equal(name, other);
	memcpy(copy, name, sizeof(copy));
	shelf_name(copy, other);
	assert_string_not_equal(name, other);
}

/* For every hostile text: a name that is one, and the same for the same text only. */
static void hostile_values_have_names_of_their_own(void **unused)
{
	uint64_t seed = hostile_seed();
	char(*names)[SHELF_NAME] = calloc(HOSTILE_TEXTS, SHELF_NAME);
	struct place place;

	(void)unused;
	place_init(&place);
	by_label(&place);
	place.config.most_files = HOSTILE_TEXTS;
	place.state = fake_open(&place.config);
	for (size_t i = 0; i < HOSTILE_TEXTS; i++) {
		char *text = hostile_text(seed, i);

		shelf_name(text, names[i]);
		assert_true(strlen(names[i]) < SHELF_NAME - 8);
		assert_true(strspn(names[i], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					     "0123456789._-") == strlen(names[i]));
		assert_true(*names[i] != '.' && *names[i] != '-');
		for (size_t k = 0; k < i; k += 1 + i / 50) {
			char *earlier = strcmp(names[i], names[k]) ? NULL : hostile_text(seed, k);

			if (earlier)
				assert_string_equal(text, earlier);
			free(earlier);
		}
		if (i % 20 == 0) {
			char file[SHELF_NAME + 8];

			assert_int_equal(write_one(&place, text, text)->outcome, TOCSIN_DELIVERED);
			snprintf(file, sizeof(file), "%s.log", names[i]);
			assert_true(records_in(&place, file) > 0);
		}
		free(text);
	}
	free(names);
	place_done(&place);
}

static void there_are_never_too_many_files(void **unused)
{
	struct place place;
	char value[16];

	(void)unused;
	place_init(&place);
	by_label(&place);
	place.config.most_files = 100;
	place.state = fake_open(&place.config);
	for (int turn = 0; turn < 2; turn++) {
		for (int i = 0; i < 150; i++) {
			snprintf(value, sizeof(value), "v%d", i);
			assert_int_equal(write_one(&place, value, "x")->outcome, TOCSIN_DELIVERED);
		}
		/* counted anew, also by the next process */
		tocsin_plugin.channel->close(place.state);
		place.state = fake_open(&place.config);
	}
	assert_int_equal(files_in(place.directory), 101);
	assert_int_equal(records_in(&place, "v99.log"), 2);
	assert_int_equal(records_in(&place, "_other.log"), 100);
	place_done(&place);
}

static int descriptors(void)
{
	return files_in("/proc/self/fd");
}

static void few_are_open_at_a_time(void **unused)
{
	struct place place;
	int before = descriptors();
	char value[16];

	(void)unused;
	place_init(&place);
	by_label(&place);
	place.state = fake_open(&place.config);
	for (int i = 0; i < 200; i++) {
		snprintf(value, sizeof(value), "v%d", i);
		assert_int_equal(write_one(&place, value, "x")->outcome, TOCSIN_DELIVERED);
	}
	assert_true(descriptors() - before <= 2 * SHELF_OPEN);
	place_done(&place);
	assert_int_equal(descriptors(), before);
}

/* --- people who play with the names --- */

static void put_victim(struct place *place, char path[256])
{
	FILE *out;

	snprintf(path, 256, "%s/precious", place->victim);
	out = fopen(path, "w");
	assert_non_null(out);
	fputs("precious\n", out);
	fclose(out);
}

static void assert_precious(const char *path)
{
	char *text = fake_read(path);

	assert_string_equal(text, "precious\n");
	free(text);
}

/* Whatever stands where a value's file would be: that value waits, the others go on. */
static void an_unsafe_place_stops_only_its_value(void **unused)
{
	struct place place;
	char victim[256], path[256];

	(void)unused;
	for (int kind = 0; kind < 5; kind++) {
		place_init(&place);
		by_label(&place);
		put_victim(&place, victim);
		in_directory(&place, path, "bad.log");
		if (kind == 0)
			assert_int_equal(symlink(victim, path), 0);
		else if (kind == 1)
			assert_int_equal(link(victim, path), 0);
		else if (kind == 2)
			assert_int_equal(mkfifo(path, 0600), 0);
		else if (kind == 3)
			assert_int_equal(mkdir(path, 0700), 0);
		else
			assert_int_equal(symlink("/dev/full", path), 0);
		place.state = fake_open(&place.config);
		assert_int_equal(write_one(&place, "bad", "x")->outcome, TOCSIN_RETRY);
		assert_non_null(strstr(fake_self()->done[0].why, "bad.log"));
		assert_int_equal(write_one(&place, "good", "x")->outcome, TOCSIN_DELIVERED);
		assert_precious(victim);
		place_done(&place);
	}
}

static void a_directory_that_is_a_link_is_refused(void **unused)
{
	struct place place;
	char path[256];

	(void)unused;
	place_init(&place);
	by_label(&place);
	in_directory(&place, path, "link");
	assert_int_equal(symlink(place.victim, path), 0);
	place.config.path = path;
	place.state = NULL;
	assert_true(tocsin_plugin.channel->open(fake_self(), &fake_host, &place.config,
						&place.state) < 0);
	in_directory(&place, path, "missing");
	assert_true(tocsin_plugin.channel->open(fake_self(), &fake_host, &place.config,
						&place.state) < 0);
	assert_non_null(strstr(fake_self()->log, "does not exist; create it"));
	assert_int_equal(files_in(place.victim), 0);
	fake_remove(place.directory);
	fake_remove(place.victim);
}

struct swapper {
	pthread_t thread;
	char path[256], aside[256], victim[256];
	atomic_bool stop;
	atomic_long swaps;
};

/* The file and a symbolic link to somebody else's file, in turns, as fast as it goes. */
static void *swap(void *data)
{
	struct swapper *swapper = data;

	while (!atomic_load(&swapper->stop)) {
		(void)rename(swapper->path, swapper->aside);
		if (symlink(swapper->victim, swapper->path) == 0)
			atomic_fetch_add(&swapper->swaps, 1);
		(void)unlink(swapper->path);
		(void)rename(swapper->aside, swapper->path);
	}
	return NULL;
}

static void a_race_with_symbolic_links_is_never_lost(void **unused)
{
	for (int labels = 0; labels < 2; labels++) {
		struct swapper swapper = {.stop = false};
		struct place place;
		int delivered = 0;

		(void)unused;
		place_init(&place);
		if (labels)
			by_label(&place);
		put_victim(&place, swapper.victim);
		in_directory(&place, swapper.path, labels ? "v.log" : "alerts.log");
		in_directory(&place, swapper.aside, "aside");
		place.config.rotate.size = labels ? 4096 : 0;
		place.state = fake_open(&place.config);
		assert_int_equal(pthread_create(&swapper.thread, NULL, swap, &swapper), 0);
		for (int i = 0; i < 1000 || atomic_load(&swapper.swaps) < 10000; i++) {
			delivered += write_one(&place, "v", "x")->outcome == TOCSIN_DELIVERED;
			if (i % 8 == 0)
				tocsin_plugin.channel->reopen(place.state);
			fake_reset();
		}
		atomic_store(&swapper.stop, true);
		pthread_join(swapper.thread, NULL);
		assert_true(delivered > 0);
		assert_precious(swapper.victim);
		assert_int_equal(files_in(place.victim), 1);
		place_done(&place);
	}
}

struct sweep {
	struct place place;
	int wanted;
};

static int write_two(void *data)
{
	struct sweep *sweep = data;
	struct place *place = &sweep->place;
	int delivered = 0, rc;

	fake_reset();
	rc = tocsin_plugin.channel->open(fake_self(), &fake_host, &place->config, &place->state);
	if (rc != 0)
		return rc;
	delivered += write_one(place, "a", "x")->outcome == TOCSIN_DELIVERED;
	delivered += write_one(place, "b", "x")->outcome == TOCSIN_DELIVERED;
	sweep->wanted += delivered;
	tocsin_plugin.channel->close(place->state);
	return delivered == 2 ? 0 : -ENOMEM;
}

static void records_are_whole_or_tried_again_when_memory_is_short(void **unused)
{
	struct sweep sweep = {.wanted = 0};

	(void)unused;
	place_init(&sweep.place);
	by_label(&sweep.place);
	assert_true(scarce_sweep("files", write_two, &sweep) > 0);
	assert_int_equal(records_in(&sweep.place, "a.log") + records_in(&sweep.place, "b.log"),
			 sweep.wanted);
	fake_remove(sweep.place.directory);
	fake_remove(sweep.place.victim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_value_has_its_file),
		cmocka_unit_test(names_are_safe),
		cmocka_unit_test(hostile_values_have_names_of_their_own),
		cmocka_unit_test(there_are_never_too_many_files),
		cmocka_unit_test(few_are_open_at_a_time),
		cmocka_unit_test(an_unsafe_place_stops_only_its_value),
		cmocka_unit_test(a_directory_that_is_a_link_is_refused),
		cmocka_unit_test(a_race_with_symbolic_links_is_never_lost),
		cmocka_unit_test(records_are_whole_or_tried_again_when_memory_is_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
