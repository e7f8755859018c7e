/* SPDX-License-Identifier: Apache-2.0 */
/* Files that begin anew. */
#include "file_place.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>

static void a_file_begins_anew_before_it_gets_too_large(void **unused)
{
	struct place place;
	char path[256];
	struct stat st;
	int all = 0;

	(void)unused;
	place_init(&place);
	place.config.rotate.size = 2048;
	place.state = fake_open(&place.config);
	for (int i = 0; i < 40; i++)
		assert_int_equal(write_one(&place, NULL, "x")->outcome, TOCSIN_DELIVERED);
	assert_int_equal(files_in(place.directory), 4);
	for (int i = 0; i < 4; i++) {
		char name[32] = "alerts.log";

		if (i > 0)
			snprintf(name, sizeof(name), "alerts.log.%d", i);
		in_directory(&place, path, name);
		assert_int_equal(stat(path, &st), 0);
		assert_true(st.st_size <= 2048 && st.st_size > 0);
		assert_int_equal(st.st_mode & 07777, 0640);
		all += records_in(&place, name);
	}
	assert_true(all < 40); /* the oldest went */
	place_done(&place);
}

static void a_record_that_is_larger_than_a_file_is_kept(void **unused)
{
	static char large[5000];
	struct place place;

	(void)unused;
	memset(large, 'x', sizeof(large) - 1);
	place_init(&place);
	place.config.rotate.size = 2048;
	place.state = fake_open(&place.config);
	for (int i = 0; i < 3; i++)
		assert_int_equal(write_one(&place, NULL, large)->outcome, TOCSIN_DELIVERED);
	assert_int_equal(records_in(&place, "alerts.log"), 1);
	assert_int_equal(records_in(&place, "alerts.log.1"), 1);
	assert_int_equal(records_in(&place, "alerts.log.2"), 1);
	place_done(&place);
}

static void a_file_is_for_one_period(void **unused)
{
	struct place place;
	time_t yesterday = time(NULL) - 86400, tomorrow = time(NULL) + 86400;

	(void)unused;
	place_init(&place);
	place.config.rotate.every = 86400000;
	place.state = fake_open(&place.config);
	assert_int_equal(write_one(&place, NULL, "old")->outcome, TOCSIN_DELIVERED);
	assert_int_equal(utimensat(AT_FDCWD, place.path,
				   (struct timespec[]){{yesterday, 0}, {yesterday, 0}}, 0),
			 0);
	assert_int_equal(write_one(&place, NULL, "new")->outcome, TOCSIN_DELIVERED);
	assert_int_equal(write_one(&place, NULL, "new")->outcome, TOCSIN_DELIVERED);
	assert_int_equal(records_in(&place, "alerts.log.1"), 1);
	assert_int_equal(records_in(&place, "alerts.log"), 2);
	/* written by a clock that was wrong: nothing begins anew for that */
	assert_int_equal(utimensat(AT_FDCWD, place.path,
				   (struct timespec[]){{tomorrow, 0}, {tomorrow, 0}}, 0),
			 0);
	assert_int_equal(write_one(&place, NULL, "new")->outcome, TOCSIN_DELIVERED);
	assert_int_equal(records_in(&place, "alerts.log"), 3);
	place_done(&place);
}

static void periods_begin_at_midnight_and_on_mondays(void **unused)
{
	static char zone[] = "TZ=CET-1", utc[] = "TZ=UTC";
	const int64_t day = 86400000, midnight = INT64_C(1763334000000); /* Mo 2025-11-17 0:00 +1 */

	(void)unused;
	putenv(zone);
	tzset();
	assert_int_equal(rotation_period(day, midnight), rotation_period(day, midnight - 1) + 1);
	assert_int_equal(rotation_period(day, midnight + day - 1), rotation_period(day, midnight));
	assert_int_equal(rotation_period(7 * day, midnight),
			 rotation_period(7 * day, midnight - 1) + 1);
	assert_int_equal(rotation_period(7 * day, midnight + 7 * day - 1),
			 rotation_period(7 * day, midnight));
	putenv(utc);
	tzset();
}

