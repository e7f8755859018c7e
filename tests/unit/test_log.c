/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <jansson.h>

#include "base/log.h"

static int pipes[2];
static struct log *opened;
static char line[65536];

static int open_log(void **state)
{
	(void)state;
	assert_int_equal(pipe(pipes), 0);
	return log_new(&opened, pipes[1], LOG_TEXT, TOCSIN_LOG_INFO);
}

static int close_log(void **state)
{
	(void)state;
	log_free(opened);
	close(pipes[0]);
	close(pipes[1]);
	return 0;
}

/* What was written since the last call; a pipe gives one write at a time as long as it is read. */
static const char *written(void)
{
	ssize_t n;

	assert_int_equal(write(pipes[1], "", 1), 1);
	n = read(pipes[0], line, sizeof(line) - 1);
	assert_true(n > 0);
	line[n] = '\0';
	return line;
}

static void a_line_has_time_level_who_and_text(void **state)
{
	const char *text;

	(void)state;
	log_write(opened, TOCSIN_LOG_INFO, "mail", "sent to %s", "ops@example.com");
	text = written();
	assert_int_equal(strlen("2025-11-18 14:30:45.123"), 23);
	assert_int_equal(text[19], '.');
	assert_string_equal(text + 23, " info    mail: sent to ops@example.com\n");
	log_write(opened, TOCSIN_LOG_WARNING, NULL, "careful");
	assert_string_equal(written() + 23, " warning careful\n");
}

static void lines_below_the_level_are_not_written(void **state)
{
	(void)state;
	log_write(opened, TOCSIN_LOG_DEBUG, NULL, "detail");
	assert_string_equal(written(), "");
	log_set_level(opened, TOCSIN_LOG_DEBUG);
	log_write(opened, TOCSIN_LOG_DEBUG, NULL, "detail");
	assert_string_equal(written() + 23, " debug   detail\n");
	log_write(NULL, TOCSIN_LOG_ERROR, NULL, "nobody");
	assert_string_equal(written(), "");
}

static void hostile_text_stays_on_its_line(void **state)
{
	(void)state;
	log_write(opened, TOCSIN_LOG_ERROR, "a\nb", "x\r\n2025 info fake\x1b]8;;\x07 \xFF\xC2\x85");
	assert_string_equal(written() + 23,
			    " error   a\\nb: x\\r\\n2025 info fake\\x1b]8;;\\x07 \\xff\\u0085\n");
}

static void json_lines_are_json(void **state)
{
	json_t *object;
	const char *text;

	(void)state;
	log_set_format(opened, LOG_JSON);
	log_write(opened, TOCSIN_LOG_ERROR, "mail", "a \"quote\" \\ \n \x1b \xFF é");
	text = written();
	assert_null(strchr(text, 0x1b));
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	object = json_loads(text, 0, NULL);
	assert_non_null(object);
	assert_string_equal(json_string_value(json_object_get(object, "level")), "error");
	assert_string_equal(json_string_value(json_object_get(object, "who")), "mail");
	assert_string_equal(json_string_value(json_object_get(object, "text")),
			    "a \"quote\" \\ \n \x1b � é");
	assert_int_equal(strlen(json_string_value(json_object_get(object, "time"))), 24);
	json_decref(object);
}

static void secrets_are_masked_in_every_line(void **state)
{
	char text[64] = "with hunter2 and hunter22";

	(void)state;
	assert_int_equal(log_secret(opened, "hunter2"), 0);
	assert_int_equal(log_secret(opened, "hunter22"), 0);
	assert_int_equal(log_secret(opened, "hunter2"), 0);
	log_write(opened, TOCSIN_LOG_INFO, "mail", "password %s, %s.", "hunter2", "hunter22");
	assert_string_equal(written() + 23, " info    mail: password ***, ***.\n");
	log_mask(opened, text);
	assert_string_equal(text, "with *** and ***");
}

static void overlapping_secrets_leave_nothing_behind(void **state)
{
	char text[64] = "[abcdefgh] [efghabcd]";

	(void)state;
	assert_int_equal(log_secret(opened, "abcd"), 0);
	assert_int_equal(log_secret(opened, "cdefgh"), 0);
	log_mask(opened, text);
	assert_string_equal(text, "[***] [efgh***]");
}

static void short_values_do_not_hide_half_of_the_text(void **state)
{
	char text[] = "a banana";

	(void)state;
	assert_int_equal(log_secret(opened, "a"), 0);
	assert_int_equal(log_secret(opened, "ana"), 0);
	assert_int_equal(log_secret(opened, ""), 0);
	log_mask(opened, text);
	assert_string_equal(text, "a banana");
}

