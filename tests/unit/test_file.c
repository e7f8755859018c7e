/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "../../plugins/channels/file/file.h"
#include "fake_host.h"
#include "scarce.h"

#define RULE "============================================================\n"

struct place {
	char directory[64], log[128], other[128];
};

static void place_init(struct place *place)
{
	fake_reset();
	fake_directory(place->directory);
	snprintf(place->log, sizeof(place->log), "%s/alerts.log", place->directory);
	snprintf(place->other, sizeof(place->other), "%s/other", place->directory);
}

static struct file_config to(const struct place *place, int64_t format)
{
	return (struct file_config){.path = place->log,
				    .format = format,
				    .mode = "0640",
				    .most_files = 1000,
				    .sync = true};
}

static void put_file(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

static void assert_content(const char *path, const char *wanted)
{
	char *text = fake_read(path);

	assert_string_equal(text, wanted);
	free(text);
}

static void text_is_the_alerts_log_of_people(void **unused)
{
	struct fake_alert fake;
	struct place place;
	struct file_config config;
	void *state;

	(void)unused;
	place_init(&place);
	config = to(&place, FILE_TEXT);
	state = fake_open(&config);
	fake_alert_init(&fake, "SLA Compliance");
	fake_annotate(&fake, "message", "line one\r\n" RULE "line two");
	fake_annotate(&fake, "metric_value", "65.2");
	fake_annotate(&fake, "window", "24 h");
	assert_int_equal(fake_deliver(state, &fake)->outcome, TOCSIN_DELIVERED);
	tocsin_plugin.channel->close(state);
	assert_content(
		place.log,
		RULE "🚨 CRITICAL ALERT - SLA Compliance\n" RULE
		     "Time: 2025-11-18 14:30:45\nMessage:\n  line one\n  " RULE "  line two\n"
		     "Metric Value: 65.2\nDetails:\n  site: www.example.com\n  window: 24 h\n" RULE
		     "\n");
	fake_remove(place.directory);
}

static void a_resolve_reads_as_good_news(void **unused)
{
	struct fake_alert fake;
	struct place place;
	struct file_config config;
	char *text;
	void *state;

	(void)unused;
	place_init(&place);
	config = to(&place, FILE_TEXT);
	state = fake_open(&config);
	fake_alert_init(&fake, "SLA Compliance");
	fake.alert.status = TOCSIN_RESOLVED;
	fake_deliver(state, &fake);
	tocsin_plugin.channel->close(state);
	text = fake_read(place.log);
	assert_non_null(strstr(text, RULE "✅ RESOLVED - SLA Compliance\n" RULE));
	free(text);
	fake_remove(place.directory);
}

static void json_is_one_object_a_line(void **unused)
{
	const char *who[] = {"ops@example.com"};
	struct fake_alert fake;
	struct place place;
	struct file_config config;
	json_t *object;
	char *text;
	void *state;

	(void)unused;
	place_init(&place);
	config = to(&place, FILE_JSON);
	state = fake_open(&config);
	fake_alert_init(&fake, "a\nb");
	fake_label(&fake, "alertname", "SLA");
	fake_annotate(&fake, "metric_value", "65.2 %");
	fake.alert.recipients = (struct tocsin_strings){who, 1};
	fake_deliver(state, &fake);
	fake_deliver(state, &fake);
	tocsin_plugin.channel->close(state);
	text = fake_read(place.log);
	object = json_loads(text, JSON_DISABLE_EOF_CHECK, NULL);
	assert_non_null(object);
	assert_string_equal(json_string_value(json_object_get(object, "timestamp")),
			    "2025-11-18T14:30:45.123Z");
	assert_string_equal(json_string_value(json_object_get(object, "priority")), "critical");
	assert_string_equal(json_string_value(json_object_get(object, "category")), "SLA");
	assert_string_equal(json_string_value(json_object_get(object, "metric_value")), "65.2 %");
	assert_string_equal(json_string_value(json_object_get(object, "status")), "firing");
	assert_int_equal(json_array_size(json_object_get(object, "recipients")), 1);
	assert_ptr_equal(strchr(strchr(text, '\n') + 1, '\n') + 1, text + strlen(text));
	json_decref(object);
	free(text);
	fake_remove(place.directory);
}

static void a_batch_is_written_in_order_and_completed(void **unused)
{
	struct tocsin_delivery *batch[64];
	struct fake_alert fakes[64];
	struct place place;
	struct file_config config;
	char summaries[64][16], wanted[40], *text, *at;
	void *state;

	(void)unused;
	place_init(&place);
	config = to(&place, FILE_JSON);
	state = fake_open(&config);
	for (size_t i = 0; i < 64; i++) {
		snprintf(summaries[i], sizeof(summaries[i]), "number %zu", i);
		fake_alert_init(&fakes[i], summaries[i]);
		batch[i] = &fakes[i].delivery;
	}
	tocsin_plugin.channel->deliver(state, batch, 64);
	assert_int_equal(fake_self()->n, 64);
	tocsin_plugin.channel->close(state);
	at = text = fake_read(place.log);
	for (size_t i = 0; i < 64; i++) {
		snprintf(wanted, sizeof(wanted), "\"message\":\"number %zu\"", i);
		at = strstr(at, wanted);
		assert_non_null(at);
	}
	free(text);
	fake_remove(place.directory);
}

static void the_file_gets_its_mode_whatever_the_umask(void **unused)
{
	mode_t before = umask(0777);
	struct place place;
	struct file_config config;
	struct stat st;

	(void)unused;
	umask(022);
	place_init(&place);
	umask(0777);
	config = to(&place, FILE_TEXT);
	tocsin_plugin.channel->close(fake_open(&config));
	umask(before);
	assert_int_equal(stat(place.log, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	fake_remove(place.directory);
}

static void a_torn_record_is_ended_before_the_next(void **unused)
{
	struct fake_alert fake;
	struct place place;
	struct file_config config;
	char *text;
	void *state;

	(void)unused;
	place_init(&place);
	config = to(&place, FILE_JSON);
	put_file(place.log, "{\"id\":\"torn");
	state = fake_open(&config);
	fake_alert_init(&fake, "x");
	fake_deliver(state, &fake);
	tocsin_plugin.channel->close(state);
	text = fake_read(place.log);
	assert_memory_equal(text, "{\"id\":\"torn\n{\"id\":\"0123", 23);
	free(text);
	fake_remove(place.directory);
}

/* The file size limit of the process stands in for a full disk: the write stops midway. */
static void what_does_not_fit_leaves_nothing_behind(void **unused)
{
	struct rlimit before, small;
	struct fake_alert fake;
	struct place place;
	struct file_config config;
	enum tocsin_outcome outcome;
	void *state;

	(void)unused;
	place_init(&place);
	config = to(&place, FILE_JSON);
	put_file(place.log, "kept\n");
	state = fake_open(&config);
	fake_alert_init(&fake, "x");
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	small = (struct rlimit){100, before.rlim_max};
	setrlimit(RLIMIT_FSIZE, &small);
	outcome = fake_deliver(state, &fake)->outcome;
	setrlimit(RLIMIT_FSIZE, &before);
	assert_int_equal(outcome, TOCSIN_UNAVAILABLE);
	assert_content(place.log, "kept\n");
	assert_int_equal(fake_deliver(state, &fake)->outcome, TOCSIN_DELIVERED);
	tocsin_plugin.channel->close(state);
	fake_remove(place.directory);
}

static void rotation_moves_to_a_new_file(void **unused)
{
	struct fake_alert fake;
	struct place place;
	struct file_config config;
	struct stat st;
	void *state;

	(void)unused;
	place_init(&place);
	config = to(&place, FILE_TEXT);
	state = fake_open(&config);
	assert_int_equal(rename(place.log, place.other), 0);
	tocsin_plugin.channel->reopen(state);
	fake_alert_init(&fake, "x");
	fake_deliver(state, &fake);
	assert_int_equal(stat(place.other, &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(stat(place.log, &st), 0);
	assert_true(st.st_size > 0);
	/* deleted without a signal: made again */
	unlink(place.log);
	assert_int_equal(fake_deliver(state, &fake)->outcome, TOCSIN_DELIVERED);
	assert_int_equal(stat(place.log, &st), 0);
	/* so is a directory that was replaced */
	fake_remove(place.directory);
	assert_int_equal(fake_deliver(state, &fake)->outcome, TOCSIN_UNAVAILABLE);
	assert_int_equal(mkdir(place.directory, 0700), 0);
	assert_int_equal(fake_deliver(state, &fake)->outcome, TOCSIN_DELIVERED);
	tocsin_plugin.channel->close(state);
	fake_remove(place.directory);
}

static void assert_refused(const char *path, const char *word)
{
	struct file_config config = {.path = path, .mode = "0640", .sync = true};
	void *state = NULL;

	fake_reset();
	assert_true(tocsin_plugin.channel->open(fake_self(), &fake_host, &config, &state) < 0);
	assert_null(state);
	assert_non_null(strstr(fake_self()->log, path));
	if (!strstr(fake_self()->log, word))
		fail_msg("'%s' not in: %s", word, fake_self()->log);
}

static void unsafe_places_are_refused(void **unused)
{
	struct place place;
	char path[256];

	(void)unused;
	place_init(&place);
	put_file(place.other, "precious\n");
	assert_int_equal(symlink(place.other, place.log), 0);
	assert_refused(place.log, "symbolic link");
	unlink(place.log);
	assert_int_equal(link(place.other, place.log), 0);
	assert_refused(place.log, "hard links");
	unlink(place.log);
	assert_int_equal(mkfifo(place.log, 0600), 0);
	assert_refused(place.log, "not a regular file");
	unlink(place.log);
	assert_int_equal(symlink(place.directory, place.log), 0);
	snprintf(path, sizeof(path), "%s/x.log", place.log);
	assert_refused(path, "symbolic link");
	unlink(place.log);
	snprintf(path, sizeof(path), "%s/missing/x.log", place.directory);
	assert_refused(path, "does not exist; create it");
	assert_refused("/dev/null", "not a regular file");
	assert_refused(place.directory, "Is a directory");
	assert_content(place.other, "precious\n");
	fake_remove(place.directory);
}

static void a_place_that_turns_unsafe_is_left_alone(void **unused)
{
	struct fake_alert fake;
	struct place place;
	struct file_config config;
	void *state;

	(void)unused;
	place_init(&place);
	config = to(&place, FILE_TEXT);
	put_file(place.other, "precious\n");
	state = fake_open(&config);
	unlink(place.log);
	assert_int_equal(symlink(place.other, place.log), 0);
	tocsin_plugin.channel->reopen(state);
	fake_alert_init(&fake, "x");
	assert_int_equal(fake_deliver(state, &fake)->outcome, TOCSIN_UNAVAILABLE);
	assert_content(place.other, "precious\n");
	tocsin_plugin.channel->close(state);
	fake_remove(place.directory);
}

static void the_mode_is_checked(void **unused)
{
	static const char *const bad[] = {"",     "640x", "rw-r-----", "0",
					  "0777", "0666", "0440",      "-1"};
	struct file_config config = {.path = "/var/log/x.log", .mode = "0640", .sync = true};
	char why[256];

	(void)unused;
	assert_null(tocsin_plugin.channel->check(&config, why, sizeof(why)));
	for (size_t i = 0; i < TOCSIN_COUNT(bad); i++) {
		config.mode = bad[i];
		assert_non_null(tocsin_plugin.channel->check(&config, why, sizeof(why)));
	}
}

struct sweep {
	struct place place;
	struct file_config config;
	struct fake_alert fake;
	char *wanted; /* the file after one delivery */
};

/* What is in the file after a delivery is the whole record, or nothing. */
static int append_one(void *data)
{
	struct sweep *sweep = data;
	const struct fake_done *done;
	char found[4096] = "";
	void *state = NULL;
	int result, fd;

	fake_reset();
	if (truncate(sweep->place.log, 0) < 0)
		scarce_fail("no file");
	result = tocsin_plugin.channel->open(fake_self(), &fake_host, &sweep->config, &state);
	if (result < 0)
		return result;
	done = fake_deliver(state, &sweep->fake);
	tocsin_plugin.channel->close(state);
	fd = open(sweep->place.log, O_RDONLY);
	if (read(fd, found, sizeof(found) - 1) < 0)
		scarce_fail("no file");
	close(fd);
	if (strcmp(found, done->outcome == TOCSIN_DELIVERED ? sweep->wanted : "") != 0)
		scarce_fail("half a record");
	return done->outcome == TOCSIN_DELIVERED ? 0 : -ENOMEM;
}

static void a_record_is_whole_or_is_tried_again_when_memory_is_short(void **unused)
{
	(void)unused;
	for (int format = FILE_TEXT; format <= FILE_JSON; format++) {
		struct sweep sweep;
		void *state;

		place_init(&sweep.place);
		sweep.config = to(&sweep.place, format);
		sweep.config.sync = false;
		fake_alert_init(&sweep.fake, "disk is full \xff");
		fake_annotate(&sweep.fake, "metric_value", "97 %");
		state = fake_open(&sweep.config);
		(void)fake_deliver(state, &sweep.fake);
		tocsin_plugin.channel->close(state);
		sweep.wanted = fake_read(sweep.place.log);
		assert_true(scarce_sweep("file", append_one, &sweep) > 0);
		free(sweep.wanted);
		fake_remove(sweep.place.directory);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_the_alerts_log_of_people),
		cmocka_unit_test(a_resolve_reads_as_good_news),
		cmocka_unit_test(json_is_one_object_a_line),
		cmocka_unit_test(a_batch_is_written_in_order_and_completed),
		cmocka_unit_test(the_file_gets_its_mode_whatever_the_umask),
		cmocka_unit_test(a_torn_record_is_ended_before_the_next),
		cmocka_unit_test(what_does_not_fit_leaves_nothing_behind),
		cmocka_unit_test(rotation_moves_to_a_new_file),
		cmocka_unit_test(unsafe_places_are_refused),
		cmocka_unit_test(a_place_that_turns_unsafe_is_left_alone),
		cmocka_unit_test(the_mode_is_checked),
		cmocka_unit_test(a_record_is_whole_or_is_tried_again_when_memory_is_short),
	};

	return cmocka_run_group_tests(tests, fake_in_utc, NULL);
}