static void a_file_that_cannot_begin_anew_goes_on(void **unused)
{
	struct place place;
	char path[256];

	(void)unused;
	place_init(&place);
	place.config.rotate = (struct file_rotate){.size = 1024, .keep = 1};
	in_directory(&place, path, "alerts.log.1");
	assert_int_equal(mkdir(path, 0700), 0);
	place.state = fake_open(&place.config);
	for (int i = 0; i < 20; i++)
		assert_int_equal(write_one(&place, NULL, "x")->outcome, TOCSIN_DELIVERED);
	assert_int_equal(records_in(&place, "alerts.log"), 20);
	assert_non_null(strstr(fake_self()->log, "WARNING cannot rotate"));
	assert_null(strstr(strstr(fake_self()->log, "WARNING") + 1, "WARNING")); /* said once */
	place_done(&place);
}

struct writer {
	pthread_t thread;
	struct logfile file;
	struct logfile_settings settings;
	const char *path;
	int failed;
};

static void *write_many(void *data)
{
	struct writer *writer = data;
	char line[64];

	for (int i = 0; i < 500; i++) {
		int length =
			snprintf(line, sizeof(line), "{\"writer\": %p, \"line\": %d}\n", data, i);

		writer->failed += logfile_append(&writer->file, line, (size_t)length) != 0;
	}
	return NULL;
}

/* Four workers, one file: each record once, whole, whoever began the new file. */
static void workers_that_share_a_file_lose_nothing_when_it_begins_anew(void **unused)
{
	struct writer writers[4];
	struct place place;
	int all = 0;

	(void)unused;
	place_init(&place);
	for (int i = 0; i < 4; i++) {
		writers[i] = (struct writer){.path = place.path,
					     .settings = {0640, false, {2000, 0, 1000}}};
		logfile_init(&writers[i].file, place.path, &writers[i].settings);
		assert_int_equal(pthread_create(&writers[i].thread, NULL, write_many, &writers[i]),
				 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(writers[i].thread, NULL);
		assert_int_equal(writers[i].failed, 0);
		logfile_done(&writers[i].file);
	}
	for (int i = 0; i < files_in(place.directory); i++) {
		char name[32] = "alerts.log";

		if (i > 0)
			snprintf(name, sizeof(name), "alerts.log.%d", i);
		all += records_in(&place, name);
	}
	assert_int_equal(all, 2000);
	fake_remove(place.directory);
	fake_remove(place.victim);
}

static void the_preview_is_the_record(void **unused)
{
	struct place place;
	struct fake_alert fake;
	char *text;

	(void)unused;
	place_init(&place);
	fake_alert_init(&fake, "x");
	place.config.format = FILE_TEXT;
	place.config.title = fake_text("T");
	place.config.message = fake_text("M\nN");
	text = tocsin_plugin.channel->preview(&fake_host, &place.config, &fake.delivery);
	assert_non_null(strstr(text, "CRITICAL ALERT - T\n"));
	assert_non_null(strstr(text, "\n  M\n  N\n"));
	free(text);
	place.config.format = FILE_JSON;
	text = tocsin_plugin.channel->preview(&fake_host, &place.config, &fake.delivery);
	assert_non_null(strstr(text, "\"message\":\"M\\nN\""));
	free(text);
	assert_int_equal(files_in(place.directory), 0);
	fake_remove(place.directory);
	fake_remove(place.victim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_begins_anew_before_it_gets_too_large),
		cmocka_unit_test(a_record_that_is_larger_than_a_file_is_kept),
		cmocka_unit_test(a_file_is_for_one_period),
		cmocka_unit_test(periods_begin_at_midnight_and_on_mondays),
		cmocka_unit_test(a_file_that_cannot_begin_anew_goes_on),
		cmocka_unit_test(workers_that_share_a_file_lose_nothing_when_it_begins_anew),
		cmocka_unit_test(the_preview_is_the_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