static void a_secret_at_the_cut_of_a_long_line_is_masked(void **state)
{
	static char text[20000];

	(void)state;
	assert_int_equal(log_secret(opened, "hunter2"), 0);
	memset(text, 'x', sizeof(text) - 1);
	memcpy(text + 16384 - 3, "hunter2", 7);
	log_write(opened, TOCSIN_LOG_INFO, NULL, "%s", text);
	assert_null(strstr(written(), "hun"));
	assert_true(strlen(line) < 16500);
}

/* Waits until something is there, without taking it. */
static bool appears(int within_ms)
{
	struct pollfd fd = {.fd = pipes[0], .events = POLLIN};

	return poll(&fd, 1, within_ms) == 1;
}

static void gathered_lines_are_written_soon(void **state)
{
	(void)state;
	log_gather(opened);
	log_write(opened, TOCSIN_LOG_INFO, NULL, "one");
	assert_true(appears(10000));
	assert_string_equal(written() + 23, " info    one\n");
	assert_false(appears(3 * LOG_GATHER_MS));
}

static void gathered_lines_are_written_before_anything_worse(void **state)
{
	const char *two;

	(void)state;
	log_gather(opened);
	log_write(opened, TOCSIN_LOG_INFO, NULL, "one");
	log_write(opened, TOCSIN_LOG_WARNING, NULL, "two");
	assert_true(appears(0));
	two = strchr(written(), '\n');
	assert_string_equal(two + 1 + 23, " warning two\n");
	log_write(opened, TOCSIN_LOG_INFO, NULL, "three");
	log_flush(opened);
	assert_true(appears(0));
	assert_string_equal(written() + 23, " info    three\n");
}

static void lines_that_come_together_are_written_together(void **state)
{
	struct log *log;
	size_t writes = 0;
	int ends[2]; /* a message for each write */

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	assert_int_equal(log_new(&log, ends[1], LOG_TEXT, TOCSIN_LOG_INFO), 0);
	log_gather(log);
	for (int i = 0; i < 100; i++)
		log_write(log, TOCSIN_LOG_INFO, NULL, "line");
	log_free(log);
	for (size_t lines = 0; lines < 100; writes++) {
		ssize_t n = read(ends[0], line, sizeof(line) - 1);

		assert_true(n > 0);
		line[n] = '\0';
		for (const char *at = line; (at = strchr(at, '\n')) != NULL; at++)
			lines++;
	}
	assert_in_range(writes, 1, 50);
	close(ends[0]);
	close(ends[1]);
}

static void the_end_of_a_log_writes_what_was_gathered(void **state)
{
	(void)state;
	log_gather(opened);
	log_write(opened, TOCSIN_LOG_INFO, NULL, "last words");
	log_free(opened);
	assert_string_equal(written() + 23, " info    last words\n");
	assert_int_equal(log_new(&opened, pipes[1], LOG_TEXT, TOCSIN_LOG_INFO), 0);
}

static void *write_lines(void *data)
{
	for (int i = 0; i < 200; i++) {
		log_write(opened, TOCSIN_LOG_INFO, data, "line");
		log_secret(opened, data);
	}
	return NULL;
}

static void threads_do_not_mix_their_lines(void **state)
{
	static char names[4][8] = {"one1", "two2", "three3", "four4"};
	pthread_t threads[4];
	size_t lines = 0;

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_lines, names[i]), 0);
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	written();
	for (const char *at = line; *at != '\0'; lines++) {
		assert_int_equal(strncmp(at + 23, " info    ", 9), 0);
		at = strchr(at, '\n') + 1;
	}
	assert_int_equal(lines, 800);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_line_has_time_level_who_and_text, open_log,
						close_log),
		cmocka_unit_test_setup_teardown(lines_below_the_level_are_not_written, open_log,
						close_log),
		cmocka_unit_test_setup_teardown(hostile_text_stays_on_its_line, open_log,
						close_log),
		cmocka_unit_test_setup_teardown(json_lines_are_json, open_log, close_log),
		cmocka_unit_test_setup_teardown(secrets_are_masked_in_every_line, open_log,
						close_log),
		cmocka_unit_test_setup_teardown(overlapping_secrets_leave_nothing_behind, open_log,
						close_log),
		cmocka_unit_test_setup_teardown(short_values_do_not_hide_half_of_the_text, open_log,
						close_log),
		cmocka_unit_test_setup_teardown(a_secret_at_the_cut_of_a_long_line_is_masked,
						open_log, close_log),
		cmocka_unit_test_setup_teardown(gathered_lines_are_written_soon, open_log,
						close_log),
		cmocka_unit_test_setup_teardown(gathered_lines_are_written_before_anything_worse,
						open_log, close_log),
		cmocka_unit_test_setup_teardown(lines_that_come_together_are_written_together,
						open_log, close_log),
		cmocka_unit_test_setup_teardown(the_end_of_a_log_writes_what_was_gathered, open_log,
						close_log),
		cmocka_unit_test_setup_teardown(threads_do_not_mix_their_lines, open_log,
						close_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
